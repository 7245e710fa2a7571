#include "intercept/driver/tc.h"

#include <array>
#include <cstdio>

#include "os/command.h"

namespace mirrorlab::intercept {

namespace {
// What `tc ARGUMENTS` prints; empty when it fails.
std::string ask(const Words& command) {
  const auto done = os::run_command(command);
  return done && done->status == 0 ? done->output : std::string();
}
}  // namespace

std::string join(const Words& words) {
  std::string text;
  for (const auto& word : words) {
    const bool quote = word.find_first_of(" ,'\"") != std::string::npos;
    text += (text.empty() ? "" : " ") + (quote ? "'" + word + "'" : word);
  }
  return text;
}

std::string attempt(const Words& command, const std::string& input) {
  const auto done = os::run_command(command, input);
  if (!done) return done.error();
  if (done->status == 0) return {};
  return "`" + join(command) + "`: " + (done->output.empty() ? "failed" : done->output);
}

Words clsact_command(const std::string& device) {
  return {"tc", "qdisc", "add", "dev", device, "clsact"};
}

Words filter_command(const std::string& verb, const std::string& device, const FilterPlace& place) {
  return {"tc",       "filter",
          verb,       "dev",
          device,     "egress",
          "protocol", place.protocol,
          "prio",     std::to_string(place.priority),
          "handle",   std::to_string(place.handle),
          "bpf"};
}

tl::expected<void, std::string> need_clsact(const std::string& device) {
  if (ask({"tc", "qdisc", "show", "dev", device}).find("clsact") != std::string::npos) return {};
  if (auto wrong = attempt(clsact_command(device)); !wrong.empty()) return tl::unexpected(wrong);
  return {};
}

bool has_filter(const std::string& device, const FilterPlace& place) {
  const auto found = ask(
      {"tc", "filter", "show", "dev", device, "egress", "prio", std::to_string(place.priority)});
  std::array<char, 32> handle;
  std::snprintf(handle.data(), handle.size(), "handle 0x%x ", place.handle);
  return found.find(handle.data()) != std::string::npos;
}

void remove_filters(const std::string& device, const std::vector<FilterPlace>& places) {
  if (ask({"tc", "qdisc", "show", "dev", device}).find("clsact") == std::string::npos) return;
  for (const auto& place : places) {
    // Fails where there is none: then there is nothing to remove.
    static_cast<void>(attempt(filter_command("del", device, place)));
  }
  if (ask({"tc", "filter", "show", "dev", device, "egress"}).empty() &&
      ask({"tc", "filter", "show", "dev", device, "ingress"}).empty()) {
    static_cast<void>(attempt({"tc", "qdisc", "del", "dev", device, "clsact"}));
  }
}

}  // namespace mirrorlab::intercept
