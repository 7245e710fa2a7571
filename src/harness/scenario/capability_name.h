// What `requires:` may ask for.
#pragma once

#include <span>
#include <string>

namespace mirrorlab::scenario {

struct CapabilityName {
  std::string name;   // as scenarios write it
  std::string probe;  // as `mirrorlab doctor` lists it
};
[[nodiscard]] std::span<const CapabilityName> capability_names();

}  // namespace mirrorlab::scenario
