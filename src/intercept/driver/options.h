// mirror-intercept's command line.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "wire/flow.h"

namespace mirrorlab::intercept {

enum class Action : uint8_t { serve, check, print_setup, detach };

struct InterceptOptions {
  Action action = Action::serve;
  std::vector<uint16_t> service_ports;
  wire::Endpoint listen;
  std::string key_file;
  std::string counters_file;
  std::vector<std::string> passed;       // ADDR or ADDR/LEN
  std::vector<wire::IpAddress> clients;  // --check: is there a route back to them?
  uint16_t queue = 36;
  bool keep_rules = false;

  // The command that removes the rules this program installs.
  [[nodiscard]] std::string detach_command() const;
};

// The options, or the exit code (0 after --help and --version, 2 for a usage error): what there is
// to say has been printed then.
[[nodiscard]] tl::expected<InterceptOptions, int> parse_intercept_options(int argc,
                                                                          const char* const* argv);

}  // namespace mirrorlab::intercept
