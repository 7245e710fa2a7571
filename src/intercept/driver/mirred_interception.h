// --via=mirred: replies are redirected at tc egress to a sink, a veth pair that leads nowhere, and
// read there by a packet ring. The test host's TCP believes that they left.
//
// Works for an ordinary user in a namespace of his own; on Ethernet devices only, because the sink
// is one. Forwarded packets from the service's port are taken too: name the devices (--device) on a
// test host that is a router. What is set up stays when this process dies, with nobody reading.
#pragma once

#include <set>

#include "intercept/driver/interception.h"
#include "intercept/driver/tc.h"
#include "os/devices.h"
#include "os/fd.h"

namespace mirrorlab::intercept {

class MirredInterception : public Interception {
 public:
  explicit MirredInterception(const InterceptOptions& options) : options_(options) {}
  tl::expected<Sources, std::string> open() override;
  tl::expected<std::string, std::string> install() override;
  tl::expected<void, std::string> follow_changes() override;
  tl::expected<void, std::string> at_rest() override;
  void remove() override;
  [[nodiscard]] std::vector<std::string> commands() const override;
  [[nodiscard]] std::vector<Finding> check() const override;

 private:
  [[nodiscard]] FilterPlace place() const { return {"all", 2, options_.queue + 1U}; }
  [[nodiscard]] std::string sink() const { return "mi-sink" + std::to_string(options_.queue); }
  [[nodiscard]] std::string drain() const { return "mi-drain" + std::to_string(options_.queue); }
  [[nodiscard]] std::vector<Words> sink_commands() const;
  [[nodiscard]] Words redirect_command(const std::string& device) const;
  // Those that replies may leave by.
  [[nodiscard]] static std::vector<os::Device> redirectable_devices();
  [[nodiscard]] std::vector<os::Device> covered_devices() const;
  const InterceptOptions& options_;
  os::Fd lock_;
  std::set<int> covered_;  // by index
};

}  // namespace mirrorlab::intercept
