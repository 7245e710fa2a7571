#include "fuzz/engine_script.h"

#include <algorithm>
#include <array>
#include <set>
#include <vector>

#include "engine/core/core.h"
#include "fuzz/check.h"
#include "wire/header_return.h"

namespace mirrorlab::fuzz {
namespace {
using namespace engine;
using namespace wire::tcp_flag;
using wire::Seq;

constexpr size_t kFlows = 4;
constexpr uint16_t kFirstPort = 1000;
constexpr uint16_t kMss = 1460;

class Bytes {
 public:
  explicit Bytes(std::span<const uint8_t> all) : left_(all) {}
  [[nodiscard]] bool empty() const { return left_.empty(); }
  uint8_t next() {
    if (left_.empty()) return 0;
    const uint8_t byte = left_.front();
    left_ = left_.subspan(1);
    return byte;
  }
  std::span<const uint8_t> take(size_t n) {
    const auto taken = left_.first(std::min(n, left_.size()));
    left_ = left_.subspan(taken.size());
    return taken;
  }

 private:
  std::span<const uint8_t> left_;
};

// Small codes are themselves; larger ones reach as far as windows and super-packets do.
uint32_t length_of(uint8_t code) {
  if (code < 64) return code;
  if (code < 192) return (code - 63U) * 92;  // 92 .. 11776
  return (code - 191U) * 1008;               // 1008 .. 64512
}
int64_t offset_of(uint8_t code) {
  static constexpr std::array<int64_t, 8> kFar{1 << 16,      1 << 20,         1 << 29,
                                               1LL << 30,    (1LL << 31) - 1, -(1 << 16),
                                               -(1LL << 30), -(1LL << 31)};
  if (code < 64) return code;
  if (code < 120) return (code - 63) * 730;
  if (code < 128) return kFar[code - 120U];
  if (code < 192) return code - 192;
  return (code - 256) * 730;
}
Nanos time_of(uint8_t code) { return kMicrosecond << (code & 31U); }

// The byte of a client's stream at a sequence number: what is sent later can be checked.
uint8_t content(Seq at, uint16_t port) {
  return static_cast<uint8_t>((at.raw() * 2654435761U >> 24U) + port);
}

struct Flow {
  wire::Endpoint client;
  wire::Endpoint online;
  Seq first{0xffffff00};  // of the client's SYN
  Seq next{0xffffff01};   // of the client's next byte
  Seq online_next{7777};  // of the online host's next byte, as the client acks it
  Seq sent_end;           // behind the last byte the engine sent
  Seq last_ack;           // last ack given to the engine
  Seq test_next{0x7ffffff0};
  bool conflicting = false;
};

constexpr std::array<uint64_t, 4> kSegments{UINT64_MAX, 1, 3, 16};

class Player : public Sink {
 public:
  explicit Player(uint8_t bits)
      : v6_((bits & config_bit::kIpv6) != 0), config_(make_config(bits)), core_(config_, *this) {
    for (size_t i = 0; i < kFlows; ++i) {
      flows_[i].client = {address(1), static_cast<uint16_t>(kFirstPort + i)};
      // The last flow talks to another address of the service: two flows may then collide.
      flows_[i].online = {address(i + 1 == kFlows ? 4 : 2), 80};
    }
    flows_[kFlows - 1].client.port = kFirstPort;
  }

  void event(Bytes& in) {
    switch (static_cast<Op>(in.next() % kOps)) {
      case Op::client:
        client_packet(in);
        break;
      case Op::header:
        header(in);
        break;
      case Op::step:
        step(in.next());
        break;
      case Op::link: {
        const auto what = in.next();
        if (what == kCaptureLoss) {
          core_.on_capture_loss(now_);
        } else if (what == kHeaderLate) {
          core_.on_header_late(config_.mappings[0].test, now_);
        } else {
          core_.on_header_link(what != 0, now_);
        }
        break;
      }
      case Op::flush:
        // In turn a little of what is due, more of it, and all.
        core_.flush_some(now_, kSegments[flushes_++ % kSegments.size()]);
        break;
      case Op::stop:
        if (in.next() % 2 == 0) {
          core_.stop_accepting();
        } else {
          core_.shutdown(now_);
        }
        break;
      case Op::raw_packet:
        tainted_ = true;
        if (const auto p = wire::parse_ip_packet(in.take(in.next()))) {
          core_.on_client_packet(*p, now_);
        }
        break;
      case Op::raw_record: {
        auto body = in.take(in.next());
        if (const auto record = wire::take_record(body)) core_.on_header(*record, now_);
        break;
      }
    }
    require_empty(core_.check_invariants());
  }

  // Time goes on until nothing is left to do: every session must end, whatever came before.
  void finish() {
    core_.on_header_link(true, now_);
    core_.flush(now_);
    for (int wakeups = 0; core_.next_wakeup() != kNever; ++wakeups) {
      require(wakeups < 10'000, "time passes and the engine comes to rest");
      now_ = std::max(now_, core_.next_wakeup());
      core_.on_timer(now_);
      // Why not each time: the walk over a slab of sessions would be most of a run.
      if (wakeups % 16 == 0) require_empty(core_.check_invariants());
    }
    require_empty(core_.check_invariants());
    require(core_.drained(), "nothing waits once all timers have fired");
    require(core_.account().sessions_live == 0, "no session is stuck");
    require(core_.account().bytes_pending == 0, "no byte is pending");
    require(claimed_.empty(), "nothing stays claimed");
  }

  void transmit(const wire::TcpHeader& h, wire::Bytes payload) override {
    require(h.dst == config_.mappings[0].test, "packets go to the test host only");
    uint8_t options[wire::TcpOptions::kMaxBytes];
    const size_t headers = (v6_ ? 60U : 40U) + h.options.write(options);
    require(headers + payload.size() <= config_.mtu, "no packet is larger than the MTU");
    for (Flow& f : flows_) {
      if (f.client != h.src) continue;
      if (!h.has(kRst)) {
        f.sent_end = h.seq + static_cast<uint32_t>(payload.size()) + (h.has(kSyn) ? 1U : 0U) +
                     (h.has(kFin) ? 1U : 0U);
      }
      if (f.conflicting || tainted_) continue;
      for (size_t i = 0; i < payload.size(); ++i) {
        require(payload[i] == content(h.seq + static_cast<uint32_t>(i), f.client.port),
                "no byte is invented");
      }
    }
  }
  void claim(const wire::FlowKey& mirrored) override { claimed_.insert(mirrored); }
  void unclaim(const wire::FlowKey& mirrored) override {
    require(claimed_.erase(mirrored) == 1, "only what was claimed is unclaimed");
  }
  void on_session_end(const SessionReport& r) override {
    require(r.bytes_captured == r.bytes_mirrored + r.bytes_lost, "a session's account balances");
    require((r.bytes_lost == 0) || r.reason != LossReason::none, "a lost byte has a reason");
  }

 private:
  [[nodiscard]] wire::IpAddress address(uint8_t last) const {
    const uint8_t bytes[16] = {10, 0, 0,   v6_ ? uint8_t{0} : last, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                               0,  0, last};
    return v6_ ? wire::IpAddress::v6(bytes) : wire::IpAddress::v4(bytes);
  }

  Config make_config(uint8_t bits) const {
    Config c;
    c.mappings = {{{wire::IpAddress(), 80}, {address(3), 8080}}};
    if (bits & config_bit::kAckClient) c.ack = AckPolicy::client;
    if (bits & config_bit::kPaceNone) c.pace = Pace::none;
    c.wait_for_answers = (bits & config_bit::kNoWait) == 0;
    c.whole_only = (bits & config_bit::kWholeOnly) != 0;
    c.reopen = (bits & config_bit::kNoReopen) == 0;
    c.idle_timeout = 200 * kSecond;
    if (bits & config_bit::kSmallMtu) c.mtu = v6_ ? 1280 : 576;
    if (bits & config_bit::kTightLimits) {
      c.max_sessions = 2;
      c.max_session_bytes = 8192;
      c.max_total_bytes = 12'288;
    }
    return c;
  }

  void client_packet(Bytes& in) {
    const uint8_t chosen = in.next();
    Flow& f = flows_[chosen % kFlows];
    wire::TcpPacket p;
    auto& h = p.header;
    h.src = f.client;
    h.dst = f.online;
    h.flags = in.next();
    h.seq = f.next + static_cast<uint32_t>(offset_of(in.next()));
    const uint32_t length = length_of(in.next());
    f.online_next = f.online_next + static_cast<uint32_t>(offset_of(in.next()));
    h.ack = f.online_next;
    h.window = 512;
    if (h.has(kSyn)) {
      f.first = h.seq;
      h.options.mss = kMss;
      h.options.sack_permitted = (chosen & 4U) == 0;
      if ((chosen & 8U) == 0) h.options.window_scale = 7;
      if ((chosen & 16U) == 0) h.options.timestamps = wire::TcpTimestamps{1, 0};
    }
    const Seq first = h.has(kSyn) ? h.seq + 1 : h.seq;
    const bool conflict = (chosen & 32U) != 0;
    std::vector<uint8_t> data(length);
    for (uint32_t i = 0; i < length; ++i) {
      data[i] = static_cast<uint8_t>(content(first + i, f.client.port) + (conflict ? 1 : 0));
    }
    for (Flow& other : flows_) other.conflicting |= conflict && other.client == f.client;
    const bool cut = (chosen & 64U) != 0;
    p.payload = wire::Bytes(data).first(cut ? data.size() / 2 : data.size());
    p.payload_length = length;
    const Seq end = first + length + (h.has(kFin) ? 1U : 0U);
    if (end.after(f.next) || h.has(kSyn)) f.next = end;
    core_.on_client_packet(p, now_);
  }

  void header(Bytes& in) {
    const uint8_t chosen = in.next();
    Flow& f = flows_[chosen % kFlows];
    wire::HeaderRecord r;
    r.flow = {f.client, config_.mappings[0].test};
    r.flags = in.next();
    r.ack = f.sent_end + static_cast<uint32_t>(offset_of(in.next()));
    r.seq = f.test_next + static_cast<uint32_t>(offset_of(in.next()));
    r.payload_length = length_of(in.next());
    r.window = static_cast<uint16_t>(in.next() << 8U);
    const uint8_t extras = in.next();
    if (extras & extra_bit::kMss) r.options.mss = static_cast<uint16_t>(kMss >> (extras >> 6U));
    if (extras & extra_bit::kWindowScale) r.options.window_scale = extras >> 4U;
    r.options.sack_permitted = (extras & extra_bit::kSackPermitted) != 0;
    if (extras & extra_bit::kTimestamps) {
      r.options.timestamps = wire::TcpTimestamps{static_cast<uint32_t>(now_ / kMillisecond), 0};
    }
    if (!r.has(kSyn)) r.options.sack_count = (extras >> 4U) & 3U;
    for (uint8_t i = 0; i < r.options.sack_count; ++i) {
      const Seq left = r.ack + static_cast<uint32_t>(offset_of(in.next()));
      r.options.sack[i] = {left, left + length_of(in.next())};
    }
    f.test_next = r.seq + r.payload_length + (r.has(kSyn) ? 1U : 0U) + (r.has(kFin) ? 1U : 0U);
    core_.on_header(r, now_);
  }

  // The high bit: the engine oversleeps, as a starved process does.
  void step(uint8_t code) {
    const Nanos until = now_ + time_of(code);
    for (int wakeups = 0; (code & 128U) == 0 && core_.next_wakeup() <= until; ++wakeups) {
      require(wakeups < 5000, "a timer does not spin");
      wake(std::max(now_, core_.next_wakeup()));
    }
    wake(until);
  }
  void wake(Nanos at) {
    now_ = at;
    core_.on_timer(now_);
    require_empty(core_.check_invariants());
  }

  bool v6_;
  Config config_;
  Core core_;
  std::array<Flow, kFlows> flows_;
  std::set<wire::FlowKey> claimed_;
  Nanos now_ = kSecond;
  size_t flushes_ = 0;
  bool tainted_ = false;  // bytes of unknown origin came in
};
}  // namespace

void play(std::span<const uint8_t> script) {
  Bytes in(script);
  Player player(in.next());
  while (!in.empty()) player.event(in);
  player.finish();
}

}  // namespace mirrorlab::fuzz
