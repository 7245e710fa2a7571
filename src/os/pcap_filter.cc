#include "os/pcap_filter.h"

namespace mirrorlab::os {

std::string pcap_expression(const std::vector<uint16_t>& ports, bool tags, PortSide side) {
  const std::string word = side == PortSide::to ? "dst port " : "src port ";
  std::string listed;
  for (const uint16_t port : ports) {
    listed += (listed.empty() ? "" : " or ") + word + std::to_string(port);
  }
  const std::string plain = "(tcp and (" + listed +
                            ")) or (ip proto 6 and ip[6:2] & 0x1fff != 0) or (ip6 and (ip6[6] = 0 "
                            "or ip6[6] = 43 or ip6[6] = 44 or ip6[6] = 60))";
  // Why last: `vlan` moves all offsets behind it.
  return tags ? plain + " or (vlan and (" + plain + "))" : plain;
}

tl::expected<void, std::string> set_pcap_filter(pcap_t* handle, const std::string& expression,
                                                const std::vector<uint16_t>& ports, PortSide side) {
  const std::string text = expression.empty()
                               ? pcap_expression(ports, pcap_datalink(handle) == DLT_EN10MB, side)
                               : expression;
  bpf_program program{};
  if (pcap_compile(handle, &program, text.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0) {
    return tl::unexpected("filter `" + text + "`: " + pcap_geterr(handle) +
                          "; see pcap-filter(7) for the language");
  }
  const bool set = pcap_setfilter(handle, &program) == 0;
  pcap_freecode(&program);
  if (!set)
    return tl::unexpected("cannot set the capture filter: " + std::string(pcap_geterr(handle)));
  return {};
}

}  // namespace mirrorlab::os
