// The lost sessions as lines of JSON (lost.jsonl): each with its place of death.
#pragma once

#include <string>

#include "harness/verify/verify.h"

namespace mirrorlab::report {

[[nodiscard]] std::string lost_lines(const verify::Report& verified);

}  // namespace mirrorlab::report
