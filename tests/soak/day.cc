#include "soak/day.h"

#include <algorithm>

#include "wire/seq.h"

namespace mirrorlab::soak {

namespace {
using engine::kMillisecond;
using engine::kSecond;
using engine::Nanos;
using wire::tcp_flag::kAck;
using wire::tcp_flag::kFin;
using wire::tcp_flag::kPsh;
using wire::tcp_flag::kSyn;

const wire::Endpoint kOnline = *wire::Endpoint::parse("10.255.0.1:80");
const wire::Endpoint kTest = *wire::Endpoint::parse("10.255.0.2:8080");
constexpr Nanos kOneWay = kMillisecond;
constexpr uint32_t kSegment = 1448;
constexpr uint64_t kLoseOneOf = 1000;
constexpr uint64_t kInvariantsEvery = 100'003;

engine::Config config() {
  engine::Config c;
  c.mappings.push_back({kOnline, kTest});
  return c;
}
}  // namespace

Day::Day(Nanos length, bool spoil) : length_(length), core_(config(), *this) {
  clients_.resize(kLong + kShort);
  payload_.resize(kSegment);
  for (uint32_t i = 0; i < clients_.size(); ++i) {
    Client& c = clients_[i];
    c.endpoint = {wire::IpAddress::v4(0x0a000000U + i), 40000};
    c.conversation = {i, i >= kLong};
    c.host = FarEnd({spoil ? i + 1 : i, i >= kLong}, {c.endpoint, kTest});
    push(now_ + static_cast<Nanos>(random(30'000)) * kMillisecond, What::begin, i);
  }
}

uint64_t Day::random(uint64_t below) {
  random_ ^= random_ << 13U;
  random_ ^= random_ >> 7U;
  random_ ^= random_ << 17U;
  return random_ % below;
}

bool Day::lose() {
  if (random(kLoseOneOf) != 0) return false;
  ++lost_;
  return true;
}

void Day::push(Nanos at, What what, uint32_t client, uint32_t packet) {
  queue_.push({at, order_++, what, client, packet});
}

// A short conversation has one or two requests; a long one goes on until the day is over.
void Day::begin(uint32_t index) {
  if (now_ >= length_) return;
  Client& c = clients_[index];
  c.requests = index < kLong ? UINT64_MAX : 1 + random(2);
  // Above the numbers of the connection before (RFC 6528); at first anywhere.
  c.isn += static_cast<uint32_t>(c.sent) + 1'000'000 + static_cast<uint32_t>(random(1'000'000'000));
  c.asked = 0;
  c.sent = c.heard = 0;
  ++streams_;
  capture(c, kSyn, -1, 0);
  push(now_ + kMillisecond, What::request, index);
}

void Day::request(uint32_t index) {
  Client& c = clients_[index];
  const bool over = c.asked == c.requests || (index < kLong && now_ >= length_);
  if (over) {
    capture(c, kAck | kFin, c.sent, 0);
    // The 4-tuple is used again, some within the engine's TIME-WAIT.
    if (index >= kLong)
      push(now_ + static_cast<Nanos>(1 + random(20)) * kSecond, What::begin, index);
    return;
  }
  const uint32_t bytes = c.conversation.request_bytes(c.asked);
  for (uint32_t at = 0; at < bytes; at += kSegment) {
    const uint32_t length = std::min(kSegment, bytes - at);
    capture(c, at + length == bytes ? kAck | kPsh : kAck, c.sent, length);
    c.sent += length;
    stream_bytes_ += length;
  }
  c.heard += c.conversation.answer_bytes(c.asked++);
  push(now_ + 20 * kMillisecond, What::client_ack, index);
}

// The online host's answer came; the next request follows after some thought.
void Day::client_ack(uint32_t index) {
  capture(clients_[index], kAck, clients_[index].sent, 0);
  const uint64_t think = index < kLong ? 5'000 + random(10'000) : 50 + random(500);
  push(now_ + static_cast<Nanos>(think) * kMillisecond, What::request, index);
}

void Day::capture(const Client& c, uint8_t flags, int64_t offset, uint32_t length) {
  wire::TcpPacket p;
  p.header.src = c.endpoint;
  p.header.dst = kOnline;
  p.header.flags = flags;
  p.header.window = 65535;
  p.header.seq = wire::wrap(offset + 1, wire::Seq(c.isn));
  if ((flags & kSyn) != 0) {
    p.header.options.mss = 1460;
    p.header.options.window_scale = 7;
    p.header.options.sack_permitted = true;
  } else {
    p.header.ack = wire::wrap(c.heard + 1, wire::Seq(c.isn ^ 0x5a5a5a5aU));
  }
  for (uint32_t i = 0; i < length; ++i) {
    payload_[i] = c.conversation.byte(offset + static_cast<int64_t>(i));
  }
  p.payload = {payload_.data(), length};
  p.payload_length = length;
  core_.on_client_packet(p, now_);
}

void Day::transmit(const wire::TcpHeader& header, wire::Bytes payload) {
  const uint32_t index = wire::load32(header.src.address.bytes().data()) & 0xffffffU;
  if (header.dst != kTest || index >= clients_.size()) {
    wrong_ = "a packet for " + header.dst.to_string();
    return;
  }
  if (lose()) return;
  if (free_packets_.empty()) {
    free_packets_.push_back(static_cast<uint32_t>(packets_.size()));
    packets_.emplace_back();
  }
  const uint32_t at = free_packets_.back();
  free_packets_.pop_back();
  packets_[at].header = header;
  packets_[at].payload.assign(payload.begin(), payload.end());
  push(now_ + kOneWay, What::to_host, index, at);
}

FarEnd::Reply Day::reply_to_engine(uint32_t index) {
  return [this, index](const wire::HeaderRecord& record) {
    if (lose()) return;
    if (free_records_.empty()) {
      free_records_.push_back(static_cast<uint32_t>(records_.size()));
      records_.emplace_back();
    }
    const uint32_t at = free_records_.back();
    free_records_.pop_back();
    records_[at] = record;
    push(now_ + kOneWay, What::to_engine, index, at);
  };
}

void Day::after_host(uint32_t index) {
  Client& c = clients_[index];
  if (wrong_.empty()) wrong_ = c.host.wrong();
  if (c.host.deadline() == engine::kNever || c.host.deadline() >= c.timer_at) return;
  c.timer_at = c.host.deadline();
  push(c.timer_at, What::host_timer, index);
}

void Day::handle(const Event& e) {
  Client& c = clients_[e.client];
  switch (e.what) {
    case What::begin:
      return begin(e.client);
    case What::request:
      return request(e.client);
    case What::client_ack:
      return client_ack(e.client);
    case What::to_host: {
      const Packet packet = std::move(packets_[e.packet]);
      free_packets_.push_back(e.packet);
      c.host.take(packet.header, packet.payload, now_, reply_to_engine(e.client));
      return after_host(e.client);
    }
    case What::to_engine:
      core_.on_header(records_[e.packet], now_);
      free_records_.push_back(e.packet);
      return;
    case What::host_timer:
      c.timer_at = engine::kNever;
      if (c.host.deadline() <= now_) c.host.on_timer(now_, reply_to_engine(e.client));
      return after_host(e.client);
  }
}

Nanos Day::next_at() const {
  return std::min(queue_.empty() ? engine::kNever : queue_.top().at, core_.next_wakeup());
}

void Day::run_until(Nanos until) {
  while (wrong_.empty() && next_at() <= until) {
    now_ = std::max(now_, next_at());
    while (!queue_.empty() && queue_.top().at <= now_) {
      const Event event = queue_.top();
      queue_.pop();
      handle(event);
      core_.flush(now_);
      if (++events_ % kInvariantsEvery == 0) wrong_ = core_.check_invariants();
    }
    if (core_.next_wakeup() <= now_) core_.on_timer(now_);
  }
}

void Day::run_to_rest() {
  run_until(length_ + kHour);
  if (!wrong_.empty()) return;
  if (!core_.drained()) wrong_ = "the engine does not come to rest";
  if (wrong_.empty()) wrong_ = core_.check_invariants();
}

std::string Day::wrong() const { return wrong_; }

}  // namespace mirrorlab::soak
