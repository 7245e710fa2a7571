#include "os/pcap_capture.h"

#include <linux/if_packet.h>
#include <sys/socket.h>

#include <algorithm>
#include <climits>

#include "os/clock.h"
#include "os/link_header.h"

namespace mirrorlab::os {

namespace {
constexpr int kSnapBytes = 262144;
constexpr int kBatch = 256;
// Why: libpcap's ring has blocks of 256 KiB, and one that is not full is spent all the same once
// this time is over. With 64 MiB the engine may stand still for a second.
constexpr int kTimeoutMs = 4;

tl::unexpected<std::string> failed(const std::string& what, pcap_t* handle, int status) {
  std::string detail = pcap_geterr(handle);
  if (detail.empty()) detail = pcap_statustostr(status);
  return tl::unexpected(what + ": " + detail +
                        "; `tcpdump -D` lists the devices, and CAP_NET_RAW is needed");
}
}  // namespace

tl::expected<PcapCapture, std::string> PcapCapture::open(const CaptureOptions& o) {
  const std::string device = o.device.empty() ? "any" : o.device;
  char error[PCAP_ERRBUF_SIZE] = {};
  PcapCapture c;
  c.handle_.reset(pcap_create(device.c_str(), error));
  if (!c.handle_) return tl::unexpected("cannot capture on " + device + ": " + error);
  pcap_t* handle = c.handle_.get();
  pcap_set_snaplen(handle, kSnapBytes);
  pcap_set_promisc(handle, 0);
  pcap_set_timeout(handle, kTimeoutMs);
  pcap_set_buffer_size(handle, static_cast<int>(std::min<size_t>(o.buffer_bytes, INT_MAX)));
  if (const int status = pcap_activate(handle); status < 0) {
    return failed("cannot capture on " + device, handle, status);
  }
  c.link_type_ = pcap_datalink(handle);
  if (!link_type_known(c.link_type_)) {
    return tl::unexpected("cannot capture on " + device + ": link type " +
                          std::to_string(c.link_type_) + " is not understood");
  }
  if (const int status = pcap_setdirection(handle, PCAP_D_IN); status != 0) {
    return failed("cannot leave outgoing packets out on " + device, handle, status);
  }
  // Why beside it: libpcap leaves them out late, when they have taken their room in the buffer.
  // What is no packet socket refuses this.
  const int one = 1;
  ::setsockopt(pcap_fileno(handle), SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one);
  if (auto done = set_pcap_filter(handle, o.expression, o.ports); !done) {
    return tl::unexpected(done.error());
  }
  if (pcap_setnonblock(handle, 1, error) != 0) {
    return tl::unexpected("cannot capture on " + device + ": " + error);
  }
  if (pcap_get_selectable_fd(handle) < 0) {
    return tl::unexpected("cannot wait for packets of " + device +
                          ": libpcap has no descriptor for it; use another --capture");
  }
  c.intake_.set_split(o.split);
  c.intake_.counters().buffer_bytes = o.buffer_bytes;
  return c;
}

bool PcapCapture::read(const Take& take) {
  struct Turn {
    PcapCapture* self;
    const Take* take;
  } turn{this, &take};
  const int n = pcap_dispatch(
      handle_.get(), kBatch,
      [](u_char* user, const pcap_pkthdr* header, const u_char* data) {
        const auto* t = reinterpret_cast<Turn*>(user);
        t->self->take_one(*header, data, *t->take);
      },
      reinterpret_cast<u_char*>(&turn));
  // Why go on: a device that went away may come back.
  if (n < 0) ++intake_.counters().read_errors;
  return n == kBatch;
}

void PcapCapture::take_one(const pcap_pkthdr& header, const uint8_t* data, const Take& take) {
  const auto ip = ip_packet_in(link_type_, {data, header.caplen});
  if (!ip) {
    ++intake_.counters().unwanted;
    return;
  }
  const size_t link_bytes = header.caplen - ip->size();
  intake_.take(*ip, header.len - link_bytes, ChecksumState::unknown, take);
  intake_.hand_over(take);  // libpcap may use the memory again
}

// libpcap does not say how many packets it took of those that the kernel has counted. What came
// longer ago than a buffer that is not full may wait has made the descriptor readable.
bool PcapCapture::unread() {
  pcap_stat stats{};
  const Nanos now = steady_now();
  if (pcap_stats(handle_.get(), &stats) == 0 && stats.ps_recv != received_) {
    received_ = stats.ps_recv;
    received_at_ = now;
  }
  return readable(fd()) || now - received_at_ <= 2 * kTimeoutMs * kNanosPerMilli;
}

const CaptureCounters& PcapCapture::counters() {
  pcap_stat stats{};
  if (pcap_stats(handle_.get(), &stats) == 0) {
    intake_.counters().kernel_drops = uint64_t{stats.ps_drop} + stats.ps_ifdrop;
  }
  return intake_.counters();
}

}  // namespace mirrorlab::os
