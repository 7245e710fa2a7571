#include "os/link_sender.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "os/error.h"
#include "os/socket_buffer.h"
#include "wire/checksum.h"

namespace mirrorlab::os {

namespace {
constexpr size_t kSocketBuffer = 16U << 20U;
constexpr size_t kNoRoom = SIZE_MAX;
constexpr uint8_t kEndsASegment = wire::tcp_flag::kSyn | wire::tcp_flag::kFin |
                                  wire::tcp_flag::kRst | wire::tcp_flag::kUrg |
                                  wire::tcp_flag::kPsh | wire::tcp_flag::kCwr;
}  // namespace

tl::expected<LinkSender, std::string> LinkSender::open(SendMany send_many) {
  LinkSender s;
  s.send_many_ = send_many;
  // Protocol 0: this socket only sends.
  s.fd_.reset(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!s.fd_) {
    return failure("cannot open a packet socket", errno,
                   "run as root or give the program CAP_NET_RAW (setcap cap_net_raw+ep)");
  }
  const int one = 1;
  if (::setsockopt(s.fd_.get(), SOL_PACKET, PACKET_VNET_HDR, &one, sizeof one) < 0) {
    return failure("cannot send with a vnet header", errno, "use --inject=raw");
  }
  enlarge_send_buffer(s.fd_.get(), kSocketBuffer);
  s.arena_.resize(kBytes);
  s.frames_.resize(kPackets);
  return s;
}

bool LinkSender::full() const {
  return queued_ == kPackets ||
         (queued_ > 0 && arena_end_ + kPrefixBytes + kLargestPacket > kBytes);
}

// The arena is filled from its beginning and begun anew when all has left.
size_t LinkSender::allocate(size_t bytes) {
  if (queued_ == 0) arena_end_ = 0;
  if (queued_ == kPackets || arena_end_ + bytes > kBytes) return kNoRoom;
  return arena_end_;
}

void LinkSender::send(const wire::TcpHeader& h, wire::Bytes payload, const NextHop& hop) {
  if (grows_tail(h, payload, hop)) return grow_tail(h, payload);
  seal_tail();
  const size_t room = kPrefixBytes + wire::kMaxHeaderBytes + payload.size();
  const size_t at = allocate(room);
  if (at == kNoRoom) {
    ++counters_.overflow;
    return;
  }
  uint8_t* vnet = &arena_[at];
  uint8_t* ethernet = vnet + sizeof(VnetHeader);
  uint8_t* ip = ethernet + kEthernetBytes;
  const bool v4 = h.dst.address.is_v4();
  const size_t head = wire::write_headers(h, payload.size(), ip, next_id_++);
  if (!payload.empty()) std::memcpy(ip + head, payload.data(), payload.size());
  const uint16_t protocol = v4 ? ETH_P_IP : ETH_P_IPV6;
  std::memcpy(ethernet, hop.to.data(), 6);
  std::memcpy(ethernet + 6, hop.from.data(), 6);
  wire::store16(ethernet + 12, protocol);
  const size_t ip_bytes = v4 ? 20 : 40;
  VnetHeader v;
  v.flags = VnetHeader::kNeedsChecksum;
  v.checksum_start = static_cast<uint16_t>(kEthernetBytes + ip_bytes);
  v.checksum_offset = 16;
  size_t segment = payload.size();
  if (hop.mtu != 0 && head + payload.size() > hop.mtu && hop.mtu > head) {
    segment = hop.mtu - head;
    ++counters_.cut;
    v.gso_type = v4 ? VnetHeader::kTcp4 : VnetHeader::kTcp6;
    v.gso_size = static_cast<uint16_t>(segment);
    v.header_bytes = static_cast<uint16_t>(kEthernetBytes + head);
  }
  std::memcpy(vnet, &v, sizeof v);
  const size_t bytes = kPrefixBytes + head + payload.size();
  frames_[(first_ + queued_) % kPackets] = {at, bytes, 1, hop.device, protocol};
  ++queued_;
  arena_end_ = at + bytes;
  tail_.open = !payload.empty() && (h.flags & kEndsASegment) == 0 && payload.size() % segment == 0;
  if (!tail_.open) return;
  tail_.header = h;
  tail_.header.seq = h.seq + static_cast<uint32_t>(payload.size());
  tail_.ip_bytes = ip_bytes;
  tail_.head_bytes = head;
  tail_.segment_bytes = segment;
  tail_.to = hop.to;
}

bool LinkSender::grows_tail(const wire::TcpHeader& h, wire::Bytes payload,
                            const NextHop& hop) const {
  if (!tail_.open || payload.empty() || payload.size() > tail_.segment_bytes) return false;
  const wire::TcpHeader& t = tail_.header;
  constexpr uint8_t kMayEnd = wire::tcp_flag::kPsh | wire::tcp_flag::kFin;
  const Frame& frame = frames_[(first_ + queued_ - 1) % kPackets];
  return h.seq == t.seq && h.ack == t.ack && h.window == t.window && h.src == t.src &&
         h.dst == t.dst && (h.flags & ~kMayEnd) == t.flags && h.options == t.options &&
         frame.device == hop.device && tail_.to == hop.to &&
         frame.bytes - kPrefixBytes + payload.size() <= kLargestPacket &&
         arena_end_ + payload.size() <= kBytes;
}

void LinkSender::grow_tail(const wire::TcpHeader& h, wire::Bytes payload) {
  Frame& frame = frames_[(first_ + queued_ - 1) % kPackets];
  std::memcpy(&arena_[arena_end_], payload.data(), payload.size());
  arena_end_ += payload.size();
  frame.bytes += payload.size();
  ++frame.segments;
  tail_.header.seq = tail_.header.seq + static_cast<uint32_t>(payload.size());
  // Flags of the whole are those of its last segment; the kernel gives them to that one only.
  uint8_t* tcp = &arena_[frame.at + kPrefixBytes + tail_.ip_bytes];
  tcp[13] = h.flags;
  if (h.flags != tail_.header.flags || payload.size() < tail_.segment_bytes) seal_tail();
}

// Writes what depends on the length, now that it is known.
void LinkSender::seal_tail() {
  if (!std::exchange(tail_.open, false)) return;
  const Frame& frame = frames_[(first_ + queued_ - 1) % kPackets];
  if (frame.segments == 1) return;
  VnetHeader v;
  std::memcpy(&v, &arena_[frame.at], sizeof v);
  const bool v4 = frame.protocol == ETH_P_IP;
  v.gso_type = v4 ? VnetHeader::kTcp4 : VnetHeader::kTcp6;
  v.gso_size = static_cast<uint16_t>(tail_.segment_bytes);
  v.header_bytes = static_cast<uint16_t>(kEthernetBytes + tail_.head_bytes);
  std::memcpy(&arena_[frame.at], &v, sizeof v);
  uint8_t* ip = &arena_[frame.at + kPrefixBytes];
  const size_t total = frame.bytes - kPrefixBytes;
  const size_t tcp_bytes = total - tail_.ip_bytes;
  if (v4) {
    wire::store16(ip + 2, static_cast<uint32_t>(total));
    wire::store16(ip + 10, 0);
    wire::store16(ip + 10, wire::checksum_finish(wire::checksum_add(0, {ip, 20})));
  } else {
    wire::store16(ip + 4, static_cast<uint32_t>(tcp_bytes));
  }
  wire::store16(
      ip + tail_.ip_bytes + 16,
      wire::tcp_pseudo_sum(tail_.header.src.address, tail_.header.dst.address, tcp_bytes));
}

void LinkSender::flush(Nanos now) {
  seal_tail();
  wait_ = {};
  while (queued_ > 0) {
    if (!send_batch(std::min({queued_, kPackets - first_, kBatch}), now)) return;
  }
  retry_ = kFirstSendRetry;
}

bool LinkSender::send_batch(size_t count, Nanos now) {
  std::array<mmsghdr, kBatch> messages;
  std::array<iovec, kBatch> vectors;
  std::array<sockaddr_ll, kBatch> to;
  for (size_t i = 0; i < count; ++i) {
    const Frame& frame = frames_[first_ + i];
    vectors[i] = {&arena_[frame.at], frame.bytes};
    to[i] = {};
    to[i].sll_family = AF_PACKET;
    to[i].sll_protocol = htons(frame.protocol);
    to[i].sll_ifindex = frame.device;
    to[i].sll_halen = 6;
    messages[i] = {};
    auto& m = messages[i].msg_hdr;
    m.msg_name = &to[i];
    m.msg_namelen = sizeof to[i];
    m.msg_iov = &vectors[i];
    m.msg_iovlen = 1;
  }
  const int n = send_many_(fd_.get(), messages.data(), static_cast<unsigned>(count), MSG_DONTWAIT);
  if (n > 0) {
    for (size_t i = 0; i < static_cast<size_t>(n); ++i) {
      counters_.bytes += frames_[first_ + i].bytes - kPrefixBytes;
      counters_.packets += frames_[first_ + i].segments;
    }
    counters_.frames += static_cast<size_t>(n);
    ++counters_.batches;
    pop(static_cast<size_t>(n));
    return true;
  }
  const int error = n == 0 ? EAGAIN : errno;
  if (error == EINTR) return true;
  if (!must_wait(error)) {
    stale_ = true;
    drop_first(error);
    return true;
  }
  ++counters_.deferred;
  if (error == EAGAIN) {
    wait_.fd = fd_.get();
  } else {
    // Why a timer: the socket is writable, so no event tells when the device has room again.
    wait_.until = now + retry_;
    retry_ = std::min(retry_ * 2, kMaxSendRetry);
  }
  return false;
}

void LinkSender::drop_first(int error) {
  counters_.errors[error_index(error)] += frames_[first_].segments;
  pop(1);
}

void LinkSender::pop(size_t count) {
  first_ = (first_ + count) % kPackets;
  queued_ -= count;
}

}  // namespace mirrorlab::os
