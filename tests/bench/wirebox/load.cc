#include "bench/wirebox/load.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <stdexcept>

#include "harness/net/netlink.h"
#include "harness/wirebox/frame.h"
#include "os/clock.h"
#include "os/error.h"
#include "wire/bytes.h"
#include "wire/checksum.h"

namespace mirrorlab::bench {

namespace {
constexpr size_t kBatch = 64;

uint64_t statistic(const std::string& device, const std::string& which) {
  // Why not /sys: it shows the namespace that mounted it.
  std::ifstream in("/proc/thread-self/net/dev");
  for (std::string line; std::getline(in, line);) {
    const auto colon = line.find(':');
    if (colon == std::string::npos || line.substr(0, colon).find(device) == std::string::npos)
      continue;
    unsigned long long bytes = 0, packets = 0;
    if (std::sscanf(line.c_str() + colon + 1, "%llu %llu", &bytes, &packets) != 2) return 0;
    return which == "bytes" ? bytes : packets;
  }
  return 0;
}

// A frame of flow `flow`, to a MAC address that is nobody's.
std::vector<uint8_t> frame_of(const Traffic& t, uint32_t flow) {
  std::vector<uint8_t> f(t.frame_bytes);
  std::memcpy(&f[0], "\x02\x11\x22\x33\x44\x55\x02\x11\x22\x33\x44\x66", 12);
  wire::store16(&f[12], ETH_P_IP);
  uint8_t* ip = &f[14];
  ip[0] = 0x45;
  wire::store16(ip + 2, static_cast<uint32_t>(std::min<size_t>(t.frame_bytes - 14, 65535)));
  ip[8] = 64;
  ip[9] = t.segment != 0 ? 6 : 17;
  wire::store32(ip + 12, 0x0a000001U);
  wire::store32(ip + 16, 0x0a000002U);
  wire::store16(ip + 10, wire::checksum_finish(wire::checksum_add(0, {ip, 20})));
  uint8_t* transport = ip + 20;
  wire::store16(transport, 10'000 + flow);
  wire::store16(transport + 2, 80);
  if (t.segment != 0) {
    transport[12] = 0x50;
    transport[13] = 0x10;
  } else {
    wire::store16(transport + 4, static_cast<uint32_t>(t.frame_bytes - 34));
  }
  return f;
}
}  // namespace

Bed::Bed(bool offloads)
    : near_(net::Namespace::create()),
      middle_(net::Namespace::create()),
      far_(net::Namespace::create()),
      offloads_(offloads) {
  for (const auto* space : {&near_, &middle_, &far_}) {
    space->run([] { net::write_sysctl("net.ipv6.conf.default.disable_ipv6", "1"); });
  }
  const auto set_up = [&](const std::string& device) {
    net::Netlink n;
    if (!offloads_) net::switch_offloads_off(device);
    n.set_up(device);
  };
  for (const auto& [inner, space] : {std::pair{"na", &near_}, {"nb", &far_}}) {
    middle_.run([&] {
      net::Netlink().add_veth(inner, "eth0", space->fd());
      set_up(inner);
    });
    space->run([&] {
      set_up("eth0");
      net::Netlink n;
      n.add_address("eth0", space == &near_ ? "10.0.0.1/24" : "10.0.0.2/24");
    });
    middle_.run([&] { net::wait_running(inner); });
  }
}

Bed::Carried Bed::carried() const {
  Carried c;
  far_.run([&] { c = {statistic("eth0", "packets"), statistic("eth0", "bytes")}; });
  return c;
}

Load::Load(const Bed& bed, const Traffic& traffic) {
  bed.near().run([&] {
    fd_.reset(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
    const int on = 1;
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_ifindex = static_cast<int>(::if_nametoindex("eth0"));
    if (!fd_ || ::setsockopt(fd_.get(), SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on) < 0 ||
        ::setsockopt(fd_.get(), SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on) < 0 ||
        ::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) {
      throw std::runtime_error(os::error_text("cannot send on a packet socket"));
    }
  });
  thread_ = std::thread([this, traffic] { run(traffic); });
}

Load::~Load() {
  over_ = true;
  thread_.join();
}

void Load::run(const Traffic& t) {
  wirebox::VnetHeader vnet{};
  if (t.segment != 0) {
    vnet = {.flags = wirebox::VnetHeader::kNeedsChecksum,
            .gso_type = 1,
            .header_bytes = 54,
            .gso_size = t.segment,
            .checksum_start = 34,
            .checksum_offset = 16};
  }
  std::vector<std::vector<uint8_t>> frames;
  for (uint32_t flow = 0; flow < t.flows; ++flow) frames.push_back(frame_of(t, flow));
  std::vector<std::array<iovec, 2>> parts(kBatch);
  std::vector<mmsghdr> batch(kBatch);
  size_t next = 0;
  while (!over_) {
    for (size_t i = 0; i < kBatch; ++i) {
      auto& f = frames[next++ % frames.size()];
      parts[i] = {iovec{&vnet, sizeof vnet}, iovec{f.data(), f.size()}};
      batch[i].msg_hdr.msg_iov = parts[i].data();
      batch[i].msg_hdr.msg_iovlen = 2;
    }
    const int n = ::sendmmsg(fd_.get(), batch.data(), kBatch, 0);
    if (n > 0) offered_ += static_cast<uint64_t>(n);
  }
}

double thread_cpu(int tid) {
  timespec t{};
  // The clock of a thread by its number, as pthread_getcpuclockid() makes it.
  const auto clock = static_cast<clockid_t>((~static_cast<unsigned>(tid) << 3U) | 6U);
  ::clock_gettime(clock, &t);
  return static_cast<double>(os::nanos_of(t)) / 1e9;
}

Rate measure(const Bed& bed, const Traffic& traffic, double seconds,
             const std::function<double()>& cpu) {
  const Load load(bed, traffic);
  const auto snooze = [](double s) { ::usleep(static_cast<useconds_t>(s * 1e6)); };
  snooze(0.2);  // past the start
  const auto before = bed.carried();
  const double cpu_before = cpu();
  const uint64_t offered_before = load.offered();
  const auto began = os::steady_now();
  snooze(seconds);
  const auto after = bed.carried();
  Rate r;
  r.seconds = static_cast<double>(os::steady_now() - began) / 1e9;
  r.cpu_s = cpu() - cpu_before;
  r.offered = static_cast<double>(load.offered() - offered_before);
  r.frames = static_cast<double>(after.frames - before.frames);
  r.bytes = static_cast<double>(after.bytes - before.bytes);
  return r;
}

}  // namespace mirrorlab::bench
