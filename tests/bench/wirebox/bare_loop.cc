#include "bench/wirebox/bare_loop.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <vector>

#include "os/error.h"

namespace mirrorlab::bench {

namespace {
constexpr size_t kBlock = size_t{1} << 20U, kBlocks = 64, kBatch = 128, kVnet = 10;

void check(bool good, const char* what) {
  if (!good) throw std::runtime_error(os::error_text(what));
}

os::Fd packet_socket(const char* device, uint16_t protocol, uint8_t** ring) {
  os::Fd fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  const int on = 1, version = TPACKET_V3;
  const auto set = [&](int option, const auto& value) {
    check(::setsockopt(fd.get(), SOL_PACKET, option, &value, sizeof value) == 0, "packet socket");
  };
  set(PACKET_QDISC_BYPASS, on);
  set(PACKET_IGNORE_OUTGOING, on);
  set(PACKET_VERSION, version);
  set(PACKET_VNET_HDR, on);
  if (ring != nullptr) {
    tpacket_req3 request{};
    request.tp_block_size = kBlock;
    request.tp_block_nr = kBlocks;
    request.tp_frame_size = 2048;
    request.tp_frame_nr = kBlock * kBlocks / 2048;
    request.tp_retire_blk_tov = 1;
    set(PACKET_RX_RING, request);
    *ring = static_cast<uint8_t*>(
        ::mmap(nullptr, kBlock * kBlocks, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0));
    check(*ring != MAP_FAILED, "ring");
  }
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(protocol);
  address.sll_ifindex = static_cast<int>(::if_nametoindex(device));
  check(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, device);
  return fd;
}
}  // namespace

BareLoop::BareLoop(const Bed& bed) {
  thread_ = std::thread([this, &bed] { bed.middle().run([&] { run(bed); }); });
  while (tid_ == 0) ::usleep(100);
}

BareLoop::~BareLoop() {
  over_ = true;
  thread_.join();
}

void BareLoop::run(const Bed&) {
  uint8_t* ring = nullptr;
  const os::Fd in = packet_socket("na", ETH_P_ALL, &ring);
  const os::Fd out = packet_socket("nb", 0, nullptr);
  std::vector<std::array<iovec, 1>> parts(kBatch);
  std::vector<mmsghdr> batch(kBatch);
  for (size_t i = 0; i < kBatch; ++i) {
    batch[i].msg_hdr.msg_iov = parts[i].data();
    batch[i].msg_hdr.msg_iovlen = 1;
  }
  tid_ = ::gettid();
  for (size_t current = 0; !over_;) {
    auto* block = reinterpret_cast<tpacket_block_desc*>(ring + current * kBlock);
    std::atomic_ref<uint32_t> status(block->hdr.bh1.block_status);
    if ((status.load(std::memory_order_acquire) & TP_STATUS_USER) == 0) {
      pollfd p{in.get(), POLLIN, 0};
      ::poll(&p, 1, 10);
      continue;
    }
    auto* at = reinterpret_cast<uint8_t*>(block) + block->hdr.bh1.offset_to_first_pkt;
    for (uint32_t left = block->hdr.bh1.num_pkts; left > 0;) {
      unsigned n = 0;
      for (; n < kBatch && left > 0; ++n, --left) {
        const auto* header = reinterpret_cast<tpacket3_hdr*>(at);
        parts[n][0] = {at + header->tp_mac - kVnet, header->tp_snaplen + kVnet};
        at += header->tp_next_offset;
      }
      for (unsigned sent = 0; sent < n;) {
        const int went = ::sendmmsg(out.get(), &batch[sent], n - sent, 0);
        sent += went > 0 ? static_cast<unsigned>(went) : 1;
      }
    }
    status.store(TP_STATUS_KERNEL, std::memory_order_release);
    current = (current + 1) % kBlocks;
  }
  ::munmap(ring, kBlock * kBlocks);
}

}  // namespace mirrorlab::bench
