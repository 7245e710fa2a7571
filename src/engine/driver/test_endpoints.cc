#include "engine/driver/test_endpoints.h"

#include <algorithm>

#include "os/local_address.h"

namespace mirrorlab::engine {

namespace {
bool is_group(const wire::IpAddress& address) {
  const auto bytes = address.bytes();
  if (!address.is_v4()) return bytes[0] == 0xff;
  return bytes[0] >= 224;  // multicast, reserved and the limited broadcast address
}
}  // namespace

std::string unsafe_mapping(const std::vector<Mapping>& mappings) {
  for (const Mapping& m : mappings) {
    const auto text = m.test.to_string();
    if (is_group(m.test.address)) {
      return "--map ..-" + text + ": not the address of one host; name the test host";
    }
    const bool is_online = std::ranges::any_of(mappings, [&](const Mapping& other) {
      return other.online.port == m.test.port &&
             (other.online.address.is_unspecified() || other.online.address == m.test.address);
    });
    if (is_online && os::is_local_address(m.test.address)) {
      return "--map ..-" + text +
             ": that is the online service itself, on this host; name the test host, or another "
             "port of this one";
    }
  }
  return {};
}

}  // namespace mirrorlab::engine
