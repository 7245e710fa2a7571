// mirror-intercept's command line.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "wire/flow.h"

namespace mirrorlab::intercept {

// How replies are taken away: docs/INTERCEPTION.md.
enum class Via : uint8_t { nfqueue, ebpf, mirred, route };
[[nodiscard]] const char* to_string(Via via);

// route: what copies the replies that arrive.
enum class Reader : uint8_t { ring, pcap };

enum class Action : uint8_t { serve, check, print_setup, detach };

struct InterceptOptions {
  Action action = Action::serve;
  Via via = Via::nfqueue;
  Reader reader = Reader::ring;
  std::string expression;  // pcap: what is read, pcap-filter(7); empty: the service ports
  std::vector<uint16_t> service_ports;
  wire::Endpoint listen;
  std::string key_file;
  std::string counters_file;
  std::vector<std::string> passed;       // ADDR or ADDR/LEN
  std::vector<wire::IpAddress> clients;  // --check: is there a route back to them?
  std::vector<std::string> devices;      // route, mirred; empty: all, or the only one
  uint16_t queue = 36;                   // the first of them; the other methods' number as well
  uint16_t queues = 1;
  uint32_t queue_length = 65536;  // replies that may wait to be read
  bool keep_rules = false;

  // The command that removes what this program sets up.
  [[nodiscard]] std::string detach_command() const;
};

// The options, or the exit code (0 after --help and --version, 2 for a usage error): what there is
// to say has been printed then.
[[nodiscard]] tl::expected<InterceptOptions, int> parse_intercept_options(int argc,
                                                                          const char* const* argv);

}  // namespace mirrorlab::intercept
