// libpcap's handle, and filters in its language.
#pragma once

#include <pcap/pcap.h>

#include <cstdint>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace mirrorlab::os {

struct PcapClose {
  void operator()(pcap_t* handle) const { pcap_close(handle); }
};
using PcapHandle = std::unique_ptr<pcap_t, PcapClose>;

enum class PortSide : uint8_t { to, from };
// TCP to (or from) one of `ports`, and what only later can be told: fragments, IPv6 extension
// headers. `tags`: also behind a VLAN tag, where the link type has such.
[[nodiscard]] std::string pcap_expression(const std::vector<uint16_t>& ports, bool tags,
                                          PortSide side = PortSide::to);
// Sets `expression`, or when it is empty one made of `ports`.
tl::expected<void, std::string> set_pcap_filter(pcap_t* handle, const std::string& expression,
                                                const std::vector<uint16_t>& ports,
                                                PortSide side = PortSide::to);

}  // namespace mirrorlab::os
