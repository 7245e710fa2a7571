#include "os/injector.h"

#include <algorithm>

namespace mirrorlab::os {

namespace {
using Opened = tl::expected<std::unique_ptr<PacketSender>, std::string>;

void add(SendCounters& sum, const SendCounters& more) {
  sum.packets += more.packets;
  sum.cut += more.cut;
  sum.frames += more.frames;
  sum.bytes += more.bytes;
  sum.batches += more.batches;
  sum.deferred += more.deferred;
  sum.overflow += more.overflow;
  for (size_t i = 0; i < sum.errors.size(); ++i) sum.errors[i] += more.errors[i];
}
}  // namespace

Opened Injector::open(InjectWay way, size_t max_packet) {
  auto routes = KernelRoutes::open();
  if (!routes) return tl::unexpected(routes.error());
  return open(way, max_packet, {std::move(*routes), ::sendmmsg});
}

Opened Injector::open(InjectWay way, size_t max_packet, Parts parts) {
  const SendMany send_many = parts.send_many;
  auto raw = RawSender::open(max_packet, send_many);
  if (!raw) return tl::unexpected(raw.error());
  std::unique_ptr<Injector> injector(new Injector(std::move(*raw), std::move(parts)));
  if (way == InjectWay::packet) {
    auto link = LinkSender::open(send_many);
    if (!link) return tl::unexpected(link.error());
    injector->link_ = std::make_unique<LinkSender>(std::move(*link));
  }
  std::unique_ptr<PacketSender> opened = std::move(injector);
  return opened;
}

Injector::Destination& Injector::find(const wire::IpAddress& address) {
  if (last_ < destinations_.size() && destinations_[last_].address == address) {
    return destinations_[last_];
  }
  const auto found = std::ranges::find(destinations_, address, &Destination::address);
  last_ = static_cast<size_t>(found - destinations_.begin());
  if (found != destinations_.end()) return *found;
  // As many as there are test hosts: S13 lets nothing else through.
  Destination& fresh = destinations_.emplace_back();
  fresh.address = address;
  ask(fresh);
  return fresh;
}

void Injector::ask(Destination& d) {
  d.hop = routes_->find(d.address);
  d.asked = now_;
  if (!d.hop.unresolved || now_ < d.resolve_at) return;
  d.resolve_at = now_ + kResolve;
  routes_->resolve(d.address);
}

void Injector::send(const wire::TcpHeader& header, wire::Bytes payload) {
  Destination& d = find(header.dst.address);
  // What does not go the way it should is asked for soon: a neighbour is resolved in a moment.
  const bool settled = d.hop.routed && !d.hop.unresolved && (!link_ || d.hop.by_link);
  if (now_ - d.asked >= (settled ? kFresh : kSoon)) ask(d);
  if (!d.hop.routed) {
    ++unreachable_;
    return;
  }
  if (d.hop.unresolved) {
    ++unresolved_;
    return;
  }
  if (!link_ || !d.hop.by_link) return send_raw(header, payload, d.hop.mtu);
  if (d.hop.unconfirmed) {
    d.hop.unconfirmed = false;
    return send_raw(header, payload, d.hop.mtu);
  }
  link_->send(header, payload, d.hop);
}

void Injector::send_raw(const wire::TcpHeader& header, wire::Bytes payload, uint32_t mtu) {
  const size_t head = wire::header_bytes(header);
  if (mtu == 0 || head + payload.size() <= mtu || mtu <= head) return raw_.send(header, payload);
  ++cut_;
  const size_t most = mtu - head;
  wire::TcpHeader h = header;
  for (size_t at = 0; at < payload.size(); at += most) {
    const auto piece = payload.subspan(at, std::min(most, payload.size() - at));
    const bool last = at + piece.size() == payload.size();
    constexpr uint8_t kOfTheEnd = wire::tcp_flag::kPsh | wire::tcp_flag::kFin;
    h.seq = header.seq + static_cast<uint32_t>(at);
    h.flags = last ? header.flags : static_cast<uint8_t>(header.flags & ~kOfTheEnd);
    raw_.send(h, piece);
  }
}

void Injector::flush(Nanos now) {
  now_ = now;
  raw_.flush(now);
  if (link_) link_->flush(now);
  look_at_errors();
}

// An error that costs packets says that a route, a device or an MTU has changed.
void Injector::look_at_errors() {
  const bool raw_stale = raw_.take_stale();
  const bool link_stale = link_ && link_->take_stale();
  if (!raw_stale && !link_stale) return;
  for (Destination& d : destinations_) {
    if (now_ - d.asked >= kSoon) ask(d);
  }
}

bool Injector::full() const { return raw_.full() || (link_ && link_->full()); }

PacketSender::Wait Injector::wait() const {
  Wait wait = raw_.wait();
  if (!link_) return wait;
  const Wait other = link_->wait();
  wait.until = std::min(wait.until, other.until);
  if (wait.fd >= 0 && other.fd >= 0) wait.until = std::min(wait.until, now_ + kSoon);
  if (other.fd >= 0) wait.fd = other.fd;
  return wait;
}

const SendCounters& Injector::counters() const {
  sum_ = raw_.counters();
  if (link_) add(sum_, link_->counters());
  sum_.by_link = link_ ? link_->counters().packets : 0;
  sum_.cut += cut_;
  sum_.errors[ENETUNREACH] += unreachable_;
  sum_.errors[EHOSTUNREACH] += unresolved_;
  return sum_;
}

}  // namespace mirrorlab::os
