#include "os/pcap_capture.h"

#include "os/clock.h"
#include "os/link_header.h"
#include "os/pcap_device.h"

namespace mirrorlab::os {

namespace {
constexpr int kBatch = 256;
}  // namespace

tl::expected<PcapCapture, std::string> PcapCapture::open(const CaptureOptions& o) {
  auto handle = open_pcap_device(
      {.name = o.device.empty() ? "any" : o.device, .buffer_bytes = o.buffer_bytes});
  if (!handle) return tl::unexpected(handle.error());
  if (auto done = set_pcap_filter(handle->get(), o.expression, o.ports); !done) {
    return tl::unexpected(done.error());
  }
  PcapCapture c;
  c.handle_ = std::move(*handle);
  c.link_type_ = pcap_datalink(c.handle_.get());
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
  return readable(fd()) || now - received_at_ <= 2 * PcapDevice{}.timeout_ms * kNanosPerMilli;
}

const CaptureCounters& PcapCapture::counters() {
  auto& kernel_drops = intake_.counters().kernel_drops;
  kernel_drops = pcap_drops(handle_.get()).value_or(kernel_drops);
  return intake_.counters();
}

}  // namespace mirrorlab::os
