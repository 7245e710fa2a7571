// What each way of capture and of injection of mirror-copy costs per packet, beside a bare loop of
// the same system calls that looks at nothing, in turns on the same box.
//
// Capture: CPU of sender and reader together, less that of the same sender with no capture there.
// Injection: CPU of the sender. Median of the rounds.
//
//   copy_bench [PACKETS] [--json FILE]
#include <fmt/format.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>

#include "bench/copy/bed.h"
#include "bench/support/figures.h"
#include "os/clock.h"
#include "os/injector.h"
#include "os/open_capture.h"
#include "os/packet_ring.h"
#include "os/port_filter.h"
#include "os/receive_batch.h"

namespace {
using namespace mirrorlab;
using bench::CopyBed;

constexpr int kRounds = 7;
constexpr size_t kBatch = 128;
constexpr std::array<size_t, 2> kPayloads = {12, 1448};  // 64 B and 1500 B on the wire, about

double thread_cpu() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(os::nanos_of(t));
}

wire::TcpHeader header(const wire::Endpoint& to, size_t number) {
  wire::TcpHeader h;
  // A client for each of a batch's packets: none is put together with the next.
  h.src = {*wire::IpAddress::parse("10.9.0.1"), static_cast<uint16_t>(20000 + number % 20000)};
  h.dst = to;
  h.seq = wire::Seq(1);
  h.flags = wire::tcp_flag::kAck;
  h.window = 1000;
  return h;
}

double median(std::vector<double> all) {
  std::ranges::sort(all);
  return all[all.size() / 2];
}

// The same packet over and over, by the bare system call.
class BareSender {
 public:
  BareSender(os::InjectWay way, const wire::Endpoint& to, size_t payload_bytes) {
    const bool link = way == os::InjectWay::packet;
    fd_.reset(link ? ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)
                   : ::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
    const size_t prefix = link ? sizeof(os::VnetHeader) + 14 : 0;
    packet_.resize(prefix + wire::kMaxHeaderBytes + payload_bytes);
    const std::vector<uint8_t> payload(payload_bytes);
    packet_.resize(prefix + wire::write_packet(header(to, 0), payload, &packet_[prefix]));
    if (link) {
      const int one = 1;
      ::setsockopt(fd_.get(), SOL_PACKET, PACKET_VNET_HDR, &one, sizeof one);
      const auto hop = (*os::KernelRoutes::open())->find(to.address);
      std::memcpy(&packet_[sizeof(os::VnetHeader)], hop.to.data(), 6);
      std::memcpy(&packet_[sizeof(os::VnetHeader) + 6], hop.from.data(), 6);
      packet_[sizeof(os::VnetHeader) + 12] = 0x08;
      auto* address = reinterpret_cast<sockaddr_ll*>(&to_);
      address->sll_family = AF_PACKET;
      address->sll_protocol = htons(0x0800);
      address->sll_ifindex = hop.device;
      address->sll_halen = 6;
      to_bytes_ = sizeof(sockaddr_ll);
    } else {
      auto* address = reinterpret_cast<sockaddr_in*>(&to_);
      address->sin_family = AF_INET;
      std::memcpy(&address->sin_addr, to.address.bytes().data(), 4);
      to_bytes_ = sizeof(sockaddr_in);
    }
  }
  void send(size_t count) {
    std::array<mmsghdr, kBatch> messages{};
    iovec vector{packet_.data(), packet_.size()};
    for (auto& m : messages) {
      m.msg_hdr.msg_name = &to_;
      m.msg_hdr.msg_namelen = to_bytes_;
      m.msg_hdr.msg_iov = &vector;
      m.msg_hdr.msg_iovlen = 1;
    }
    while (count > 0) {
      const auto n =
          ::sendmmsg(fd_.get(), messages.data(), static_cast<unsigned>(std::min(count, kBatch)), 0);
      if (n <= 0) break;
      count -= static_cast<size_t>(n);
    }
  }

 private:
  os::Fd fd_;
  std::vector<uint8_t> packet_;
  sockaddr_storage to_{};
  socklen_t to_bytes_ = 0;
};

// Reads until `count` packets came, or none for a while; how many did.
using ReadSome = std::function<size_t()>;
size_t read_all(int fd, size_t count, const ReadSome& read) {
  size_t got = 0;
  while (got < count) {
    const size_t some = read();
    got += some;
    pollfd waiting{fd, POLLIN, 0};
    if (some == 0 && ::poll(&waiting, 1, 200) <= 0) break;
  }
  return got;
}

struct Reader {
  std::function<int()> fd;
  ReadSome read;
};

Reader bare_ring(std::shared_ptr<os::PacketRing> ring) {
  return {[ring] { return ring->fd(); },
          [ring] {
            size_t n = 0;
            ring->read_block([&](const os::PacketRing::Packet&) { ++n; });
            return n;
          }};
}
Reader bare_socket(std::shared_ptr<os::Fd> fd) {
  auto batch = std::make_shared<os::ReceiveBatch>();
  return {[fd] { return fd->get(); },
          [fd, batch] {
            const int n = batch->receive(fd->get());
            return n > 0 ? static_cast<size_t>(n) : 0;
          }};
}

Reader make_bare(os::CaptureWay way) {
  // libpcap makes a ring, too; eBPF has no bare loop of its own and is held against the ring.
  if (way != os::CaptureWay::packet_lowlatency && way != os::CaptureWay::raw_ip) {
    os::PacketRing::Options o;
    o.ignore_outgoing = true;
    o.filter = os::port_filter({80});
    return bare_ring(std::make_shared<os::PacketRing>(std::move(*os::PacketRing::open(o))));
  }
  const bool raw = way == os::CaptureWay::raw_ip;
  auto fd = std::make_shared<os::Fd>(
      raw ? ::socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP)
          : ::socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(0x0003)));
  const int one = 1;
  if (!raw) ::setsockopt(fd->get(), SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one);
  const int bytes = 64 << 20;
  ::setsockopt(fd->get(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
  if (auto done = os::attach_filter(fd->get(), os::port_filter({80})); !done) std::abort();
  return bare_socket(fd);
}

Reader make_ours(os::CaptureWay way) {
  os::CaptureOptions o;
  o.way = way;
  o.ports = {80};
  o.device = way == os::CaptureWay::pcap ? "far" : "";
  auto opened = os::open_capture(o);
  if (!opened) throw std::runtime_error(opened.error());
  std::shared_ptr<os::PacketSource> source = std::move(*opened);
  return {[source] { return source->fd(); },
          [source] {
            size_t n = 0;
            source->read([&](std::span<const wire::TcpPacket> packets) { n += packets.size(); });
            return n;
          }};
}

struct Cost {
  double ns = 0;
  size_t got = 0;
};

Cost measure_capture(const CopyBed& bed, BareSender& sender, size_t count,
                     const std::function<Reader()>& make) {
  Cost cost;
  Reader reader;
  if (make) bed.far().run([&] { reader = make(); });
  const double before = thread_cpu();
  sender.send(count);
  if (make) cost.got = read_all(reader.fd(), count, reader.read);
  cost.ns = (thread_cpu() - before) / static_cast<double>(count);
  return cost;
}

void row(bench::Figures& figures, const char* what, const char* name, size_t payload, double bare,
         double ours, size_t lost) {
  std::cout << fmt::format(
      "{:<8} {:<18} {:>5} B  bare {:6.0f} ns  ours {:6.0f} ns  ratio {:.2f}{}\n", what, name,
      payload + 52, bare, ours, ours / bare, lost > 0 ? fmt::format("  lost {}", lost) : "");
  figures.add(fmt::format("{} {}, {} B", what, name, payload + 52), "ns", ours, bare,
              {{"lost", lost}});
}

void bench_capture(bench::Figures& figures, const CopyBed& bed, os::CaptureWay way,
                   const char* name, size_t payload, size_t count) {
  std::unique_ptr<BareSender> sender;
  bed.near().run([&] {
    sender = std::make_unique<BareSender>(os::InjectWay::packet, CopyBed::online(), payload);
  });
  std::vector<double> bare;
  std::vector<double> ours;
  size_t lost = 0;
  for (int round = 0; round < kRounds; ++round) {
    const double base = measure_capture(bed, *sender, count, nullptr).ns;
    bare.push_back(measure_capture(bed, *sender, count, [&] { return make_bare(way); }).ns - base);
    const Cost cost = measure_capture(bed, *sender, count, [&] { return make_ours(way); });
    ours.push_back(cost.ns - base);
    lost += count - std::min(count, cost.got);
  }
  row(figures, "capture", name, payload, median(bare), median(ours), lost);
}

void bench_injection(bench::Figures& figures, const CopyBed& bed, os::InjectWay way,
                     const char* name, size_t payload, size_t count, bool one_client) {
  std::unique_ptr<BareSender> bare_sender;
  std::unique_ptr<os::PacketSender> sender;
  bed.near().run([&] {
    bare_sender = std::make_unique<BareSender>(way, CopyBed::test(), payload);
    sender = std::move(*os::Injector::open(way, 1500));
  });
  const std::vector<uint8_t> data(payload);
  std::vector<double> bare;
  std::vector<double> ours;
  for (int round = 0; round < kRounds; ++round) {
    double before = thread_cpu();
    bare_sender->send(count);
    bare.push_back((thread_cpu() - before) / static_cast<double>(count));
    before = thread_cpu();
    wire::TcpHeader h = header(CopyBed::test(), 0);
    for (size_t i = 0; i < count; ++i) {
      if (one_client) {
        h.seq = h.seq + static_cast<uint32_t>(payload);
      } else {
        h.src.port = static_cast<uint16_t>(20000 + i % 20000);
      }
      sender->send(h, data);
      if (i % kBatch == kBatch - 1) sender->flush(os::steady_now());
    }
    sender->flush(os::steady_now());
    ours.push_back((thread_cpu() - before) / static_cast<double>(count));
  }
  const size_t sent = sender->counters().packets;
  const size_t asked = count * kRounds;
  row(figures, "inject", name, payload, median(bare), median(ours), asked - std::min(asked, sent));
}
}  // namespace

int main(int argc, char** argv) {
  bench::Figures figures("copy", argc, argv);
  const size_t count = std::stoull(figures.argument(0, "20000"));
  std::cout << fmt::format(
      "CPU per packet, median of {} rounds of {} packets; bare: the same system "
      "calls and nothing else\n",
      kRounds, count);
  const CopyBed bed;
  for (const size_t payload : kPayloads) {
    using Way = os::CaptureWay;
    bench_capture(figures, bed, Way::packet, "packet", payload, count);
    bench_capture(figures, bed, Way::packet_lowlatency, "packet-lowlatency", payload, count);
    bench_capture(figures, bed, Way::raw_ip, "raw-ip", payload, count);
    bench_capture(figures, bed, Way::pcap, "pcap", payload, count);
    bench_capture(figures, bed, Way::ebpf, "ebpf, to a ring", payload, count);
    using Inject = os::InjectWay;
    bench_injection(figures, bed, Inject::packet, "packet", payload, count, false);
    bench_injection(figures, bed, Inject::packet, "packet, in a row", payload, count, true);
    bench_injection(figures, bed, Inject::raw, "raw", payload, count, false);
  }
  return figures.write();
}
