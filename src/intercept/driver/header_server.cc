#include "intercept/driver/header_server.h"

#include <sys/socket.h>

#include <algorithm>

#include "os/stream_socket.h"

namespace mirrorlab::intercept {

HeaderServer::HeaderServer(os::EventLoop& loop, const os::SharedKey* key,
                           const ServerLimits& limits, const ClaimLimits& claims)
    : loop_(loop),
      key_(key),
      limits_(limits),
      claims_(claims, [this](PeerId id, const wire::HeaderRecord& r) { deliver(id, r); }),
      peers_(limits.peers),
      tick_timer_(loop.add_timer([this](os::Nanos now) { tick(now); })) {}

HeaderServer::~HeaderServer() {
  for (Peer& peer : peers_) {
    if (peer.channel) loop_.remove(peer.channel->fd());
  }
  loop_.remove(listener_.get());
  loop_.remove_timer(tick_timer_);
}

tl::expected<void, std::string> HeaderServer::listen(const wire::Endpoint& endpoint) {
  auto fd = os::listen_on(endpoint);
  if (!fd) return tl::unexpected(fd.error());
  listener_ = std::move(*fd);
  listening_ = true;
  loop_.set_timer(tick_timer_, loop_.now() + kTick);
  return loop_.add(listener_.get(), EPOLLIN, [this](uint32_t, os::Nanos now) { accept(now); });
}

wire::Endpoint HeaderServer::bound() const { return os::local_endpoint(listener_.get()); }

void HeaderServer::accept(os::Nanos now) {
  for (;;) {
    os::Fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno == EAGAIN) return;
      ++counters_.accept_errors;
      // Why not at once again: out of descriptors, the loop would spin; the next tick tries.
      loop_.modify(listener_.get(), 0);
      listening_ = false;
      return;
    }
    if (open_ >= limits_.peers || open_ - ready_ >= limits_.strangers) {
      ++counters_.peers_refused;
      continue;
    }
    admit(std::move(fd), now);
  }
}

void HeaderServer::admit(os::Fd fd, os::Nanos now) {
  os::tune_stream(fd.get());
  const auto free = std::ranges::find_if(peers_, [](const Peer& p) { return !p.channel; });
  const auto slot = static_cast<PeerId>(free - peers_.begin());
  Peer& peer = *free;
  peer = Peer{};
  peer.id = generation_++ * static_cast<PeerId>(limits_.peers) + slot;
  const PeerId id = peer.id;
  const int raw = fd.get();
  peer.channel = std::make_unique<os::HeaderChannel>(std::move(fd), os::HeaderChannel::Role::server,
                                                     key_, now);
  ++counters_.peers_accepted;
  ++open_;
  auto watched =
      loop_.add(raw, EPOLLIN, [this, id](uint32_t e, os::Nanos at) { on_event(id, e, at); });
  if (!watched) peer.channel->fail(os::CloseReason::io_error, watched.error());
  peer.channel->start();
  write(peer, now);
}

HeaderServer::Peer* HeaderServer::find(PeerId id) {
  Peer& peer = peers_[id % limits_.peers];
  return peer.channel && peer.id == id ? &peer : nullptr;
}

void HeaderServer::on_event(PeerId id, uint32_t events, os::Nanos now) {
  Peer* peer = find(id);
  if (peer == nullptr) return;
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
    peer->channel->on_readable([&](const wire::Frame& frame) { take_frame(*peer, frame); }, now);
    if (peer->channel->ready() && !peer->ready) {
      peer->ready = true;
      ++ready_;
      ++counters_.peers_ready;
    }
  }
  write(*peer, now);
}

void HeaderServer::take_frame(const Peer& peer, const wire::Frame& frame) {
  tl::expected<void, wire::FrameError> taken;
  if (frame.type == wire::FrameType::claim) {
    taken = wire::for_each_item(frame, wire::take_flow,
                                [&](const wire::FlowKey& flow) { claims_.claim(peer.id, flow); });
  } else if (frame.type == wire::FrameType::unclaim) {
    taken = wire::for_each_item(frame, wire::take_flow,
                                [&](const wire::FlowKey& flow) { claims_.unclaim(peer.id, flow); });
  } else if (frame.type == wire::FrameType::claim_range) {
    taken = wire::for_each_item(frame, wire::take_range, [&](const wire::ClaimRange& range) {
      claims_.claim_range(peer.id, range);
    });
  } else {
    taken = tl::unexpected(wire::FrameError::bad_type);  // ours to send, not theirs
  }
  if (!taken) peer.channel->fail(taken.error());
}

void HeaderServer::deliver(PeerId id, const wire::HeaderRecord& record) {
  Peer* peer = find(id);
  if (peer == nullptr) return;
  if (peer->channel->queued() >= limits_.queued) {
    ++counters_.overflow;
    return;
  }
  wire::append_record(peer->channel->item(wire::FrameType::headers), record);
  ++counters_.records_sent;
  if (peer->dirty) return;
  peer->dirty = true;
  dirty_.push_back(id);
}

void HeaderServer::flush(os::Nanos now) {
  claims_.expire(now);
  for (const PeerId id : dirty_) {
    Peer* peer = find(id);
    if (peer == nullptr) continue;
    peer->dirty = false;
    write(*peer, now);
  }
  dirty_.clear();
}

void HeaderServer::write(Peer& peer, os::Nanos now) {
  peer.channel->on_writable(now);
  if (peer.channel->failed()) return close(peer, now);
  if (peer.channel->wants_write() == peer.watching_write) return;
  peer.watching_write = peer.channel->wants_write();
  loop_.modify(peer.channel->fd(), EPOLLIN | (peer.watching_write ? EPOLLOUT : 0U));
}

void HeaderServer::close(Peer& peer, os::Nanos now) {
  ++counters_.peers_closed;
  ++counters_.closed[static_cast<size_t>(peer.channel->close_reason())];
  loop_.remove(peer.channel->fd());
  if (peer.ready) {
    --ready_;
    claims_.drop_peer(peer.id, now);
  }
  peer.channel.reset();
  --open_;
}

void HeaderServer::tick(os::Nanos now) {
  for (Peer& peer : peers_) {
    if (!peer.channel) continue;
    // Why read first: after a stall of this process more peers may have spoken than one turn of the
    // loop serves; what waits in their sockets is not silence.
    on_event(peer.id, EPOLLIN, now);
    if (!peer.channel) continue;
    peer.channel->tick(now);
    write(peer, now);
  }
  if (!listening_) {
    loop_.modify(listener_.get(), EPOLLIN);
    listening_ = true;
  }
  loop_.set_timer(tick_timer_, now + kTick);
}

}  // namespace mirrorlab::intercept
