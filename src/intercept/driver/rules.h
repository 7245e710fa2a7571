// The iptables rules that send the test host's replies to the queue.
//
// When the program is killed they stay, and with nobody reading the kernel drops what they match.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace mirrorlab::intercept {

class Rules {
 public:
  Rules(std::vector<uint16_t> service_ports, uint16_t queue, std::vector<std::string> passed);

  // The exact commands, for an operator (--print-setup).
  [[nodiscard]] std::vector<std::string> commands() const;
  // Adds what is not there yet: rules a killed predecessor left are taken over.
  tl::expected<void, std::string> install();
  // Removes them, every copy.
  void remove();

 private:
  using Command = std::vector<std::string>;
  [[nodiscard]] std::vector<Command> rules() const;
  std::vector<uint16_t> ports_;
  uint16_t queue_;
  std::vector<std::string> passed_;
};

}  // namespace mirrorlab::intercept
