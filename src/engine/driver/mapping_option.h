// "--map 80-10.0.0.2:8080" and its longer forms.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "engine/core/config.h"

namespace mirrorlab::engine {

// "[ADDR:]PORT-ADDR:PORT", several separated by commas. IPv6 addresses in brackets.
[[nodiscard]] tl::expected<std::vector<Mapping>, std::string> parse_mappings(std::string_view text);

}  // namespace mirrorlab::engine
