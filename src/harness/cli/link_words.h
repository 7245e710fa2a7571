// Impairments of a link as someone types them: "loss=5% delay=10ms". The keys and units are those
// of scenario files.
#pragma once

#include <span>
#include <string>
#include <tl/expected.hpp>

#include "harness/scenario/model.h"

namespace mirrorlab::cli {

[[nodiscard]] tl::expected<scenario::Impairments, std::string> parse_impairments(
    std::span<const std::string> words);

}  // namespace mirrorlab::cli
