#include "bench/intercept/reply_load.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <stdexcept>
#include <vector>

#include "harness/net/netlink.h"
#include "os/clock.h"
#include "wire/packet.h"

namespace mirrorlab::bench {

namespace {
constexpr size_t kBatch = 32;

std::vector<uint8_t> reply(uint16_t client_port) {
  wire::TcpHeader header;
  header.src = *wire::Endpoint::parse("10.2.0.2:8080");
  header.dst = {*wire::IpAddress::parse("10.1.0.1"), client_port};
  header.flags = wire::tcp_flag::kAck;
  const std::vector<uint8_t> data(10);
  std::vector<uint8_t> bytes(wire::kMaxHeaderBytes + data.size());
  bytes.resize(wire::write_packet(header, data, bytes.data()));
  return bytes;
}
}  // namespace

ReplyBed::ReplyBed() : near_(net::Namespace::create()), far_(net::Namespace::create()) {
  near_.run([&] {
    net::Netlink netlink;
    netlink.add_veth("far", "near", far_.fd());
    netlink.add_address("far", "10.2.0.2/24");
    netlink.set_up("far");
    netlink.set_up("lo");
  });
  far_.run([&] {
    net::write_sysctl("net/ipv4/ip_forward", "0");
    net::Netlink netlink;
    netlink.add_address("near", "10.2.0.1/24");
    netlink.set_up("near");
    netlink.set_up("lo");
    netlink.wait_running("near");
  });
  near_.run([&] {
    net::Netlink netlink;
    netlink.wait_running("far");
    netlink.add_route("10.1.0.0/16", "10.2.0.1", "10.2.0.2");
  });
}

ReplyLoad::ReplyLoad(const ReplyBed& bed, uint64_t count) : count_(count) {
  bed.near().run([&] { socket_.reset(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW)); });
  if (!socket_) throw std::runtime_error("no raw socket");
  thread_ = std::thread([this] { send_all(); });
}

void ReplyLoad::send_all() {
  std::vector<std::vector<uint8_t>> packets;
  for (uint16_t i = 0; i < kBatch; ++i) packets.push_back(reply(static_cast<uint16_t>(40000 + i)));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(0x0a010001);
  std::array<iovec, kBatch> vectors;
  std::array<mmsghdr, kBatch> messages{};
  for (size_t i = 0; i < kBatch; ++i) {
    vectors[i] = {packets[i].data(), packets[i].size()};
    messages[i].msg_hdr.msg_iov = &vectors[i];
    messages[i].msg_hdr.msg_iovlen = 1;
    messages[i].msg_hdr.msg_name = &to;
    messages[i].msg_hdr.msg_namelen = sizeof to;
  }
  auto progress = os::steady_now();
  uint64_t last_handled = 0;
  for (uint64_t sent = 0; sent < count_;) {
    const uint64_t handled = handled_.load(std::memory_order_acquire);
    if (handled != last_handled) {
      last_handled = handled;
      progress = os::steady_now();
    }
    if (sent - handled > kWindow) {
      // Replies whose headers were lost are never handled.
      if (os::steady_now() - progress > os::kNanosPerSecond) break;
      std::this_thread::yield();
      continue;
    }
    const int n = ::sendmmsg(socket_.get(), messages.data(), kBatch, 0);
    if (n > 0) sent += static_cast<uint64_t>(n);
  }
  done_.store(true, std::memory_order_release);
}

}  // namespace mirrorlab::bench
