// What each way of interception costs its reader per reply, beside a bare loop of the same system
// calls that looks at nothing, taken in turns on the same box: the bare loop, then ours (parsed,
// its claim looked up, its record packed for the copy engine).
//
//   intercept_bench [REPLIES] [--json FILE]
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "bench/intercept/bare_queue.h"
#include "bench/intercept/reply_load.h"
#include "bench/support/figures.h"
#include "intercept/core/claims.h"
#include "intercept/core/reply_header.h"
#include "intercept/driver/gather_pace.h"
#include "intercept/driver/interception.h"
#include "intercept/driver/program.h"
#include "os/clock.h"
#include "wire/header_return.h"

namespace {
using namespace mirrorlab;
using intercept::ReplySource;

constexpr int kRounds = 5;

os::Nanos thread_cpu() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return os::nanos_of(t);
}

struct Reading {
  uint64_t replies = 0;
  os::Nanos cpu = 0;   // of the reader
  os::Nanos wall = 0;  // sender and reader side by side
  [[nodiscard]] double ns() const {
    return static_cast<double>(cpu) / static_cast<double>(std::max<uint64_t>(replies, 1));
  }
  [[nodiscard]] double kpps() const {
    return static_cast<double>(replies) * 1e6 / static_cast<double>(std::max<os::Nanos>(wall, 1));
  }
};

// Waits as mirror-intercept does, by ppoll.
void wait_for_replies(ReplySource& source, intercept::GatherPace& pace, size_t replies) {
  constexpr size_t kConnections = 20;
  constexpr auto kMost = 100 * os::kNanosPerMilli;
  os::Nanos wait = source.read_again_after();
  if (!source.gathers()) {
    wait = std::min(wait, pace.on_read(replies, os::steady_now(), kConnections));
  }
  if (wait == os::kNever) {
    if (!source.listen()) return;
    pollfd ready{source.fd(), POLLIN, 0};
    const timespec most = os::timespec_of(kMost);
    if (::ppoll(&ready, 1, &most, nullptr) <= 0 || source.gathers()) return;
    wait = pace.on_readable(os::steady_now(), kConnections);
  }
  const timespec while_gathering = os::timespec_of(wait);
  if (wait > 0) ::nanosleep(&while_gathering, nullptr);
}

// Reads until the load is through and nothing more comes.
Reading read_all(const bench::ReplyBed& bed, uint64_t count, ReplySource& source,
                 const ReplySource::Take& take) {
  Reading r;
  const auto began = os::steady_now();
  auto last = began;
  bench::ReplyLoad load(bed, count);
  intercept::GatherPace pace;
  const auto cpu = thread_cpu();
  const ReplySource::Take counted = [&](wire::Bytes bytes, size_t wire_bytes) {
    take(bytes, wire_bytes);
    ++r.replies;
  };
  for (;;) {
    const uint64_t before = r.replies;
    if (!source.read(counted)) break;
    load.handled(r.replies);
    const auto now = os::steady_now();
    if (r.replies != before) last = now;
    if (r.replies >= count || (load.done() && now - last > 200 * os::kNanosPerMilli)) break;
    wait_for_replies(source, pace, r.replies - before);
  }
  r.cpu = thread_cpu() - cpu;
  r.wall = last - began;
  return r;
}

// What mirror-intercept does with a reply, up to the socket.
class Product {
 public:
  Product() : claims_({}, [this](intercept::PeerId, const auto& record) { pack(record); }) {
    const wire::Endpoint server = *wire::Endpoint::parse("10.2.0.2:8080");
    const auto client = *wire::IpAddress::parse("10.1.0.1");
    for (uint16_t i = 0; i < 20000; ++i) {
      claims_.claim(1, {{client, static_cast<uint16_t>(40000 + i)}, server});
    }
  }
  void take(wire::Bytes bytes, size_t wire_bytes) {
    const auto record = intercept::read_reply(bytes, wire_bytes);
    if (record) claims_.on_reply(*record, 0);
  }

 private:
  void pack(const wire::HeaderRecord& record) {
    if (out_.size() > 16384) out_.clear();
    wire::append_record(out_, record);
  }
  std::vector<uint8_t> out_;
  intercept::Claims claims_;
};

Reading median(std::vector<Reading> all) {
  std::ranges::sort(all, {}, &Reading::ns);
  return all[all.size() / 2];
}

void compare(bench::Figures& figures, intercept::Via via, uint64_t count) {
  intercept::InterceptOptions options;
  options.via = via;
  options.service_ports = {8080};
  if (via == intercept::Via::route) options.devices = {"near"};
  const bench::ReplyBed bed;
  const auto method = intercept::make_interception(options, intercept::intercept_parts().source);
  tl::expected<intercept::Interception::Sources, std::string> sources;
  std::string wrong;
  (via == intercept::Via::route ? bed.far() : bed.near()).run([&] {
    sources = method->open();
    if (!sources) {
      wrong = sources.error();
    } else if (const auto done = method->install(); !done) {
      wrong = done.error();
    }
  });
  const std::string name = intercept::to_string(via);
  if (!wrong.empty()) {
    std::cout << fmt::format("{:<8} not here: {}\n", name, wrong);
    return figures.skip(name, wrong);
  }
  ReplySource& source = *sources->front();
  bench::BareQueue bare_queue(source.fd(), options.queue);
  ReplySource& bare = via == intercept::Via::nfqueue ? bare_queue : source;
  Product product;
  std::vector<Reading> bare_rounds;
  std::vector<Reading> our_rounds;
  for (int round = 0; round < kRounds; ++round) {
    bare_rounds.push_back(read_all(bed, count, bare, [](wire::Bytes, size_t) {}));
    our_rounds.push_back(read_all(bed, count, source, [&](wire::Bytes bytes, size_t wire_bytes) {
      product.take(bytes, wire_bytes);
    }));
  }
  const auto b = median(bare_rounds);
  const auto o = median(our_rounds);
  const uint64_t lost = count - std::min(count, o.replies);
  std::cout << fmt::format(
      "{:<8} bare loop {:5.0f} ns a reply, ours {:5.0f} ns, ratio {:.2f}, +{:.0f} ns;"
      " {:4.0f} kpps with the sender; lost {}\n",
      name, b.ns(), o.ns(), o.ns() / b.ns(), o.ns() - b.ns(), o.kpps(), lost);
  figures.add(name + ", a reply", "ns", o.ns(), b.ns(), {{"kpps", o.kpps()}, {"lost", lost}});
}
}  // namespace

int main(int argc, char** argv) {
  bench::Figures figures("intercept", argc, argv);
  const auto count = std::stoull(figures.argument(0, "200000"));
  std::cout << fmt::format("CPU of the reader, median of {} rounds of {} replies of 50 bytes\n",
                           kRounds, count);
  for (const auto via : {intercept::Via::nfqueue, intercept::Via::ebpf, intercept::Via::mirred,
                         intercept::Via::route}) {
    compare(figures, via, count);
  }
  return figures.write();
}
