// The iptables rules that send the test host's replies to the queue: a chain of our own in the
// mangle table, entered from OUTPUT. No other rule is read or changed.
//
// When the program is killed they stay, and with nobody reading the kernel drops what they match
// (docs/decisions/0002-fail-closed.md). Installing replaces the chain in one transaction, so a
// successor takes a predecessor's over without a gap.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "intercept/driver/tc.h"

namespace mirrorlab::intercept {

class Rules {
 public:
  // `queues`: how many, from `queue` on. `passed`: destinations (ADDR or ADDR/LEN) left alone.
  Rules(std::vector<uint16_t> service_ports, uint16_t queue, uint16_t queues,
        std::vector<std::string> passed);

  // The exact commands, for an operator (--print-setup).
  [[nodiscard]] std::vector<std::string> commands() const;
  // Says which programs were used, and what was left out (IPv6 is off, or has no ip6tables).
  tl::expected<std::string, std::string> install();
  // Removes the chain and every jump to it, whichever iptables put them there.
  void remove();
  [[nodiscard]] std::string chain() const { return "mirror-intercept-" + std::to_string(queue_); }

 private:
  // "iptables", or "ip6tables", with "-nft", "-legacy" or nothing behind it.
  tl::expected<std::string, std::string> install_family(const std::string& base, bool v6);
  tl::expected<void, std::string> install_with(const std::string& program, bool v6);
  void remove_with(const std::string& program);
  [[nodiscard]] std::vector<Words> chain_rules(bool v6) const;

  std::vector<uint16_t> ports_;
  uint16_t queue_;
  uint16_t queues_;
  std::vector<std::string> passed_;
};

}  // namespace mirrorlab::intercept
