#include "bench/limit/sender.h"

#include <linux/if_packet.h>

#include <array>
#include <cstring>
#include <stdexcept>

#include "os/link_sender.h"
#include "os/route_lookup.h"

namespace mirrorlab::bench {

FrameSender::FrameSender(const wire::Endpoint& to)
    : to_(to), fd_(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)) {
  const int one = 1;
  if (!fd_ || ::setsockopt(fd_.get(), SOL_PACKET, PACKET_VNET_HDR, &one, sizeof one) < 0) {
    throw std::runtime_error("no packet socket");
  }
  const auto hop = (*os::KernelRoutes::open())->find(to.address);
  if (!hop.by_link) throw std::runtime_error("the test host's neighbour is not resolved");
  os::VnetHeader vnet;
  vnet.flags = os::VnetHeader::kNeedsChecksum;
  vnet.checksum_start = 14 + 20;
  vnet.checksum_offset = 16;
  link_.resize(sizeof vnet + 14);
  std::memcpy(link_.data(), &vnet, sizeof vnet);
  std::memcpy(&link_[sizeof vnet], hop.to.data(), 6);
  std::memcpy(&link_[sizeof vnet + 6], hop.from.data(), 6);
  link_[sizeof vnet + 12] = 0x08;
  auto* address = reinterpret_cast<sockaddr_ll*>(&address_);
  address->sll_family = AF_PACKET;
  address->sll_protocol = htons(0x0800);
  address->sll_ifindex = hop.device;
  address->sll_halen = 6;
}

void FrameSender::add(uint16_t client_port, wire::Seq seq, wire::Seq ack, uint8_t flags,
                      size_t payload_bytes) {
  if (count_ == kBatch) flush();
  wire::TcpHeader h;
  h.src = {*wire::IpAddress::parse("10.1.0.1"), client_port};
  h.dst = to_;
  h.seq = seq;
  h.ack = ack;
  h.flags = flags;
  h.window = 65535;
  uint8_t* frame = &frames_[count_ * kFrame];
  std::memcpy(frame, link_.data(), link_.size());
  const size_t head = wire::write_headers(h, payload_bytes, frame + link_.size(), 1);
  bytes_[count_++] = link_.size() + head + payload_bytes;
}

void FrameSender::flush() {
  std::array<mmsghdr, kBatch> messages{};
  std::array<iovec, kBatch> vectors;
  for (size_t i = 0; i < count_; ++i) {
    vectors[i] = {&frames_[i * kFrame], bytes_[i]};
    messages[i].msg_hdr.msg_name = &address_;
    messages[i].msg_hdr.msg_namelen = sizeof(sockaddr_ll);
    messages[i].msg_hdr.msg_iov = &vectors[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  for (size_t sent = 0; sent < count_;) {
    const int n = ::sendmmsg(fd_.get(), &messages[sent], static_cast<unsigned>(count_ - sent), 0);
    if (n <= 0) break;
    sent += static_cast<size_t>(n);
  }
  count_ = 0;
}

}  // namespace mirrorlab::bench
