#include "harness/cli/box_state.h"

#include <charconv>
#include <fstream>
#include <sstream>
#include <string>

namespace mirrorlab::cli {

namespace {
uint64_t hex(const std::string& text, size_t from = 0) {
  uint64_t value = 0;
  std::from_chars(text.data() + from, text.data() + text.size(), value, 16);
  return value;
}
}  // namespace

BoxDrops box_drops() {
  BoxDrops drops;
  // A line per CPU, hexadecimal: processed, dropped, ...
  std::ifstream in("/proc/net/softnet_stat");
  for (std::string line; std::getline(in, line);) {
    std::istringstream fields(line);
    std::string processed;
    std::string dropped;
    if (fields >> processed >> dropped) drops.softnet += hex(dropped);
  }
  return drops;
}

OpenConnections open_connections(std::istream& table, uint16_t port) {
  OpenConnections found;
  for (std::string line; std::getline(table, line);) {
    std::istringstream fields(line);
    std::string slot;
    std::string local;
    std::string remote;
    std::string state;
    if (!(fields >> slot >> local >> remote >> state)) continue;
    // 06 TIME-WAIT, 07 CLOSE, 0A LISTEN; a table's head line has no number there.
    if (state.size() != 2 || state == "06" || state == "07" || state == "0A") continue;
    const size_t colon = local.rfind(':');
    if (colon == std::string::npos || hex(local, colon + 1) != port) continue;
    ++found.open;
    // 04 FIN-WAIT-1, 09 LAST-ACK, 0B CLOSING
    if (state == "04" || state == "09" || state == "0B") ++found.closing;
  }
  return found;
}

OpenConnections open_connections(uint16_t port) {
  OpenConnections all;
  for (const char* name : {"/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"}) {
    std::ifstream table(name);
    const OpenConnections found = open_connections(table, port);
    all.open += found.open;
    all.closing += found.closing;
  }
  return all;
}

verify::Protocol protocol_of(const scenario::Service& service) {
  switch (service.kind) {
    case scenario::ServiceKind::nginx:
      return verify::Protocol::http;
    case scenario::ServiceKind::redis:
      return verify::Protocol::resp;
    case scenario::ServiceKind::recorder:
      return service.recorder.mode == "http" ? verify::Protocol::http : verify::Protocol::turns;
    default:
      return verify::Protocol::turns;
  }
}

}  // namespace mirrorlab::cli
