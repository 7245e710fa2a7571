#include "os/pcap_device.h"

#include <linux/if_packet.h>
#include <sys/socket.h>

#include <algorithm>
#include <climits>

#include "os/link_header.h"

namespace mirrorlab::os {

namespace {
tl::unexpected<std::string> failed(const std::string& what, pcap_t* handle, int status) {
  std::string detail = pcap_geterr(handle);
  if (detail.empty()) detail = pcap_statustostr(status);
  return tl::unexpected(what + ": " + detail +
                        "; `tcpdump -D` lists the devices, and CAP_NET_RAW is needed");
}
}  // namespace

tl::expected<PcapHandle, std::string> open_pcap_device(const PcapDevice& d) {
  char error[PCAP_ERRBUF_SIZE] = {};
  PcapHandle owner(pcap_create(d.name.c_str(), error));
  if (!owner) return tl::unexpected("cannot capture on " + d.name + ": " + error);
  pcap_t* handle = owner.get();
  pcap_set_snaplen(handle, d.snap_bytes);
  pcap_set_promisc(handle, 0);
  pcap_set_timeout(handle, d.timeout_ms);
  pcap_set_buffer_size(handle, static_cast<int>(std::min<size_t>(d.buffer_bytes, INT_MAX)));
  if (const int status = pcap_activate(handle); status < 0) {
    return failed("cannot capture on " + d.name, handle, status);
  }
  if (const int type = pcap_datalink(handle); !link_type_known(type)) {
    return tl::unexpected("cannot capture on " + d.name + ": link type " + std::to_string(type) +
                          " is not understood");
  }
  if (const int status = pcap_setdirection(handle, PCAP_D_IN); status != 0) {
    return failed("cannot leave outgoing packets out on " + d.name, handle, status);
  }
  // Why beside it: libpcap leaves them out late, when they have taken their room in the buffer.
  // What is no packet socket refuses this.
  const int one = 1;
  ::setsockopt(pcap_fileno(handle), SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one);
  if (pcap_setnonblock(handle, 1, error) != 0) {
    return tl::unexpected("cannot capture on " + d.name + ": " + error);
  }
  if (pcap_get_selectable_fd(handle) < 0) {
    return tl::unexpected("cannot wait for packets of " + d.name +
                          ": libpcap has no descriptor for it; use another way of capture");
  }
  return owner;
}

std::optional<uint64_t> pcap_drops(pcap_t* handle) {
  pcap_stat stats{};
  if (pcap_stats(handle, &stats) != 0) return std::nullopt;
  return uint64_t{stats.ps_drop} + stats.ps_ifdrop;
}

}  // namespace mirrorlab::os
