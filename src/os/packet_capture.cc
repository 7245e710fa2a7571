#include "os/packet_capture.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>

#include <array>

#include "os/error.h"

namespace mirrorlab::os {

namespace {
constexpr size_t kBatch = 32;
constexpr size_t kBufferBytes = 66 * 1024;  // a super-packet
constexpr int kSocketBuffer = 64 << 20;

// TCP to one of `ports`, IPv4 (no later fragment) or IPv6 without extension headers before TCP.
std::vector<sock_filter> port_filter(const std::vector<uint16_t>& ports) {
  const auto n = static_cast<uint8_t>(ports.size());
  std::vector<sock_filter> f{
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xf0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x60, 5, 0),
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 6, 0, static_cast<uint8_t>(n + 6)),
      BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
      BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
      BPF_JUMP(BPF_JMP | BPF_JA, 3, 0, 0),
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 6, 0, static_cast<uint8_t>(n + 1)),
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 42),
  };
  for (uint8_t i = 0; i < n; ++i) {
    f.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ports[i], static_cast<uint8_t>(n - i), 0));
  }
  f.push_back(BPF_STMT(BPF_RET | BPF_K, 0));
  f.push_back(BPF_STMT(BPF_RET | BPF_K, 0x40000));
  return f;
}
}  // namespace

tl::expected<PacketCapture, std::string> PacketCapture::open(const std::string& device,
                                                             const std::vector<uint16_t>& ports) {
  if (ports.size() > 200) return tl::unexpected(std::string("at most 200 mapped ports"));
  PacketCapture c;
  // Why protocol 0: nothing is received before the filter is there.
  c.fd_.reset(::socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!c.fd_)
    return failure("cannot open a packet socket", errno, "run as root or with CAP_NET_RAW");
  const int fd = c.fd_.get();
  auto code = port_filter(ports);
  // The test for another family jumps over the rest: offsets above count on it.
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  if (::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0) {
    return failure("cannot attach the capture filter");
  }
  const int one = 1;
  ::setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof one);
  if (::setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one) < 0) {
    return failure("cannot leave outgoing packets out of the capture", errno,
                   "Linux 4.20 is needed");
  }
  if (::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kSocketBuffer, sizeof kSocketBuffer) < 0) {
    ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kSocketBuffer, sizeof kSocketBuffer);
  }
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  if (!device.empty()) {
    address.sll_ifindex = static_cast<int>(::if_nametoindex(device.c_str()));
    if (address.sll_ifindex == 0) return failure("no device " + device, errno, "see `ip link`");
  }
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) {
    return failure("cannot capture on " + (device.empty() ? std::string("all devices") : device));
  }
  c.buffers_.resize(kBatch * kBufferBytes);
  return c;
}

bool PacketCapture::read(const std::function<void(const wire::TcpPacket&)>& take) {
  std::array<mmsghdr, kBatch> messages{};
  std::array<iovec, kBatch> vectors;
  std::array<sockaddr_ll, kBatch> from;
  std::array<std::array<uint8_t, CMSG_SPACE(sizeof(tpacket_auxdata))>, kBatch> control;
  for (size_t i = 0; i < kBatch; ++i) {
    vectors[i] = {&buffers_[i * kBufferBytes], kBufferBytes};
    auto& m = messages[i].msg_hdr;
    m.msg_iov = &vectors[i];
    m.msg_iovlen = 1;
    m.msg_name = &from[i];
    m.msg_namelen = sizeof from[i];
    m.msg_control = control[i].data();
    m.msg_controllen = control[i].size();
  }
  const int n = ::recvmmsg(fd_.get(), messages.data(), kBatch, MSG_DONTWAIT, nullptr);
  for (int k = 0; k < n; ++k) {
    const auto i = static_cast<size_t>(k);
    if (from[i].sll_pkttype != PACKET_HOST) {
      ++counters_.not_for_us;
      continue;
    }
    bool vouched = false;
    for (cmsghdr* c = CMSG_FIRSTHDR(&messages[i].msg_hdr); c != nullptr;
         c = CMSG_NXTHDR(&messages[i].msg_hdr, c)) {
      if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA) continue;
      const auto* aux = reinterpret_cast<const tpacket_auxdata*>(CMSG_DATA(c));
      vouched = (aux->tp_status & (TP_STATUS_CSUMNOTREADY | TP_STATUS_CSUM_VALID)) != 0;
    }
    const auto packet = wire::parse_ip_packet({&buffers_[i * kBufferBytes], messages[i].msg_len});
    if (!packet) {
      ++(packet.error() == wire::ParseError::fragment ? counters_.fragments : counters_.malformed);
      continue;
    }
    if (!vouched && !packet->checksum_valid()) {
      ++counters_.bad_checksum;
      continue;
    }
    ++counters_.packets;
    take(*packet);
  }
  return n == static_cast<int>(kBatch);
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
