// The limit that the pipeline bench is held against: the system calls of both engines in bare loops
// that know nothing but the two numbers of each connection, against a real test host.
//
// One thread does what mirror-copy cannot do without: reads a packet ring (of what it sends itself,
// which costs as much), reads the header return, sends frames by sendmmsg. The other reads NFQUEUE
// by recvmmsg, drops by batch verdicts, and writes headers of kRecord bytes to a TCP connection,
// gathering as mirror-intercept does. The test host's TCP runs in the first one's system calls, as
// in the real thing; its service has a thread that is not counted. At full speed it is a closed
// loop of kConnections; paced, each block of the ring lets kPerBlock requests go, some thousand a
// second.
//
//   pipeline_limit [REQUESTS] [--json FILE]
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <iostream>
#include <stdexcept>

#include "bench/intercept/reply_load.h"
#include "bench/limit/sender.h"
#include "bench/limit/service.h"
#include "bench/support/figures.h"
#include "intercept/driver/gather_pace.h"
#include "intercept/driver/interception.h"
#include "intercept/driver/program.h"
#include "os/clock.h"
#include "os/packet_ring.h"
#include "os/port_filter.h"
#include "os/stream_socket.h"
#include "wire/packet.h"

namespace {
using namespace mirrorlab;
using intercept::ReplySource;
using wire::tcp_flag::kAck;
using wire::tcp_flag::kFin;
using wire::tcp_flag::kPsh;
using wire::tcp_flag::kSyn;

constexpr uint16_t kConnections = 20;
constexpr uint16_t kFirstPort = 10000;
constexpr uint64_t kPorts = 50000;  // then the first ones are used again
constexpr size_t kPerBlock = 20;
constexpr size_t kRecord = 40;
constexpr int kRounds = 3;
const wire::Endpoint kService = *wire::Endpoint::parse("10.2.0.2:8080");
const wire::Endpoint kHeaders = *wire::Endpoint::parse("10.2.0.2:36524");

struct Header {
  uint32_t seq = 0;
  uint32_t ack = 0;
  uint32_t payload = 0;
  uint16_t port = 0;
  uint8_t flags = 0;
  std::array<uint8_t, kRecord - 15> rest{};
};
static_assert(sizeof(Header) == kRecord);

// Reads, drops and returns replies until the other side closes.
class Interceptor {
 public:
  Interceptor(ReplySource& source, os::Fd to) : source_(source), to_(std::move(to)) {
    thread_ = std::thread([this] { run(); });
  }
  ~Interceptor() {
    if (thread_.joinable()) thread_.join();
  }
  Interceptor(const Interceptor&) = delete;
  Interceptor& operator=(const Interceptor&) = delete;
  os::Nanos cpu() {
    thread_.join();
    return cpu_;
  }

 private:
  void run() {
    const auto began = os::thread_cpu();
    for (;;) {
      std::array<pollfd, 2> ready = {pollfd{source_.fd(), POLLIN, 0}, pollfd{to_.get(), 0, 0}};
      ::poll(ready.data(), ready.size(), 1000);
      if ((ready[1].revents & (POLLHUP | POLLERR)) != 0) break;
      os::Nanos wait = pace_.on_readable(os::steady_now(), kConnections);
      while (wait != os::kNever) {
        const timespec gathering = os::timespec_of(wait);
        // As the product does: replies are gathered for a time, not waited for.
        if (wait > 0) ::nanosleep(&gathering, nullptr);
        wait = pace_.on_read(read(), os::steady_now(), kConnections);
      }
    }
    cpu_ = os::thread_cpu() - began;
  }
  size_t read() {
    out_.clear();
    static_cast<void>(source_.read([this](wire::Bytes ip, size_t wire_bytes) {
      // IPv4 without options.
      const uint8_t* tcp = &ip[20];
      Header h;
      h.port = static_cast<uint16_t>(wire::load16(tcp + 2));
      h.seq = wire::load32(tcp + 4);
      h.ack = wire::load32(tcp + 8);
      h.flags = tcp[13];
      h.payload = static_cast<uint32_t>(wire_bytes - 20 - size_t{4} * (tcp[12] >> 4U));
      out_.push_back(h);
    }));
    if (!out_.empty()) ::send(to_.get(), out_.data(), out_.size() * kRecord, MSG_NOSIGNAL);
    return out_.size();
  }

  ReplySource& source_;
  os::Fd to_;
  intercept::GatherPace pace_;
  std::vector<Header> out_;
  os::Nanos cpu_ = 0;
  std::thread thread_;
};

struct Work {
  const char* what;
  bool keep_alive;
  bool paced;
};
constexpr std::array<Work, 4> kWorks = {Work{"keep-alive", true, false},
                                        {"short", false, false},
                                        {"paced-keep-alive", true, true},
                                        {"paced-short", false, true}};

// Sends what each header allows.
class Copier {
 public:
  Copier(const Work& work, uint64_t requests, os::Fd from)
      : work_(work),
        requests_(requests),
        from_(std::move(from)),
        sender_(kService),
        ring_(make_ring()) {}

  os::Nanos run() {
    const auto began = os::thread_cpu();
    // Paced, enough of them that a block always finds requests that wait.
    for (size_t i = 0; i < kConnections * (work_.paced ? size_t{4} : size_t{1}); ++i) open();
    sender_.flush();
    while (done_ < requests_) {
      std::array<pollfd, 2> ready = {pollfd{from_.get(), POLLIN, 0}, pollfd{ring_.fd(), POLLIN, 0}};
      // Where the pace is kept by the ring, it may not stand still because nothing was sent.
      const int n = ::poll(ready.data(), ready.size(), work_.paced ? kStill : 2000);
      silent_ = n > 0 ? 0 : silent_ + 1;
      if (n < 0 || silent_ > (work_.paced ? 2000 / kStill : 0)) break;
      if (ready[1].revents != 0) {
        while (ring_.read_block([this](const os::PacketRing::Packet&) { ++captured_; })) {
        }
      }
      if (ready[1].revents != 0 || n == 0) release();
      if (ready[0].revents != 0) take_headers();
      sender_.flush();
    }
    return os::thread_cpu() - began;
  }
  [[nodiscard]] uint64_t done() const { return done_; }

 private:
  static constexpr int kStill = 20;  // milliseconds
  // A request that may go; of a connection that has to be opened: only that it may.
  struct Request {
    uint16_t port = 0;
    wire::Seq seq;
    wire::Seq ack;
  };
  static os::PacketRing make_ring() {
    os::PacketRing::Options o;
    o.block_bytes = 1U << 17U;
    o.retire_ms = 4;
    o.filter = os::port_filter({kService.port});
    auto ring = os::PacketRing::open(o);
    if (!ring) throw std::runtime_error(ring.error());
    return std::move(*ring);
  }
  void release() {
    size_t left = kPerBlock;
    for (; !waiting_.empty() && left > 0; --left, waiting_.pop_front()) go(waiting_.front());
  }
  void go(const Request& r) {
    if (!work_.keep_alive) return open();
    sender_.add(r.port, r.seq, r.ack, kPsh | kAck, bench::Service::kRequest);
  }
  void next(const Request& r) {
    if (!work_.paced) return go(r);
    waiting_.push_back(r);
  }
  void open() {
    const auto port = static_cast<uint16_t>(kFirstPort + opened_ % kPorts);
    // Why each time higher: a port may be used again while the test host is in TIME-WAIT.
    const wire::Seq first(static_cast<uint32_t>(opened_ / kPorts) * 100'000U);
    ++opened_;
    sender_.add(port, first, wire::Seq(0), kSyn, 0);
  }
  void take_headers() {
    const ssize_t n = ::recv(from_.get(), &in_[have_], in_.size() - have_, MSG_DONTWAIT);
    if (n <= 0) return;
    have_ += static_cast<size_t>(n);
    size_t at = 0;
    for (; at + kRecord <= have_; at += kRecord) {
      Header h;
      std::memcpy(&h, &in_[at], kRecord);
      answer(h);
    }
    std::memmove(in_.data(), &in_[at], have_ - at);
    have_ -= at;
  }
  void answer(const Header& h) {
    const bool syn = (h.flags & kSyn) != 0;
    const bool fin = (h.flags & kFin) != 0;
    const wire::Seq acked(h.ack);
    const wire::Seq after = wire::Seq(h.seq) + h.payload + ((syn || fin) ? 1 : 0);
    if (h.payload > 0) ++done_;
    if (fin) {
      sender_.add(h.port, acked, after, kFin | kAck, 0);
      next({});
    } else if (syn) {
      sender_.add(h.port, acked, after, kPsh | kAck, bench::Service::kRequest);
    } else if (work_.keep_alive && h.payload > 0) {
      next({h.port, acked, after});
    }
  }

  const Work& work_;
  uint64_t requests_;
  os::Fd from_;
  bench::FrameSender sender_;
  os::PacketRing ring_;
  std::vector<uint8_t> in_ = std::vector<uint8_t>(64 * 1024);
  size_t have_ = 0;
  uint64_t done_ = 0;
  uint64_t captured_ = 0;
  int silent_ = 0;  // polls in a row that nothing came of
  std::deque<Request> waiting_;
  uint64_t opened_ = 0;  // connections
};

struct Cost {
  double copy_us = 0;
  double intercept_us = 0;
  double rate = 0;
  uint64_t requests = 0;
  [[nodiscard]] double sum() const { return copy_us + intercept_us; }
};

Cost measure(const Work& work, uint64_t requests) {
  const bench::ReplyBed bed;
  intercept::InterceptOptions options;
  options.service_ports = {kService.port};
  const auto method = intercept::make_interception(options, intercept::intercept_parts().source);
  intercept::Interception::Sources sources;
  os::Fd listener, headers, intercept_end, copy_end;
  bed.near().run([&] {
    auto opened = method->open();
    if (!opened) throw std::runtime_error(opened.error());
    sources = std::move(*opened);
    if (auto done = method->install(); !done) throw std::runtime_error(done.error());
    listener = std::move(*os::listen_on(kService));
    headers = std::move(*os::listen_on(kHeaders));
  });
  bed.far().run([&] { copy_end = std::move(*os::start_connect(kHeaders)); });
  pollfd waiting{headers.get(), POLLIN, 0};
  ::poll(&waiting, 1, 5000);
  intercept_end.reset(::accept4(headers.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!intercept_end) throw std::runtime_error("the header connection does not come about");
  os::tune_stream(copy_end.get());
  os::tune_stream(intercept_end.get());
  const bench::Service service(std::move(listener), work.keep_alive);
  Interceptor interceptor(*sources.front(), std::move(intercept_end));
  Cost cost;
  os::Nanos copy_cpu = 0;
  bed.far().run([&] {
    Copier copier(work, requests, std::move(copy_end));
    const auto began = os::steady_now();
    copy_cpu = copier.run();
    cost.requests = copier.done();
    cost.rate =
        static_cast<double>(cost.requests) * 1e9 / static_cast<double>(os::steady_now() - began);
  });
  const auto per_request = [&](os::Nanos cpu) {
    return static_cast<double>(cpu) / 1e3 /
           static_cast<double>(std::max<uint64_t>(cost.requests, 1));
  };
  cost.copy_us = per_request(copy_cpu);
  cost.intercept_us = per_request(interceptor.cpu());
  return cost;
}
}  // namespace

int main(int argc, char** argv) {
  try {
    bench::Figures figures("pipeline_limit", argc, argv);
    const auto count = std::stoull(figures.argument(0, "40000"));
    for (const Work& work : kWorks) {
      const uint64_t requests = work.paced ? count / 4 : count;
      std::vector<Cost> rounds;
      for (int i = 0; i < kRounds; ++i) rounds.push_back(measure(work, requests));
      std::ranges::sort(rounds, {}, &Cost::sum);
      const Cost& c = rounds[kRounds / 2];
      const std::string what = work.what;
      if (c.requests < requests) {
        std::cerr << "pipeline_limit: " << what << ": " << c.requests << " answers of " << requests
                  << ", then no more\n";
        return 1;
      }
      std::cout << fmt::format(
          "{}: {:.1f} us of CPU a request (copy {:.1f}, intercept {:.1f}), {:.0f}/s\n", what,
          c.sum(), c.copy_us, c.intercept_us, c.rate);
      figures.add(what, "us", c.sum(), {},
                  {{"copy_us", c.copy_us}, {"intercept_us", c.intercept_us}});
    }
    return figures.write();
  } catch (const std::exception& error) {
    std::cerr << "pipeline_limit: " << error.what() << "\n";
    return 1;
  }
}
