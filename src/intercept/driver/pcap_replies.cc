#include "intercept/driver/pcap_replies.h"

#include <algorithm>
#include <cstddef>

#include "intercept/driver/reply_filter.h"
#include "os/link_header.h"
#include "os/pcap_device.h"

namespace mirrorlab::intercept {

namespace {
constexpr int kBatch = 1024;            // then header records are written
constexpr uint64_t kReplyBytes = 1024;  // of buffer; much more than a reply takes
constexpr int kLinkBytes = 64;          // the longest link header: tags, PPPoE or labels

static_assert(sizeof(sock_filter) == sizeof(bpf_insn) &&
              offsetof(sock_filter, k) == offsetof(bpf_insn, k));

// libpcap's own machine: the kernel cannot begin at the IP header of every link type.
bool keeps(const std::vector<sock_filter>& filter, wire::Bytes ip, size_t wire_bytes) {
  const auto* code = reinterpret_cast<const bpf_insn*>(filter.data());
  return bpf_filter(code, ip.data(), static_cast<u_int>(wire_bytes),
                    static_cast<u_int>(ip.size())) != 0;
}
}  // namespace

PcapReplies::PcapReplies(std::string device, os::PcapHandle handle, std::vector<sock_filter> filter)
    : device_(std::move(device)),
      handle_(std::move(handle)),
      link_type_(pcap_datalink(handle_.get())),
      filter_(std::move(filter)) {}

tl::expected<PcapReplies, std::string> PcapReplies::open(const Options& o) {
  auto handle = os::open_pcap_device({.name = o.device,
                                      .snap_bytes = kReplySnap + kLinkBytes,
                                      .timeout_ms = 1,
                                      .buffer_bytes = o.queue_length * kReplyBytes});
  if (!handle) return tl::unexpected(handle.error());
  auto set = os::set_pcap_filter(handle->get(), o.expression, o.ports, os::PortSide::from);
  if (!set) return tl::unexpected(set.error());
  return PcapReplies(o.device, std::move(*handle), o.filter);
}

tl::expected<void, std::string> PcapReplies::read(const Take& take) {
  struct Turn {
    PcapReplies* self;
    const Take* take;
  } turn{this, &take};
  const int n = pcap_dispatch(
      handle_.get(), kBatch,
      [](u_char* user, const pcap_pkthdr* header, const u_char* data) {
        const auto* t = reinterpret_cast<Turn*>(user);
        t->self->take_one(*header, data, *t->take);
      },
      reinterpret_cast<u_char*>(&turn));
  more_ = n == kBatch;
  // A device that is down is none: only one that is gone.
  if (n < 0) return tl::unexpected(device_ + ": " + pcap_geterr(handle_.get()));
  return {};
}

void PcapReplies::take_one(const pcap_pkthdr& header, const uint8_t* data, const Take& take) {
  const auto ip = os::ip_packet_in(link_type_, {data, header.caplen});
  if (!ip) {
    ++counters_.malformed;
    return;
  }
  const size_t wire_bytes = header.len - (header.caplen - ip->size());
  if (!keeps(filter_, *ip, wire_bytes)) return;
  ++counters_.packets;
  take(*ip, wire_bytes);
}

ReplyCounters PcapReplies::counters() {
  counters_.receive_errors = os::pcap_drops(handle_.get()).value_or(counters_.receive_errors);
  return counters_;
}

}  // namespace mirrorlab::intercept
