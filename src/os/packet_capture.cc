#include "os/packet_capture.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>

#include <array>

#include "os/error.h"
#include "os/port_filter.h"

namespace mirrorlab::os {

namespace {
constexpr size_t kBatch = 64;
constexpr size_t kBufferBytes = 66 * 1024;  // a super-packet
constexpr uint16_t kVlanId = 0x0fff;

// Asks for `bytes` and says what was granted.
uint64_t enlarge(int fd, size_t bytes) {
  const int wanted = static_cast<int>(bytes);
  if (::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &wanted, sizeof wanted) < 0) {
    ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &wanted, sizeof wanted);
  }
  int granted = 0;
  socklen_t length = sizeof granted;
  ::getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &granted, &length);
  return static_cast<uint64_t>(granted) / 2;  // the kernel doubles it for its own overhead
}
}  // namespace

struct PacketCapture::Batch {
  std::array<mmsghdr, kBatch> messages;
  std::array<iovec, kBatch> vectors;
  std::array<sockaddr_ll, kBatch> from;
  std::array<std::array<uint8_t, CMSG_SPACE(sizeof(tpacket_auxdata))>, kBatch> control;
};

tl::expected<PacketCapture, std::string> PacketCapture::open(const CaptureOptions& options) {
  if (options.ports.size() > kMaxFilterPorts)
    return tl::unexpected("at most " + std::to_string(kMaxFilterPorts) + " mapped ports");
  PacketCapture c;
  // Why protocol 0: nothing is received before the filter is there.
  c.fd_.reset(::socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!c.fd_)
    return failure("cannot open a packet socket", errno,
                   "run as root or give the program CAP_NET_RAW (setcap cap_net_raw+ep)");
  const int fd = c.fd_.get();
  auto code = port_filter(options.ports);
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  if (::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0) {
    return failure("cannot attach the capture filter");
  }
  const int one = 1;
  if (::setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof one) < 0) {
    return failure("cannot ask for checksum states (PACKET_AUXDATA)");
  }
  if (::setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one) < 0) {
    return failure("cannot leave outgoing packets out of the capture", errno,
                   "Linux 4.20 or later is needed");
  }
  c.counters_.buffer_bytes = enlarge(fd, options.buffer_bytes);
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  c.all_devices_ = options.device.empty();
  if (!c.all_devices_) {
    address.sll_ifindex = static_cast<int>(::if_nametoindex(options.device.c_str()));
    if (address.sll_ifindex == 0)
      return failure("no device " + options.device, errno, "`ip link` lists them");
  }
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) {
    return failure("cannot capture on " + (c.all_devices_ ? "all devices" : options.device));
  }
  c.buffers_.resize(kBatch * kBufferBytes);
  return c;
}

bool PacketCapture::read(const Take& take) {
  Batch batch;
  for (size_t i = 0; i < kBatch; ++i) {
    batch.vectors[i] = {&buffers_[i * kBufferBytes], kBufferBytes};
    auto& m = batch.messages[i].msg_hdr;
    m = msghdr{};
    m.msg_iov = &batch.vectors[i];
    m.msg_iovlen = 1;
    m.msg_name = &batch.from[i];
    m.msg_namelen = sizeof batch.from[i];
    m.msg_control = batch.control[i].data();
    m.msg_controllen = batch.control[i].size();
  }
  const int n = ::recvmmsg(fd_.get(), batch.messages.data(), kBatch, MSG_DONTWAIT, nullptr);
  if (n < 0) {
    // Why go on: ENETDOWN says once that a device went away; it may come back.
    if (errno != EAGAIN && errno != EINTR) ++counters_.read_errors;
    return false;
  }
  for (size_t i = 0; i < static_cast<size_t>(n); ++i) {
    take_one(batch, i, batch.messages[i].msg_len, take);
  }
  return n == static_cast<int>(kBatch);
}

void PacketCapture::take_one(const Batch& batch, size_t i, size_t length, const Take& take) {
  if (batch.from[i].sll_pkttype != PACKET_HOST) {
    ++counters_.not_for_us;
    return;
  }
  msghdr message = batch.messages[i].msg_hdr;
  bool vouched = false;
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA) continue;
    const auto* aux = reinterpret_cast<const tpacket_auxdata*>(CMSG_DATA(c));
    vouched = (aux->tp_status & (TP_STATUS_CSUMNOTREADY | TP_STATUS_CSUM_VALID)) != 0;
    // Tag 0 is only a priority; any other packet comes again, from the VLAN device it is for.
    if (all_devices_ && (aux->tp_status & TP_STATUS_VLAN_VALID) != 0 &&
        (aux->tp_vlan_tci & kVlanId) != 0) {
      ++counters_.vlan_outer;
      return;
    }
  }
  if ((message.msg_flags & MSG_TRUNC) != 0) {
    ++counters_.malformed;
    return;
  }
  const auto packet = wire::parse_ip_packet({&buffers_[i * kBufferBytes], length});
  if (!packet) {
    ++(packet.error() == wire::ParseError::fragment ? counters_.fragments : counters_.malformed);
    return;
  }
  if (!vouched && !packet->checksum_valid()) {
    ++counters_.bad_checksum;
    return;
  }
  ++counters_.packets;
  take(*packet);
}

const CaptureCounters& PacketCapture::counters() {
  tpacket_stats stats{};
  socklen_t length = sizeof stats;
  // The kernel's figures are reset by reading them.
  if (::getsockopt(fd_.get(), SOL_PACKET, PACKET_STATISTICS, &stats, &length) == 0) {
    counters_.kernel_drops += stats.tp_drops;
  }
  return counters_;
}

}  // namespace mirrorlab::os
