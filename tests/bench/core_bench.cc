// The engine core alone: what a packet costs with a few and with a million sessions, and what an
// idle session takes. No system calls: captured packets and header records are made up, and what
// the core sends is counted and dropped.
//
// Beside each figure stands the least any such core must do: the look-up of the flow of each packet
// among as many keys, prefetched in batches of the same size, and one touch of what it finds.
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <vector>

#include "bench/support/figures.h"
#include "engine/core/core.h"
#include "engine/core/flow_index.h"

namespace {
using namespace mirrorlab;
using engine::Nanos;
using wire::tcp_flag::kAck;
using wire::tcp_flag::kPsh;
using wire::tcp_flag::kSyn;

constexpr size_t kBatch = 64;
// Sessions of which a request is under way at one time.
constexpr uint32_t kAtOnce = 4096;
constexpr uint32_t kRequest = 100, kAnswer = 500;
const wire::Endpoint kOnline = *wire::Endpoint::parse("10.255.0.1:80");
const wire::Endpoint kTest = *wire::Endpoint::parse("10.255.0.2:8080");

class CountingSink : public engine::Sink {
 public:
  void transmit(const wire::TcpHeader&, wire::Bytes payload) override {
    ++packets;
    bytes += payload.size();
  }
  void claim(const wire::FlowKey&) override {}
  void unclaim(const wire::FlowKey&) override {}
  uint64_t packets = 0, bytes = 0;
};

wire::Endpoint client_of(uint32_t i) {
  return {wire::IpAddress::v4(0x0a000000U + i / 16384), static_cast<uint16_t>(1024 + i % 16384)};
}

// `count` is a power of two: an odd factor visits each session once a round, in no order.
uint32_t shuffled(uint32_t n, uint32_t count) { return (n * 2654435761U) & (count - 1); }

// A made-up conversation: all sessions are equally far, so that nothing need be kept of each.
class Load {
 public:
  explicit Load(uint32_t sessions) : sessions_(sessions), core_(config(sessions), sink_) {
    for (size_t i = 0; i < payload_.size(); ++i) payload_[i] = static_cast<uint8_t>(i);
  }

  void open() {
    const uint32_t at_once = std::min(sessions_, kAtOnce);
    for (uint32_t first = 0; first < sessions_; first += at_once) {
      sent_ = said_ = 0;
      for (uint32_t i = first; i < first + at_once; ++i) {
        core_.on_client_packet(packet(i, kSyn, 0), now_);
        step(i);
      }
      for (uint32_t i = first; i < first + at_once; ++i) {
        sent_ = said_ = 0;
        core_.on_header(record(i, kSyn | kAck, 0), now_);
        sent_ = said_ = 1;
        core_.on_client_packet(packet(i, kAck, 0), now_);
        step(i);
      }
    }
  }

  // A turn of each session: the request, its ack with the answer, the client's ack. Inputs.
  uint64_t turn() {
    const uint32_t at_once = std::min(sessions_, kAtOnce);
    const uint32_t sent = sent_, said = said_;
    for (uint32_t first = 0; first < sessions_; first += at_once) {
      const auto each_batch = [&](const auto& give) {
        for (uint32_t from = first; from < first + at_once; from += kBatch) {
          for (uint32_t n = 0; n < kBatch; ++n) give(n, shuffled(from + n, sessions_));
          finish_batch();
        }
      };
      sent_ = sent;
      said_ = said;
      each_batch([&](size_t n, uint32_t i) { packets_[n] = packet(i, kAck | kPsh, kRequest); });
      sent_ += kRequest;
      records_due_ = true;
      each_batch([&](size_t n, uint32_t i) { records_[n] = record(i, kAck | kPsh, kAnswer); });
      said_ += kAnswer;
      records_due_ = false;
      each_batch([&](size_t n, uint32_t i) { packets_[n] = packet(i, kAck, 0); });
    }
    return uint64_t{3} * sessions_;
  }

  [[nodiscard]] const engine::Core& core() const { return core_; }
  [[nodiscard]] uint64_t sent() const { return sink_.packets; }

 private:
  static engine::Config config(uint32_t sessions) {
    engine::Config c;
    c.mappings.push_back({kOnline, kTest});
    c.pace = engine::Pace::none;
    c.max_sessions = sessions;
    return c;
  }

  wire::TcpPacket packet(uint32_t i, uint8_t flags, uint32_t length) const {
    wire::TcpPacket p;
    p.header.src = client_of(i);
    p.header.dst = kOnline;
    p.header.seq = wire::Seq(i * 7919U + sent_);
    p.header.ack = wire::Seq(i * 104729U + said_);
    p.header.flags = flags;
    p.header.window = 65535;
    p.payload = {payload_.data(), length};
    p.payload_length = length;
    if ((flags & kSyn) != 0) p.header.options.mss = 1460;
    return p;
  }
  wire::HeaderRecord record(uint32_t i, uint8_t flags, uint32_t length) const {
    wire::HeaderRecord r;
    r.flow = {client_of(i), kTest};
    r.seq = wire::Seq(i * 15485863U + said_);
    r.ack = wire::Seq(i * 7919U + sent_ + ((flags & kSyn) != 0 ? 1 : 0));
    r.flags = flags;
    r.window = 65535;
    r.payload_length = length;
    if ((flags & kSyn) != 0) r.options.mss = 1460;
    return r;
  }
  // Time goes on as it does at a million packets a second.
  void step(uint32_t i) {
    if (i % kBatch != kBatch - 1) return;
    now_ += kBatch * engine::kMicrosecond;
    core_.flush(now_);
  }
  void finish_batch() {
    if (records_due_) {
      core_.on_headers(records_, now_);
    } else {
      core_.on_client_packets(packets_, now_);
    }
    now_ += kBatch * engine::kMicrosecond;
    core_.flush(now_);
    if (core_.next_wakeup() <= now_) core_.on_timer(now_);
  }

  uint32_t sessions_;
  CountingSink sink_;
  engine::Core core_;
  std::vector<uint8_t> payload_ = std::vector<uint8_t>(kRequest);
  std::vector<wire::TcpPacket> packets_ = std::vector<wire::TcpPacket>(kBatch);
  std::vector<wire::HeaderRecord> records_ = std::vector<wire::HeaderRecord>(kBatch);
  uint32_t sent_ = 0, said_ = 0;
  bool records_due_ = false;
  Nanos now_ = engine::kSecond;
};

// CPU time, so that what else runs on the box counts as little as can be.
double cpu_seconds() {
  timespec t{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}
double seconds(const auto& work) {
  const double began = cpu_seconds();
  work();
  return cpu_seconds() - began;
}

// The bare limit, in nanoseconds a look-up.
double bare_lookups(uint32_t sessions) {
  struct Slot {
    wire::FlowKey key;
    uint64_t touched = 0;
  };
  engine::FlowIndex index;
  std::vector<Slot> slots(sessions);
  for (uint32_t i = 0; i < sessions; ++i) {
    slots[i].key = {client_of(i), kTest};
    index.insert(hash_value(slots[i].key), i);
  }
  uint64_t hashes[kBatch];
  wire::FlowKey keys[kBatch];
  uint64_t lookups = 0;
  const double took = seconds([&] {
    for (const uint64_t least = 4'000'000; lookups < least;) {
      for (uint32_t from = 0; from < sessions; from += kBatch) {
        for (uint32_t n = 0; n < kBatch; ++n) {
          keys[n] = {client_of(shuffled(from + n, sessions)), kTest};
          hashes[n] = hash_value(keys[n]);
          index.prefetch(hashes[n]);
        }
        for (uint32_t n = 0; n < kBatch; ++n) engine::prefetch(&slots[index.guess(hashes[n])]);
        for (uint32_t n = 0; n < kBatch; ++n) {
          const uint32_t id =
              index.find(hashes[n], [&](uint32_t at) { return slots[at].key == keys[n]; });
          ++slots[id].touched;
        }
        lookups += kBatch;
      }
    }
  });
  return took * 1e9 / static_cast<double>(lookups);
}

uint64_t resident_bytes() {
  std::ifstream in("/proc/self/statm");
  uint64_t pages = 0, resident = 0;
  in >> pages >> resident;
  return resident * 4096;
}

void measure(uint32_t sessions, bench::Figures& figures) {
  const double bare = bare_lookups(sessions);
  const uint64_t before = resident_bytes();
  Load load(sessions);
  load.open();
  load.turn();  // pools have grown to what they need
  const uint64_t after = resident_bytes();
  uint64_t inputs = 0;
  const uint64_t sent = load.sent();
  const double took = seconds([&] {
    while (inputs < 6'000'000) inputs += load.turn();
  });
  if (const std::string wrong = load.core().check_invariants(); !wrong.empty()) {
    fmt::print(stderr, "core_bench: {}\n", wrong);
    std::exit(1);
  }
  const auto& counters = load.core().counters();
  if (counters.turn_released_by_timeout + counters.data_segments_retransmitted != 0 ||
      !load.core().drained()) {
    fmt::print(stderr, "core_bench: the load is not what it should be: {} {} {}\n",
               counters.turn_released_by_timeout, counters.data_segments_retransmitted,
               load.core().drained());
    std::exit(1);
  }
  const double ns = took * 1e9 / static_cast<double>(inputs);
  const double idle =
      static_cast<double>(load.core().memory_bytes()) / static_cast<double>(sessions);
  const double resident = static_cast<double>(after - before) / static_cast<double>(sessions);
  fmt::print("{:>9} {:>10.2f} {:>12.0f} {:>14.0f} {:>8.1f} {:>12.0f} {:>12.0f}\n", sessions,
             1e3 / ns, ns, bare, ns / bare, idle, resident);
  const auto what = fmt::format("{} sessions", sessions);
  figures.add(what + ", a packet", "ns", ns, bare,
              {{"packets_per_s", 1e9 / ns}, {"packets_sent", load.sent() - sent}});
  figures.add(what + ", an idle one", "bytes", idle, std::nullopt, {{"resident_bytes", resident}});
}
}  // namespace

// core_bench [--json FILE]
int main(int argc, char** argv) {
  bench::Figures figures("core", argc, argv);
  fmt::print("the core alone: request, answer's header and client's ack by turns, {} a batch\n",
             kBatch);
  fmt::print("{:>9} {:>10} {:>12} {:>14} {:>8} {:>12} {:>12}\n", "sessions", "Mpackets/s",
             "ns/packet", "bare look-up", "ratio", "bytes/idle", "resident");
  for (const uint32_t sessions : {1U << 10U, 1U << 17U, 1U << 20U}) measure(sessions, figures);
  return figures.write();
}
