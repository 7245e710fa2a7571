// "Did you mean ...?" for names that are nearly right.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace mirrorlab::scenario {

// " (did you mean `near`?)", or " (known: a, b, c)" when nothing is near and the list is short.
[[nodiscard]] std::string suggestion(std::string_view wrong, std::span<const std::string> known);

}  // namespace mirrorlab::scenario
