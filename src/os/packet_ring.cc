#include "os/packet_ring.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <atomic>
#include <utility>

#include "os/clock.h"
#include "os/error.h"
#include "os/port_filter.h"

namespace mirrorlab::os {

namespace {
constexpr uint32_t kFrameBytes = 2048;  // V3 packs frames; the kernel only checks that it divides

tpacket_block_desc* block_at(uint8_t* memory, size_t bytes, uint32_t number) {
  return reinterpret_cast<tpacket_block_desc*>(memory + bytes * number);
}
}  // namespace

tl::expected<PacketRing, std::string> PacketRing::open(const Options& o) {
  PacketRing ring;
  // Why protocol 0: nothing is received before the ring is there.
  ring.fd_.reset(::socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!ring.fd_) {
    return failure("cannot open a packet socket", errno, "run as root or with CAP_NET_RAW");
  }
  const int fd = ring.fd_.get();
  const int version = TPACKET_V3;
  if (::setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof version) < 0) {
    return failure("cannot use TPACKET_V3", errno, "Linux 3.2 is needed");
  }
  const int one = 1;
  if (o.ignore_outgoing &&
      ::setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one) < 0) {
    return failure("cannot leave outgoing packets out", errno, "Linux 4.20 is needed");
  }
  if (!o.filter.empty()) {
    if (auto done = attach_filter(fd, o.filter); !done) return tl::unexpected(done.error());
  }
  tpacket_req3 request{};
  request.tp_block_size = o.block_bytes;
  request.tp_block_nr = o.ring_bytes / o.block_bytes;
  request.tp_frame_size = kFrameBytes;
  request.tp_frame_nr = o.ring_bytes / kFrameBytes;
  request.tp_retire_blk_tov = o.retire_ms;
  if (::setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof request) < 0) {
    return failure("cannot make a packet ring of " + std::to_string(o.ring_bytes >> 20U) + " MiB",
                   errno, "is there enough memory?");
  }
  void* memory = ::mmap(nullptr, o.ring_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) return failure("cannot map the packet ring");
  ring.memory_ = static_cast<uint8_t*>(memory);
  ring.memory_bytes_ = o.ring_bytes;
  ring.block_bytes_ = o.block_bytes;
  ring.blocks_ = request.tp_block_nr;
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  if (!o.device.empty()) {
    address.sll_ifindex = static_cast<int>(::if_nametoindex(o.device.c_str()));
    if (address.sll_ifindex == 0) return failure("no device " + o.device, errno, "see `ip link`");
  }
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) {
    return failure("cannot capture on " + (o.device.empty() ? "all devices" : o.device));
  }
  return ring;
}

PacketRing::PacketRing(PacketRing&& other) noexcept
    : fd_(std::move(other.fd_)),
      memory_(std::exchange(other.memory_, nullptr)),
      memory_bytes_(other.memory_bytes_),
      block_bytes_(other.block_bytes_),
      blocks_(other.blocks_),
      current_(other.current_),
      total_(other.total_),
      taken_(other.taken_) {}

PacketRing::~PacketRing() {
  if (memory_ != nullptr) ::munmap(memory_, memory_bytes_);
}

PacketRing::Cursor PacketRing::acquire() const {
  auto& header = block_at(memory_, block_bytes_, current_)->hdr.bh1;
  const std::atomic_ref<uint32_t> status(header.block_status);
  if ((status.load(std::memory_order_acquire) & TP_STATUS_USER) == 0) return {};
  const uint8_t* base = memory_ + size_t{block_bytes_} * current_;
  return {base + header.offset_to_first_pkt, header.num_pkts, header.num_pkts == 0};
}

PacketRing::Packet PacketRing::next(Cursor& at) {
  const auto* header = reinterpret_cast<const tpacket3_hdr*>(at.header);
  const auto* link =
      reinterpret_cast<const sockaddr_ll*>(at.header + TPACKET_ALIGN(sizeof(tpacket3_hdr)));
  Packet packet;
  packet.bytes = {at.header + header->tp_net, header->tp_snaplen};
  packet.wire_bytes = header->tp_len;
  packet.time_ns = int64_t{header->tp_sec} * kNanosPerSecond + header->tp_nsec;
  packet.kind = link->sll_pkttype;
  packet.protocol = ntohs(link->sll_protocol);
  packet.tagged = (header->tp_status & TP_STATUS_VLAN_VALID) != 0;
  packet.tag = static_cast<uint16_t>(header->hv1.tp_vlan_tci);
  packet.checksum_open = (header->tp_status & TP_STATUS_CSUMNOTREADY) != 0;
  packet.checksum_valid = (header->tp_status & TP_STATUS_CSUM_VALID) != 0;
  at.header += header->tp_next_offset;
  --at.left;
  return packet;
}

void PacketRing::release() {
  auto& header = block_at(memory_, block_bytes_, current_)->hdr.bh1;
  const std::atomic_ref<uint32_t> status(header.block_status);
  status.store(TP_STATUS_KERNEL, std::memory_order_release);
  current_ = (current_ + 1) % blocks_;
}

tl::expected<void, std::string> PacketRing::join(int& group,
                                                 const std::vector<sock_filter>& split) {
  const bool first = group < 0;
  // Why a number of the kernel's choice: another program's group is never joined by chance.
  const uint32_t way = PACKET_FANOUT_CBPF | (first ? PACKET_FANOUT_FLAG_UNIQUEID : 0U);
  uint32_t request = way << 16U | (first ? 0U : static_cast<uint32_t>(group));
  if (::setsockopt(fd_.get(), SOL_PACKET, PACKET_FANOUT, &request, sizeof request) < 0) {
    return failure("cannot share the packets among threads (PACKET_FANOUT)", errno,
                   "use --threads=1");
  }
  if (!first) return {};
  socklen_t length = sizeof request;
  if (::getsockopt(fd_.get(), SOL_PACKET, PACKET_FANOUT, &request, &length) < 0) {
    return failure("cannot read the fan-out group");
  }
  group = static_cast<int>(request & 0xffffU);
  auto code = split;
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  if (::setsockopt(fd_.get(), SOL_PACKET, PACKET_FANOUT_DATA, &program, sizeof program) < 0) {
    return failure("cannot set the fan-out program");
  }
  return {};
}

bool PacketRing::unread() {
  const Statistics now = statistics();
  return now.packets - now.drops > taken_;
}

PacketRing::Statistics PacketRing::statistics() {
  tpacket_stats_v3 stats{};
  socklen_t length = sizeof stats;
  if (::getsockopt(fd_.get(), SOL_PACKET, PACKET_STATISTICS, &stats, &length) == 0) {
    total_.packets += stats.tp_packets;
    total_.drops += stats.tp_drops;
  }
  return total_;
}

}  // namespace mirrorlab::os
