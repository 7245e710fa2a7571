// --via=route: on an assistant host. The test host routes its replies there; a packet ring or
// libpcap takes copies of them, and because the assistant does not forward, they end.
//
// Nothing is set up here, so nothing is left: with the program dead the assistant still forwards
// nothing. Forwarding that is on is the one thing that would let replies through: then the program
// does not start.
#pragma once

#include "intercept/driver/interception.h"

namespace mirrorlab::intercept {

class RouteInterception : public Interception {
 public:
  explicit RouteInterception(const InterceptOptions& options) : options_(options) {}
  tl::expected<Sources, std::string> open() override;
  tl::expected<std::string, std::string> install() override;
  tl::expected<void, std::string> follow_changes() override;
  void remove() override {}
  [[nodiscard]] std::vector<std::string> commands() const override;
  [[nodiscard]] std::vector<Finding> check() const override;

 private:
  // The devices that replies arrive by.
  [[nodiscard]] tl::expected<std::vector<std::string>, std::string> arrivals() const;
  [[nodiscard]] tl::expected<std::unique_ptr<ReplySource>, std::string> reader(
      const std::string& device) const;
  const InterceptOptions& options_;
};

// Switches under /proc/sys/net that make this host forward packets that arrive by `device`.
[[nodiscard]] std::vector<std::string> forwarding_switches(const std::string& device,
                                                           const std::string& proc_net);

}  // namespace mirrorlab::intercept
