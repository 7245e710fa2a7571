#include "intercept/driver/header_server.h"

#include <sys/socket.h>

#include "os/stream_socket.h"

namespace mirrorlab::intercept {

namespace {
constexpr size_t kBatchBytes = 16 * 1024;
}

HeaderServer::HeaderServer(os::EventLoop& loop, const os::SharedKey* key)
    : loop_(loop),
      key_(key),
      claims_([this](PeerId id, const wire::HeaderRecord& r) { deliver(id, r); }) {}

tl::expected<void, std::string> HeaderServer::listen(const wire::Endpoint& endpoint) {
  auto fd = os::listen_on(endpoint);
  if (!fd) return tl::unexpected(fd.error());
  listener_ = std::move(*fd);
  return loop_.add(listener_.get(), EPOLLIN, [this](uint32_t, int64_t) { accept(); });
}

void HeaderServer::accept() {
  for (;;) {
    os::Fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) return;
    os::tune_stream(fd.get());
    const PeerId id = next_id_++;
    ++counters_.peers_accepted;
    auto peer = std::make_unique<Peer>(
        Peer{os::HeaderChannel(std::move(fd), os::HeaderChannel::Role::server, key_)});
    const int raw = peer->channel.fd();
    peer->channel.start();
    peers_.emplace(id, std::move(peer));
    if (!loop_.add(raw, EPOLLIN, [this, id](uint32_t e, int64_t) { on_event(id, e); })) {
      peers_.erase(id);
      continue;
    }
    write(id);
  }
}

void HeaderServer::on_event(PeerId id, uint32_t events) {
  const auto found = peers_.find(id);
  if (found == peers_.end()) return;
  Peer& peer = *found->second;
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
    peer.channel.on_readable([&](const wire::Frame& frame) { take_frame(id, peer, frame); });
  }
  write(id);
}

void HeaderServer::take_frame(PeerId id, Peer& peer, const wire::Frame& frame) {
  if (frame.type != wire::FrameType::claim && frame.type != wire::FrameType::unclaim) return;
  wire::Bytes body = frame.body;
  for (uint16_t i = 0; i < frame.count; ++i) {
    const auto flow = wire::take_flow(body);
    if (!flow)
      return peer.channel.fail(std::string("malformed frame: ") + wire::to_string(flow.error()));
    if (frame.type == wire::FrameType::claim) {
      claims_.claim(id, *flow);
    } else {
      claims_.unclaim(id, *flow);
    }
  }
}

void HeaderServer::deliver(PeerId id, const wire::HeaderRecord& record) {
  const auto found = peers_.find(id);
  if (found == peers_.end()) return;
  Peer& peer = *found->second;
  if (!peer.channel.has_room()) {
    ++counters_.overflow;
    return;
  }
  auto& out = peer.channel.output();
  if (peer.records == 0) peer.frame = wire::begin_frame(out, wire::FrameType::headers);
  wire::append_record(out, record);
  ++peer.records;
  ++counters_.records_sent;
  if (out.size() - peer.frame >= kBatchBytes) close_batch(peer);
}

void HeaderServer::close_batch(Peer& peer) {
  if (peer.records == 0) return;
  wire::end_frame(peer.channel.output(), peer.frame, peer.records);
  peer.records = 0;
}

void HeaderServer::flush(int64_t now) {
  claims_.expire(now);
  for (auto next = peers_.begin(); next != peers_.end();) {
    const PeerId id = (next++)->first;
    if (peers_.at(id)->records != 0) write(id);
  }
}

void HeaderServer::write(PeerId id) {
  Peer& peer = *peers_.at(id);
  close_batch(peer);
  peer.channel.on_writable();
  if (!peer.channel.failure().empty()) return close(id);
  if (peer.channel.wants_write() != peer.watching_write) {
    peer.watching_write = peer.channel.wants_write();
    loop_.modify(peer.channel.fd(), EPOLLIN | (peer.watching_write ? EPOLLOUT : 0U));
  }
}

void HeaderServer::close(PeerId id) {
  const auto found = peers_.find(id);
  ++counters_.peers_closed;
  ++counters_.closed_by_reason[found->second->channel.failure()];
  loop_.remove(found->second->channel.fd());
  claims_.drop_peer(id);
  peers_.erase(found);
}

}  // namespace mirrorlab::intercept
