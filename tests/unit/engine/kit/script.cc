#include "unit/engine/kit/script.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>

namespace mirrorlab::engine::kit {

namespace {
using wire::tcp_flag::kAck;
using wire::tcp_flag::kRst;
using wire::tcp_flag::kSyn;

constexpr size_t kHistoryPrinted = 60;
// A timer fires up to a tick after its time, so what follows it may seem early.
constexpr Nanos kLate = 500 * kMicrosecond;

std::string_view trim(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}
std::string_view next_word(std::string_view& s) {
  s = trim(s);
  const size_t end = std::min(s.find(' '), s.size());
  const std::string_view word = s.substr(0, end);
  s = trim(s.substr(end));
  return word;
}
std::optional<Nanos> parse_duration(std::string_view s) {
  int64_t n = 0;
  const auto [end, ec] = std::from_chars(s.data(), s.data() + s.size(), n);
  if (ec != std::errc()) return std::nullopt;
  const std::string_view unit(end, static_cast<size_t>(s.data() + s.size() - end));
  if (unit == "us") return n * kMicrosecond;
  if (unit == "ms") return n * kMillisecond;
  if (unit == "s") return n * kSecond;
  if (unit.empty() && n == 0) return 0;
  return std::nullopt;
}
uint32_t start_ms() { return static_cast<uint32_t>(Script::kStart / kMillisecond); }
}  // namespace

uint8_t stream_byte(int n, int64_t offset) {
  const auto i = static_cast<uint64_t>(offset);
  return static_cast<uint8_t>(i * 167 + (i >> 8) * 13 + (i >> 16) * 101 +
                              static_cast<uint64_t>(n) * 59);
}

Config Script::config(wire::Family family) {
  Config c;
  const bool v4 = family == wire::Family::v4;
  c.mappings.push_back({*wire::Endpoint::parse(v4 ? "10.0.0.1:80" : "[fd00::1]:80"),
                        *wire::Endpoint::parse(v4 ? "10.0.0.2:8080" : "[fd00::2]:8080")});
  return c;
}

Script::Script(wire::Family family) : Script(config(family), family) {}
Script::Script(const Config& config, wire::Family family)
    : config_(config), family_(family), core_(std::make_unique<Core>(config_, *this)) {}

Script::~Script() {
  script_line_ = "end of script";
  expect_nothing_left("the end of the script");
}

Script::Peer& Script::connection(int n) {
  const auto [it, fresh] = connections_.try_emplace(n);
  if (fresh) {
    const auto k = static_cast<uint32_t>(n);
    const bool v4 = family_ == wire::Family::v4;
    it->second.client = *wire::Endpoint::parse(v4 ? "10.0.1.1:0" : "[fd00::c]:0");
    it->second.client.port = static_cast<uint16_t>(40000 + n);
    it->second.client_isn = wire::Seq(1'000'000 + k * 0x61234567U);
    it->second.online_isn = wire::Seq(0xf0000000U + k * 77'777);
    it->second.host_isn = wire::Seq(0x30000000U + k * 0x41234567U);
  }
  return it->second;
}

int Script::connection_of(const wire::TcpHeader& header) {
  int best = 0;
  uint32_t distance = 0;
  for (const auto& [n, peer] : connections_) {
    if (peer.client != header.src) continue;
    const auto d = static_cast<uint32_t>(std::abs(int64_t{header.seq.since(peer.client_isn)}));
    if (best == 0 || d < distance) {
      best = n;
      distance = d;
    }
  }
  return best;
}

void Script::record(std::string_view who, int n, const std::string& text) {
  char head[64];
  const double at = static_cast<double>(now_ - kStart) / 1e9;
  const std::string name = std::string(who) + (n > 1 ? "/" + std::to_string(n) : "");
  std::snprintf(head, sizeof head, "  %10.6f  %-9s ", at, name.c_str());
  history_.push_back(head + text);
}

void Script::fail(const std::string& why) {
  if (failed_) return;
  failed_ = true;
  std::string text = why + "\n  at: " + script_line_ + "\nhistory:\n";
  const size_t first = history_.size() > kHistoryPrinted ? history_.size() - kHistoryPrinted : 0;
  if (first > 0) text += "  (" + std::to_string(first) + " earlier)\n";
  for (size_t i = first; i < history_.size(); ++i) text += history_[i] + "\n";
  ADD_FAILURE() << text;
}

void Script::check() {
  if (unchecked_) return;
  if (const std::string wrong = core_->check_invariants(); !wrong.empty()) {
    fail("invariant broken: " + wrong);
  }
}

void Script::check_sent(const Peer& peer, const Notation& p, size_t bytes) {
  const size_t header = (family_ == wire::Family::v4 ? 20U : 40U) + 20U;
  if (header + bytes > config_.mtu) fail("packet longer than the MTU");
  if (peer.syn_seen && p.length > 0 && p.seq + p.length > peer.window_end) {
    fail("data beyond the window the test host offered: " + p.print());
  }
  if (p.ack && (p.flags & kRst) == 0 && *p.ack > peer.host_sent) {
    fail("acks what the test host never sent: " + p.print());
  }
}

void Script::transmit(const wire::TcpHeader& h, wire::Bytes payload) {
  const int n = connection_of(h);
  Peer& peer = connection(n);
  Notation p;
  p.flags = h.flags;
  p.seq = wire::unwrap(h.seq, peer.client_isn, std::max<int64_t>(peer.window_end - 1, 0));
  p.length = static_cast<uint32_t>(payload.size());
  if (h.has(kAck)) p.ack = wire::unwrap(h.ack, peer.host_isn, peer.host_sent);
  p.window = h.window;
  p.has_options = h.options.write(std::vector<uint8_t>(wire::TcpOptions::kMaxBytes).data()) > 0;
  p.mss = h.options.mss;
  p.scale = h.options.window_scale;
  p.sack_ok = h.options.sack_permitted;
  if (h.options.timestamps) {
    p.timestamps = {h.options.timestamps->value - start_ms(), h.options.timestamps->echo_reply};
  }
  for (uint8_t i = 0; i < h.options.sack_count; ++i) {
    p.sack.emplace_back(wire::unwrap(h.options.sack[i].left, peer.host_isn, peer.host_sent),
                        wire::unwrap(h.options.sack[i].right, peer.host_isn, peer.host_sent));
  }
  size_t same = 0, inverted = 0;
  for (size_t i = 0; i < payload.size(); ++i) {
    const uint8_t want = stream_byte(n, p.seq - 1 + static_cast<int64_t>(i));
    same += payload[i] == want ? 1 : 0;
    inverted += payload[i] == static_cast<uint8_t>(~want) ? 1 : 0;
  }
  p.differs = !payload.empty() && inverted == payload.size();
  record("engine", n, p.print());
  if (h.dst != config_.mappings[0].test) fail("sent to " + h.dst.to_string());
  if (same != payload.size() && !p.differs) fail("bytes that are not the client's: " + p.print());
  if (!h.has(kRst) && claimed_.count({h.src, h.dst}) == 0) fail("sent before it was claimed");
  check_sent(peer, p, payload.size());
  if (h.has(kSyn)) {
    peer.syn_seen = true;
    peer.window_end = p.seq + 1;
  }
  sent_.push_back({now_, n, p});
}

void Script::claim(const wire::FlowKey& mirrored) {
  ++claimed_[mirrored];
  ++claim_calls_;
}
void Script::unclaim(const wire::FlowKey& mirrored) {
  if (claimed_.erase(mirrored) == 0) fail("unclaimed what was not claimed");
}

void Script::on_session_end(const SessionReport& r) {
  std::string text = r.reason == LossReason::none ? "mirrored" : to_string(r.reason);
  text += " captured " + std::to_string(r.bytes_captured) + " mirrored " +
          std::to_string(r.bytes_mirrored) + " lost " + std::to_string(r.bytes_lost) + " answer " +
          std::to_string(r.answer_bytes) + " turns " + std::to_string(r.turns) + " connections " +
          std::to_string(r.connections);
  record("end", 1, text);
  ends_.push_back(text);
}

void Script::client(int n, const Notation& p) {
  Peer& peer = connection(n);
  if (p.isn) peer.client_isn = wire::Seq(*p.isn);
  record("client", n, p.print());
  wire::TcpPacket packet;
  wire::TcpHeader& h = packet.header;
  h.src = peer.client;
  h.dst = config_.mappings[0].online;
  h.seq = wire::wrap(p.seq, peer.client_isn);
  if (p.ack) h.ack = wire::wrap(*p.ack, peer.online_isn);
  h.flags = p.flags;
  h.window = p.window.value_or(65535);
  h.options.mss = p.mss;
  h.options.window_scale = p.scale;
  h.options.sack_permitted = p.sack_ok;
  if (p.timestamps) h.options.timestamps = {p.timestamps->value, p.timestamps->echo};
  if (p.any_timestamps) h.options.timestamps = {1, 1};
  const int64_t first = p.seq + ((p.flags & kSyn) != 0 ? 1 : 0) - 1;
  std::vector<uint8_t> payload(p.cut.value_or(p.length));
  for (size_t i = 0; i < payload.size(); ++i) {
    const uint8_t b = stream_byte(n, first + static_cast<int64_t>(i));
    payload[i] = p.differs ? static_cast<uint8_t>(~b) : b;
  }
  packet.payload = payload;
  packet.payload_length = p.length;
  core_->on_client_packet(packet, now_);
  check();
  core_->flush(now_);
  check();
}

void Script::host(int n, const Notation& p) {
  Peer& peer = connection(n);
  if (p.isn) {
    peer.host_isn = wire::Seq(*p.isn);
    peer.host_sent = 0;
  }
  record("host", n, p.print());
  wire::HeaderRecord r;
  r.flow = {peer.client, config_.mappings[0].test};
  r.seq = wire::wrap(p.seq, peer.host_isn);
  if (p.ack) r.ack = wire::wrap(*p.ack, peer.client_isn);
  r.flags = p.flags;
  r.window = p.window.value_or(65535);
  r.payload_length = p.length;
  r.options.mss = p.mss;
  r.options.window_scale = p.scale;
  r.options.sack_permitted = p.sack_ok;
  if (p.timestamps) {
    r.options.timestamps = {p.timestamps->value, p.timestamps->echo + start_ms()};
  }
  for (const auto& [left, right] : p.sack) {
    if (r.options.sack_count == wire::TcpOptions::kMaxSackBlocks) break;
    r.options.sack[r.options.sack_count++] = {wire::wrap(left, peer.client_isn),
                                              wire::wrap(right, peer.client_isn)};
  }
  const bool syn = (p.flags & kSyn) != 0;
  const bool fin = (p.flags & wire::tcp_flag::kFin) != 0;
  peer.host_sent = std::max(peer.host_sent, p.seq + p.length + (syn ? 1 : 0) + (fin ? 1 : 0));
  if (syn) peer.host_scale = std::min<uint8_t>(p.scale.value_or(0), 14);
  if (p.ack) {
    const uint8_t scale = syn ? 0 : peer.host_scale;
    peer.window_end = std::max(peer.window_end, *p.ack + (int64_t{r.window} << scale));
  }
  core_->on_header(r, now_);
  check();
  core_->flush(now_);
  check();
}

void Script::advance(Nanos by) {
  const Nanos to = now_ + by;
  int still = 0;
  for (Nanos at = core_->next_wakeup(); at <= to && !failed_; at = core_->next_wakeup()) {
    still = at > now_ ? 0 : still + 1;
    if (still > 1000) fail("next_wakeup() stands still");
    now_ = std::max(now_, at);
    core_->on_timer(now_);
    check();
  }
  now_ = to;
}

std::vector<Notation> Script::take_sent() {
  std::vector<Notation> packets;
  for (Sent& s : sent_) packets.push_back(std::move(s.packet));
  sent_.clear();
  return packets;
}

void Script::expect_nothing_left(std::string_view before) {
  if (sent_.empty()) return;
  fail("sent before " + std::string(before) + ", not expected: " + sent_.front().packet.print());
}

void Script::expect_packet(int n, std::string_view text, Nanos at) {
  std::string error;
  const auto want = parse_notation(text, error);
  if (!want) return fail(error);
  if (sent_.empty()) return fail("expected, not sent: " + want->print());
  const Sent got = sent_.front();
  sent_.pop_front();
  std::string wrong = want->mismatch(got.packet);
  if (n != got.connection) wrong = "connection";
  if (wrong.empty() && got.at < at - kLate) wrong = "time (too early)";
  if (wrong.empty() && got.at > at + kLate) wrong = "time (too late)";
  if (wrong.empty()) {
    line_time_ = got.at;
    return;
  }
  fail(wrong + " differs\n  expected: " + want->print() + "\n  sent:     " + got.packet.print() +
       " on connection " + std::to_string(got.connection) + " at " +
       std::to_string(static_cast<double>(got.at - kStart) / 1e9));
}

void Script::expect_end(std::string_view text) {
  if (ends_.empty()) return fail("no session has ended");
  const std::string got = ends_.front() + " ";
  ends_.pop_front();
  std::string_view rest = text;
  const std::string reason(next_word(rest));
  bool ok = got.starts_with(reason + " ");
  while (!rest.empty()) {
    const std::string key(next_word(rest));
    const std::string value(next_word(rest));
    ok = ok && got.find(" " + key + " " + value + " ") != std::string::npos;
  }
  if (!ok) fail("the session ended otherwise: " + got);
}

void Script::step(std::string_view line) {
  Nanos by = 0;
  if (line.starts_with("+")) {
    const std::string_view word = next_word(line);
    const auto d = parse_duration(word.substr(1));
    if (!d) return fail("not a duration: " + std::string(word));
    by = *d;
  }
  std::string_view verb = next_word(line);
  int n = 1;
  if (const size_t slash = verb.find('/'); slash != std::string_view::npos) {
    n = std::atoi(std::string(verb.substr(slash + 1)).c_str());
    verb = verb.substr(0, slash);
  }
  if (verb == "engine" || verb == "end") {
    const Nanos at = line_time_ + by;
    if (by > 0) advance(at + kLate - now_);
    return verb == "engine" ? expect_packet(n, line, at) : expect_end(line);
  }
  expect_nothing_left(line);
  if (verb == "quiet") {
    const auto d = parse_duration(line);
    if (!d) return fail("not a duration");
    line_time_ += *d;
    advance(std::max<Nanos>(0, line_time_ - now_));
    return expect_nothing_left("the end of the quiet time");
  }
  advance(std::max<Nanos>(0, line_time_ + by - now_));
  expect_nothing_left(line);
  line_time_ = now_;
  if (verb == "link" || verb == "shutdown" || verb == "lost" || verb == "late") {
    record(verb, 1, std::string(line));
    if (verb == "link") {
      core_->on_header_link(line == "up", now_);
    } else if (verb == "lost") {
      core_->on_capture_loss(now_);
    } else if (verb == "late") {
      core_->on_header_late(config_.mappings[0].test, now_);
    } else {
      core_->shutdown(now_);
    }
    core_->flush(now_);
    return check();
  }
  std::string error;
  const auto packet = parse_notation(line, error);
  if (!packet) return fail(error);
  if (verb == "client") return client(n, *packet);
  if (verb == "host") return host(n, *packet);
  fail("no such step: " + std::string(verb));
}

void Script::play(std::string_view text) {
  while (!text.empty() && !failed_) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    line = trim(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    script_line_ = line;
    step(line);
  }
}

void Script::open(int n, std::string_view client_options, std::string_view host_options,
                  unsigned window) {
  const std::string c = "/" + std::to_string(n) + " ";
  const std::string co(client_options), ho(host_options);
  play("client" + c + "S 0:0(0) <" + co + ">\nengine" + c + "S 0:0(0)\n+10ms host" + c +
       "S. 0:0(0) ack 1 win " + std::to_string(window) + " <" + ho + ">\nengine" + c +
       ". 1:1(0) ack 1\nclient" + c + ". 1:1(0) ack 1");
}

}  // namespace mirrorlab::engine::kit
