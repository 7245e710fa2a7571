#include "engine/driver/copy_engine.h"

#include <algorithm>

#include "engine/driver/counters_json.h"

namespace mirrorlab::engine {

namespace {
constexpr uint64_t kSegmentsPerTurn = 256;
}  // namespace

CopyEngine::CopyEngine(os::EventLoop& loop, const CopyOptions& options, CopyParts parts)
    : loop_(loop),
      options_(options),
      parts_(std::move(parts)),
      core_timer_(loop.add_timer([this](os::Nanos now) {
        say_what_is_late(now);
        core_->fire_timers(now);
      })),
      sender_timer_(loop.add_timer([](os::Nanos) {})),  // end_turn() flushes
      link_timer_(loop.add_timer([this](os::Nanos now) { settle_links(now); })),
      losses_timer_(loop.add_timer([this](os::Nanos now) { take_packets(now); })) {
  for (const Mapping& m : options_.core.mappings) {
    if (!is_test_endpoint(m.test)) tests_.push_back(m.test);
  }
}

Made<CopyEngine> CopyEngine::create(os::EventLoop& loop, const CopyOptions& options,
                                    CopyParts parts, const os::SharedKey* key) {
  std::unique_ptr<CopyEngine> e(new CopyEngine(loop, options, std::move(parts)));
  auto log = SessionLog::open(options.session_log, options.capture.split.index == 0);
  if (!log) return tl::unexpected(log.error());
  e->session_log_ = std::move(*log);
  auto sender = e->parts_.sender(options.inject, options.core.mtu);
  if (!sender) return tl::unexpected(sender.error());
  e->sender_ = std::move(*sender);
  for (const Mapping& m : options.core.mappings) e->sender_->expect(m.test.address);
  e->core_ = std::make_unique<Core>(options.core, static_cast<Sink&>(*e));
  if (auto watched = e->watch_capture(); !watched) return tl::unexpected(watched.error());
  CopyEngine* self = e.get();
  for (size_t i = 0; i < options.intercepts.size(); ++i) {
    e->links_.push_back({e->parts_.link(
                             loop, options.intercepts[i], key,
                             [self, i](std::span<const wire::HeaderRecord> r, os::Nanos now) {
                               self->take_records(i, r, now);
                             },
                             [self, i](bool up, os::Nanos now) { self->on_link(i, up, now); }),
                         0, 0, std::vector<bool>(e->tests_.size())});
  }
  loop.after_batch([self](os::Nanos now) { self->end_turn(now); });
  return e;
}

tl::expected<void, std::string> CopyEngine::watch_capture() {
  os::CaptureOptions capture = options_.capture;
  for (const Mapping& m : options_.core.mappings) {
    if (std::ranges::find(capture.ports, m.online.port) == capture.ports.end()) {
      capture.ports.push_back(m.online.port);
    }
  }
  auto source = parts_.source(capture);
  if (!source) return tl::unexpected(source.error());
  source_ = std::move(*source);
  return loop_.add(source_->fd(), EPOLLIN, [this](uint32_t, os::Nanos now) { take_packets(now); });
}

void CopyEngine::take_packets(os::Nanos now) {
  const os::PacketSource::Take take = [this, now](std::span<const wire::TcpPacket> packets) {
    take_captured(packets, now);
  };
  // What is not taken in time is lost, all else only waits: so capture goes first, as much as a
  // full ring holds. Bounded, so that a flood does not keep the header records waiting for ever. A
  // file loses nothing.
  const int most = options_.capture.way == os::CaptureWay::pcap_file ? 8 : 1024;
  const auto read = [&] {
    bool more = true;
    for (int round = 0; round < most && more; ++round) more = source_->read(take);
    return !more;
  };
  read();
  // A system call, so not for every batch; but what came last is looked at, too.
  if (now < losses_at_ + kLossesEvery) {
    loop_.set_timer(losses_timer_, losses_at_ + kLossesEvery);
  } else {
    look_for_losses(now);
  }
  // What is read until the buffer is empty was captured before the loss, however late it is read.
  if (losing_ && read()) {
    core_->on_capture_loss(now);
    losing_ = false;
  }
}

void CopyEngine::look_for_losses(os::Nanos now) {
  losses_at_ = now;
  const os::CaptureCounters& c = source_->counters();
  const uint64_t losses = c.kernel_drops + c.fragments;
  if (losses > losses_) {
    core_->on_capture_loss(now);
    losing_ = true;
  }
  losses_ = losses;
}

void CopyEngine::take_captured(std::span<const wire::TcpPacket> packets, os::Nanos now) {
  say_what_is_late(now);
  const auto own = [this](const wire::TcpPacket& p) { return is_test_endpoint(p.header.dst); };
  while (!packets.empty()) {
    const auto others = static_cast<size_t>(std::ranges::find_if(packets, own) - packets.begin());
    if (others > 0) core_->on_client_packets(packets.first(others), now);
    packets = packets.subspan(others);
    for (; !packets.empty() && own(packets.front()); packets = packets.subspan(1)) ++own_injected_;
  }
}

void CopyEngine::start(os::Nanos now) {
  core_->on_header_link(false, now);
  for (Link& l : links_) {
    l.down_since = now;
    l.link->start(now);
  }
}

bool CopyEngine::link_up() const {
  return std::ranges::all_of(links_, [](const Link& l) { return l.link->up(); });
}
std::string CopyEngine::link_failure() const {
  for (const Link& l : links_) {
    if (!l.link->up()) return l.link->last_failure();
  }
  return {};
}

void CopyEngine::on_link(size_t index, bool up, os::Nanos now) {
  Link& l = links_[index];
  say_link(index, up, now);
  if (!up) {
    l.down_since = now;
  } else {
    claim_only_ = l.link.get();
    core_->claim_again();
    claim_only_ = nullptr;
    // Why: one that was abandoned was not down for the core; what it serves begins anew all the
    // same.
    for (size_t test = 0; test < tests_.size(); ++test) {
      if (may_serve(l, test)) core_->on_header_link(tests_[test], false, now);
    }
  }
  settle_links(now);
}

// A flapping link is said once a second; the counters hold every change.
void CopyEngine::say_link(size_t index, bool up, os::Nanos now) {
  Link& l = links_[index];
  if (!parts_.notice || (l.noticed != 0 && now - l.noticed < os::kNanosPerSecond)) return;
  l.noticed = now;
  const auto where = options_.intercepts[index].to_string();
  parts_.notice(up ? "header return from " + where + " connected"
                   : "header return from " + where + " lost: " + l.link->last_failure() +
                         "; connecting again");
}

void CopyEngine::take_records(size_t index, std::span<const wire::HeaderRecord> records,
                              os::Nanos now) {
  // With one link there is nothing to tell apart.
  for (size_t test = 0; links_.size() > 1 && test < tests_.size(); ++test) {
    const auto of_it = [&](const wire::HeaderRecord& r) { return r.flow.server == tests_[test]; };
    if (std::ranges::any_of(records, of_it)) links_[index].serves[test] = true;
  }
  core_->on_headers(records, now);
}

// Whose replies an intercept returns is not told, but seen. Until any has returned one of `test`,
// each of them may.
bool CopyEngine::may_serve(const Link& link, size_t test) const {
  return link.serves[test] ||
         std::ranges::none_of(links_, [test](const Link& l) { return l.serves[test]; });
}

// The core waits for a test host's answers while a link is down that may still bring them.
void CopyEngine::settle_links(os::Nanos now) {
  const auto waits_for = [now](const Link& l) {
    return !l.link->up() && now - l.down_since < kAbandoned;
  };
  for (size_t test = 0; test < tests_.size(); ++test) {
    bool any_up = false;
    bool awaited = false;
    for (const Link& l : links_) {
      if (!may_serve(l, test)) continue;
      any_up = any_up || l.link->up();
      awaited = awaited || waits_for(l);
    }
    core_->on_header_link(tests_[test], any_up && !awaited, now);
  }
  os::Nanos next = os::kNever;
  for (const Link& l : links_) {
    if (waits_for(l)) next = std::min(next, l.down_since + kAbandoned);
  }
  loop_.set_timer(link_timer_, next);
}

void CopyEngine::flush_links() {
  for (Link& l : links_) l.link->flush(loop_.now());
}

// Before the core looks at the time: what is released by the test host's silence is not, while its
// records wait on their way.
void CopyEngine::say_what_is_late(os::Nanos now) {
  for (const Link& l : links_) {
    if (!l.link->behind(now)) continue;
    for (size_t test = 0; test < tests_.size(); ++test) {
      if (may_serve(l, test)) core_->on_header_late(tests_[test], now);
    }
  }
}

void CopyEngine::end_turn(os::Nanos now) {
  say_what_is_late(now);
  // Why some: sending is the dear part, and the capture is to be looked after meanwhile.
  core_->flush_some(now, kSegmentsPerTurn);
  // Why claims first: the reply must not be faster than the word whose it is.
  flush_links();
  flush_sender(now);
  for (Link& l : links_) l.link->note_waiting(!core_->drained());
  loop_.set_timer(core_timer_, core_->next_wakeup());
}

void CopyEngine::flush_sender(os::Nanos now) {
  sender_->flush(now);
  const auto wait = sender_->wait();
  loop_.set_timer(sender_timer_, wait.until);
  if (wait.fd == sender_fd_) return;
  if (sender_fd_ >= 0) loop_.remove(sender_fd_);
  sender_fd_ = -1;
  // Without a watch the next turn tries again.
  if (wait.fd >= 0 && loop_.add(wait.fd, EPOLLOUT, [](uint32_t, os::Nanos) {})) {
    sender_fd_ = wait.fd;
  }
}

bool CopyEngine::is_test_endpoint(const wire::Endpoint& endpoint) const {
  return std::ranges::find(tests_, endpoint) != tests_.end();
}

void CopyEngine::transmit(const wire::TcpHeader& header, wire::Bytes payload) {
  if (!is_test_endpoint(header.dst)) {
    ++refused_destination_;
    return;
  }
  if (sender_->full()) flush_links();
  sender_->send(header, payload);
}

void CopyEngine::claim(const wire::FlowKey& mirrored) {
  if (claim_only_ != nullptr) return claim_only_->claim(mirrored, true);
  for (Link& l : links_) l.link->claim(mirrored, true);
}
void CopyEngine::unclaim(const wire::FlowKey& mirrored) {
  for (Link& l : links_) l.link->claim(mirrored, false);
}

void CopyEngine::stop(os::Nanos now) {
  core_->stop_accepting();
  look_for_losses(now);
  core_->shutdown(now);
  end_turn(now);
}

nlohmann::json CopyEngine::figures() const {
  nlohmann::json all = {
      {"account", account_json(core_->account())},
      {"counters", counters_json(core_->counters())},
      {"capture", capture_json(source_->counters())},
      {"inject", inject_json(sender_->counters())},
      {"session_log", {{"lines", session_log_.lines()}, {"lost", session_log_.lost_lines()}}},
      {"drained", drained()},
      {"memory_bytes", core_->memory_bytes()}};
  all["capture"]["own_injected"] = own_injected_;
  all["inject"]["refused_destination"] = refused_destination_;
  std::vector<const HeaderLink*> links;
  for (const Link& l : links_) links.push_back(l.link.get());
  all["header_return"] = links_json(links);
  return all;
}

tl::expected<void, std::string> CopyEngine::flush_session_log() {
  session_log_.flush();
  if (!session_log_.failure().empty()) return tl::unexpected(session_log_.failure());
  return {};
}

}  // namespace mirrorlab::engine
