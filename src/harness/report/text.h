// The report for people: what was done, what was mirrored, what was lost where and why, what it
// cost, and how to see it again. Failures come first.
#pragma once

#include <string>

#include "harness/report/result.h"

namespace mirrorlab::report {

[[nodiscard]] std::string to_text(const Result& result);

// "12,345"; "19.8 MiB"; "0.31 ms".
[[nodiscard]] std::string grouped(uint64_t number);
[[nodiscard]] std::string size_text(double bytes);
[[nodiscard]] std::string milliseconds_text(double milliseconds);
// What a loss reason means, in a few words.
[[nodiscard]] std::string reason_words(const std::string& reason);

}  // namespace mirrorlab::report
