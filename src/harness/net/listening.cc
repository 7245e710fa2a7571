#include "harness/net/listening.h"

#include <charconv>
#include <fstream>
#include <sstream>
#include <string>

namespace mirrorlab::net {

bool is_listening(uint16_t port) {
  for (const char* table : {"/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"}) {
    std::ifstream in(table);
    // "0: 00000000:0050 00000000:0000 0A ...": 0A is LISTEN.
    for (std::string line; std::getline(in, line);) {
      std::istringstream fields(line);
      std::string slot;
      std::string local;
      std::string remote;
      std::string state;
      if (!(fields >> slot >> local >> remote >> state) || state != "0A") continue;
      const size_t colon = local.rfind(':');
      unsigned found = 0;
      std::from_chars(local.data() + colon + 1, local.data() + local.size(), found, 16);
      if (found == port) return true;
    }
  }
  return false;
}

}  // namespace mirrorlab::net
