// What `requires:` may ask for.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace mirrorlab::scenario {

struct CapabilityName {
  std::string name;   // as scenarios write it
  std::string probe;  // as `mirrorlab doctor` lists it
};
// A program on PATH, whatever it is: program:tcpcopy.
inline constexpr std::string_view kProgramPrefix = "program:";
[[nodiscard]] std::span<const CapabilityName> capability_names();

}  // namespace mirrorlab::scenario
