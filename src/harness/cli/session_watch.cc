#include "harness/cli/session_watch.h"

#include <fmt/format.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <stdexcept>

#include "harness/wirebox/frame.h"
#include "os/error.h"

namespace mirrorlab::cli {

namespace {
using scenario::Role;

std::string flag_letters(uint8_t flags) {
  using namespace wire::tcp_flag;
  std::string text;
  for (const auto& [bit, letter] :
       {std::pair{kSyn, 'S'}, {kFin, 'F'}, {kRst, 'R'}, {kPsh, 'P'}, {kAck, '.'}}) {
    if ((flags & bit) != 0) text += letter;
  }
  return text;
}
}  // namespace

SessionWatch::SessionWatch(const LabContext& lab) {
  hit_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!hit_) throw std::runtime_error(os::error_text("cannot make an eventfd"));
  for (const auto& link : lab.scenario.links) links_[link.a + "-" + link.b] = {link.a, link.b};
  for (const auto& node : lab.scenario.nodes) is_clients_[node.name] = node.role == Role::clients;
  for (const auto& engine : lab.scenario.engines) {
    if (engine.kind == scenario::EngineKind::intercept) {
      intercepts_[lab.plan.endpoint(engine.on, engine.port)] = engine.on;
    }
    for (const auto& map : engine.map) {
      services_.push_back({lab.plan.endpoint(engine.on, map.online_port),
                           lab.plan.endpoint(map.test_node, map.test_port), engine.on,
                           map.test_node});
    }
  }
}

std::optional<SessionWatch::Packet> SessionWatch::classify(const wire::TcpPacket& p,
                                                           const std::string& sender) const {
  const auto& h = p.header;
  for (size_t i = 0; i < services_.size(); ++i) {
    const auto packet = [&](Origin from, const wire::Endpoint& client, bool first_hop) {
      return Packet{from, client, i, &h, p.payload_length, {}, first_hop, false};
    };
    const Service& s = services_[i];
    if (h.dst == s.online) return packet(Origin::clients, h.src, is_clients_.at(sender));
    if (h.src == s.online) return packet(Origin::online, h.dst, sender == s.online_node);
    if (h.dst == s.test) return packet(Origin::copy, h.src, sender == s.online_node);
    if (h.src == s.test) return packet(Origin::test, h.dst, sender == s.test_node);
  }
  return std::nullopt;
}

SessionWatch::Session* SessionWatch::find_or_open(const Packet& p) {
  const wire::FlowKey key{p.client, services_[p.service].online};
  const auto known = numbers_.find(key);
  const bool opens = p.from == Origin::clients && p.header->has(wire::tcp_flag::kSyn);
  if (known != numbers_.end()) {
    Session& s = sessions_.at(known->second);
    // A SYN with another number uses the address and port again.
    if (!opens || s.isn == p.header->seq) return &s;
  } else if (p.from != Origin::clients) {
    return nullptr;
  }
  Session s;
  s.number = ++opened_;
  s.client = p.client;
  s.service = p.service;
  s.isn = p.header->seq;
  numbers_[key] = s.number;
  if (sessions_.size() >= kMaxSessions) {
    const Session& oldest = sessions_.begin()->second;
    const auto of_oldest = numbers_.find({oldest.client, services_[oldest.service].online});
    if (of_oldest != numbers_.end() && of_oldest->second == oldest.number) {
      numbers_.erase(of_oldest);
    }
    sessions_.erase(sessions_.begin());
  }
  return &sessions_.emplace(s.number, s).first->second;
}

bool SessionWatch::note(const Packet& p) {
  Session* s = find_or_open(p);
  if (s == nullptr) return false;
  const auto& h = *p.header;
  const std::string words = fmt::format(
      "{} {} > {} [{}] seq {} ack {} win {} length {}{}, on {}", to_string(p.from),
      h.src.to_string(), h.dst.to_string(), flag_letters(h.flags), h.seq.raw(), h.ack.raw(),
      h.window, p.payload, p.by_header ? " (its header on the way back)" : "", p.link);
  if (p.first_hop) {
    auto& counts = s->counts[static_cast<size_t>(p.from)];
    ++counts.packets;
    counts.bytes += p.payload;
    s->last.push_back(words);
    if (s->last.size() > kLastPackets) s->last.pop_front();
  }
  const Sighting seen{s->number, p.from, h.flags, p.payload, p.link, p.first_hop};
  std::erase_if(waits_, [&](const Wait& wait) {
    if (!wait.expression.matches(seen)) return false;
    wait.act();
    return true;
  });
  bool hit = false;
  for (const auto& [number, expression] : breakpoints_) {
    if (!expression.matches(seen)) continue;
    hits_.push_back({number, expression.text, s->number, words});
    hit = true;
  }
  if (hit) ::eventfd_write(hit_.get(), 1);
  return hit;
}

bool SessionWatch::see_header_connection(const wire::TcpPacket& p,
                                         const wirebox::Arrival& arrival) {
  constexpr size_t kMaxStreams = 64;  // one per copy engine and reconnection
  if (header_streams_.size() >= kMaxStreams) header_streams_.clear();
  bool hit = false;
  header_streams_[{p.header.dst, p.header.src}].take(p, [&](const wire::HeaderRecord& record) {
    wire::TcpHeader h;
    h.src = record.flow.server;
    h.dst = record.flow.client;
    h.seq = record.seq;
    h.ack = record.ack;
    h.flags = record.flags;
    h.window = record.window;
    for (size_t i = 0; i < services_.size(); ++i) {
      if (services_[i].test == h.src) {
        const bool stops =
            note({Origin::test, h.dst, i, &h, record.payload_length, arrival.link, true, true});
        hit = hit || stops;
        return;
      }
    }
  });
  return hit;
}

bool SessionWatch::see(const wirebox::Arrival& arrival) {
  const auto ends = links_.find(arrival.link);
  if (ends == links_.end() || arrival.frame.size() <= wirebox::kEthernetBytes) return false;
  const auto packet = wire::parse_ip_packet(arrival.frame.subspan(wirebox::kEthernetBytes));
  if (!packet) return false;
  const bool from_a = arrival.direction == wirebox::Direction::a_to_b;
  const std::string& sender = from_a ? ends->second.a : ends->second.b;
  const std::lock_guard lock(mutex_);
  const auto intercept = intercepts_.find(packet->header.src);
  if (intercept != intercepts_.end()) {
    return sender == intercept->second && see_header_connection(*packet, arrival);
  }
  auto about = classify(*packet, sender);
  if (!about) return false;
  about->link = arrival.link;
  return note(*about);
}

unsigned SessionWatch::add(const BreakExpression& expression) {
  const std::lock_guard lock(mutex_);
  breakpoints_[next_breakpoint_] = expression;
  return next_breakpoint_++;
}

bool SessionWatch::remove(unsigned breakpoint) {
  const std::lock_guard lock(mutex_);
  return breakpoints_.erase(breakpoint) > 0;
}

void SessionWatch::wait_for(const BreakExpression& expression, std::function<void()> act) {
  const std::lock_guard lock(mutex_);
  waits_.push_back({expression, std::move(act)});
}

void SessionWatch::forget_waits() {
  const std::lock_guard lock(mutex_);
  waits_.clear();
}

std::map<unsigned, BreakExpression> SessionWatch::breakpoints() {
  const std::lock_guard lock(mutex_);
  return breakpoints_;
}

std::vector<SessionWatch::Hit> SessionWatch::take_hits() {
  const std::lock_guard lock(mutex_);
  eventfd_t count = 0;
  if (::eventfd_read(hit_.get(), &count) != 0) return {};
  return std::move(hits_);
}

std::optional<SessionWatch::Session> SessionWatch::session(unsigned number) {
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(number);
  return found == sessions_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<SessionWatch::Session> SessionWatch::last_sessions(size_t count) {
  const std::lock_guard lock(mutex_);
  std::vector<Session> all;
  auto it = sessions_.end();
  while (it != sessions_.begin() && all.size() < count) all.push_back((--it)->second);
  std::ranges::reverse(all);
  return all;
}

unsigned SessionWatch::opened() {
  const std::lock_guard lock(mutex_);
  return opened_;
}

}  // namespace mirrorlab::cli
