#include "os/packet_intake.h"

#include "wire/checksum.h"

namespace mirrorlab::os {

namespace {
constexpr size_t kChecksumAt = 16;

// The field holds the pseudo header's sum, not yet complemented, as offloads want it.
bool checksum_left_open(const wire::TcpPacket& p) {
  return wire::load16(&p.tcp[kChecksumAt]) ==
         wire::tcp_pseudo_sum(p.header.src.address, p.header.dst.address, p.tcp.size());
}
}  // namespace

void PacketIntake::take(wire::Bytes ip, size_t whole_bytes, ChecksumState checksum,
                        const PacketSource::Take& take) {
  const bool cut = ip.size() < whole_bytes;
  const auto packet = wire::parse_ip_packet(ip);
  if (!packet) {
    switch (packet.error()) {
      case wire::ParseError::fragment:
        if (!cut) return take_fragment(ip, take);
        ++counters_.fragments;
        return;
      case wire::ParseError::not_tcp:
        ++counters_.unwanted;
        return;
      case wire::ParseError::truncated:
        ++(cut ? counters_.truncated : counters_.malformed);
        return;
      default:
        ++counters_.malformed;
        return;
    }
  }
  if (packet->truncated() && !cut) {
    ++counters_.malformed;  // its own length is wrong
    return;
  }
  if (packet->truncated()) {
    if (!split_.mine(packet->header.src)) return;
    ++counters_.truncated;
    return add(*packet, take);
  }
  hand_on(*packet, checksum, take);
}

void PacketIntake::take_fragment(wire::Bytes ip, const PacketSource::Take& take) {
  const auto whole = fragments_.add(ip, steady_now());
  counters_.fragments = fragments_.lost();
  if (!whole) return;
  counters_.reassembled += whole->fragments;
  const auto packet = wire::parse_ip_packet(whole->packet);
  if (!packet) {
    ++(packet.error() == wire::ParseError::not_tcp ? counters_.unwanted : counters_.malformed);
    return;
  }
  // Why verified: an offload never fills in the checksum of a segment that was cut into fragments.
  hand_on(*packet, ChecksumState::verify, take);
  hand_over(take);  // the next fragment may end it
}

void PacketIntake::take_segment(const wire::IpAddress& src, const wire::IpAddress& dst,
                                wire::Bytes tcp, const PacketSource::Take& take) {
  const auto packet = wire::parse_tcp_segment(src, dst, tcp);
  if (!packet) {
    ++counters_.malformed;
    return;
  }
  hand_on(*packet, ChecksumState::unknown, take);
}

void PacketIntake::hand_on(const wire::TcpPacket& packet, ChecksumState checksum,
                           const PacketSource::Take& take) {
  if (!split_.mine(packet.header.src)) return;
  const bool right = checksum == ChecksumState::vouched || packet.checksum_valid() ||
                     (checksum == ChecksumState::unknown && checksum_left_open(packet));
  if (!right) {
    ++counters_.bad_checksum;
    return;
  }
  ++counters_.packets;
  add(packet, take);
}

void PacketIntake::add(const wire::TcpPacket& packet, const PacketSource::Take& take) {
  waiting_[count_++] = packet;
  if (count_ == waiting_.size()) hand_over(take);
}

void PacketIntake::hand_over(const PacketSource::Take& take) {
  if (count_ == 0) return;
  const std::span<const wire::TcpPacket> packets(waiting_.data(), count_);
  count_ = 0;
  take(packets);
}

}  // namespace mirrorlab::os
