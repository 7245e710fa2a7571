// tc (iproute2), as far as the interception methods need it: the filters of ours on a device's
// egress, and the clsact qdisc they hang on. Filters of others are never touched.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace mirrorlab::intercept {

using Words = std::vector<std::string>;

[[nodiscard]] std::string join(const Words& words);
// Runs a command; empty, or what is wrong.
[[nodiscard]] std::string attempt(const Words& command, const std::string& input = {});

// One of our filters: others on the device have other priorities or handles.
struct FilterPlace {
  const char* protocol = "all";
  uint32_t priority = 1;
  uint32_t handle = 1;
};
[[nodiscard]] Words clsact_command(const std::string& device);
[[nodiscard]] Words filter_command(const std::string& verb, const std::string& device,
                                   const FilterPlace& place);
// Adds the clsact qdisc unless it is there.
tl::expected<void, std::string> need_clsact(const std::string& device);
[[nodiscard]] bool has_filter(const std::string& device, const FilterPlace& place);
// Removes these filters where they are, and the clsact qdisc when nothing hangs on it any more.
void remove_filters(const std::string& device, const std::vector<FilterPlace>& places);

}  // namespace mirrorlab::intercept
