// --via=nfqueue: replies go to kernel queues by iptables rules, and are dropped by verdict there.
//
// With several queues the kernel spreads replies over them by a hash of the two addresses; each is
// read by a thread of its own, and the replies of one connection stay in order.
#pragma once

#include "intercept/driver/interception.h"
#include "intercept/driver/rules.h"

namespace mirrorlab::intercept {

class NfqueueInterception : public Interception {
 public:
  NfqueueInterception(const InterceptOptions& options, OpenQueue open_queue);
  tl::expected<Sources, std::string> open() override;
  tl::expected<std::string, std::string> install() override { return rules_.install(); }
  tl::expected<void, std::string> at_rest() override;
  void remove() override { rules_.remove(); }
  [[nodiscard]] std::vector<std::string> commands() const override { return rules_.commands(); }
  [[nodiscard]] std::vector<Finding> check() const override;
  [[nodiscard]] nlohmann::json kernel_figures() override;

 private:
  const InterceptOptions& options_;
  OpenQueue open_queue_;
  Rules rules_;
};

}  // namespace mirrorlab::intercept
