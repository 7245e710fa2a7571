#include "intercept/driver/live_connections.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <string>

namespace mirrorlab::intercept {

namespace {
constexpr const char* kTimeWait = "06";
constexpr const char* kListen = "0A";

uint16_t port_of(const std::string& endpoint) {
  uint16_t port = 0;
  const auto colon = endpoint.rfind(':');
  if (colon == std::string::npos) return 0;
  std::from_chars(endpoint.data() + colon + 1, endpoint.data() + endpoint.size(), port, 16);
  return port;
}

// The kernel prints addresses as 32-bit words of this machine's byte order (little-endian here).
bool is_loopback(const std::string& endpoint) {
  const auto address = endpoint.substr(0, endpoint.find(':'));
  if (address.size() == 8) return address.ends_with("7F");
  return address == "00000000000000000000000001000000" ||
         (address.starts_with("0000000000000000FFFF0000") && address.ends_with("7F"));
}
}  // namespace

size_t count_live_connections(std::istream& table, const std::vector<uint16_t>& ports) {
  size_t live = 0;
  for (std::string line; std::getline(table, line);) {
    std::istringstream fields(line);
    std::string slot;
    std::string local;
    std::string remote;
    std::string state;
    fields >> slot >> local >> remote >> state;
    if (!fields || state == kListen || state == kTimeWait || is_loopback(remote)) continue;
    if (std::ranges::find(ports, port_of(local)) != ports.end()) ++live;
  }
  return live;
}

size_t count_live_connections(const std::vector<uint16_t>& ports) {
  size_t live = 0;
  for (const char* path : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream in(path);
    live += count_live_connections(in, ports);
  }
  return live;
}

}  // namespace mirrorlab::intercept
