#include "engine/driver/header_client.h"

#include <algorithm>

#include "os/error.h"
#include "os/stream_socket.h"

namespace mirrorlab::engine {

HeaderClient::HeaderClient(os::EventLoop& loop, wire::Endpoint intercept, const os::SharedKey* key,
                           TakeRecord take_record, TakeLink take_link)
    : loop_(loop),
      intercept_(intercept),
      key_(key),
      take_record_(std::move(take_record)),
      take_link_(std::move(take_link)),
      retry_timer_(loop.add_timer([this](int64_t) { connect(); })) {}

void HeaderClient::connect() {
  auto fd = os::start_connect(intercept_);
  if (!fd) return broken(fd.error());
  os::tune_stream(fd->get());
  const int raw = fd->get();
  channel_ =
      std::make_unique<os::HeaderChannel>(std::move(*fd), os::HeaderChannel::Role::client, key_);
  connecting_ = true;
  watching_write_ = true;
  auto watched =
      loop_.add(raw, EPOLLIN | EPOLLOUT, [this](uint32_t e, int64_t now) { on_event(e, now); });
  if (!watched) broken(watched.error());
}

void HeaderClient::broken(const std::string& why) {
  last_failure_ = why;
  if (channel_) {
    loop_.remove(channel_->fd());
    channel_.reset();
  }
  connecting_ = false;
  batch_count_ = 0;
  if (up_) {
    up_ = false;
    ++counters_.breaks;
    retry_ = kFirstRetry;
    take_link_(false, loop_.now());
  }
  loop_.set_timer(retry_timer_, loop_.now() + retry_);
  retry_ = std::min(retry_ * 2, kMaxRetry);
}

void HeaderClient::on_event(uint32_t events, int64_t now) {
  if (connecting_) {
    if (const int error = os::connect_error(channel_->fd()); error != 0) {
      return broken(
          os::error_text("cannot connect to the intercept " + intercept_.to_string(), error));
    }
    if ((events & EPOLLOUT) == 0) return;
    connecting_ = false;
  }
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
    channel_->on_readable([&](const wire::Frame& frame) { take_frame(frame, now); });
    if (channel_->ready() && !up_ && channel_->failure().empty()) {
      up_ = true;
      ++counters_.connects;
      retry_ = kFirstRetry;
      take_link_(true, now);
    }
  }
  flush();
}

void HeaderClient::take_frame(const wire::Frame& frame, int64_t now) {
  if (frame.type != wire::FrameType::headers) return;
  wire::Bytes body = frame.body;
  for (uint16_t i = 0; i < frame.count; ++i) {
    const auto record = wire::take_record(body);
    if (!record)
      return channel_->fail(std::string("malformed frame: ") + wire::to_string(record.error()));
    ++counters_.records;
    take_record_(*record, now);
  }
}

void HeaderClient::claim(const wire::FlowKey& flow, bool mine) {
  if (!up_) return;  // all live ones are claimed again when the link comes up
  if (!channel_->has_room()) {
    ++counters_.claims_refused;
    return;
  }
  const auto type = mine ? wire::FrameType::claim : wire::FrameType::unclaim;
  auto& out = channel_->output();
  if (batch_count_ != 0 && (batch_type_ != type || out.size() - batch_begin_ > 16384))
    close_batch();
  if (batch_count_ == 0) {
    batch_begin_ = wire::begin_frame(out, type);
    batch_type_ = type;
  }
  wire::append_flow(out, flow);
  ++batch_count_;
}

void HeaderClient::close_batch() {
  if (batch_count_ == 0) return;
  wire::end_frame(channel_->output(), batch_begin_, batch_count_);
  batch_count_ = 0;
}

void HeaderClient::flush() {
  if (!channel_ || connecting_) return;
  close_batch();
  channel_->on_writable();
  if (!channel_->failure().empty()) {
    return broken("intercept " + intercept_.to_string() + ": " + channel_->failure());
  }
  if (channel_->wants_write() != watching_write_) {
    watching_write_ = channel_->wants_write();
    loop_.modify(channel_->fd(), EPOLLIN | (watching_write_ ? EPOLLOUT : 0U));
  }
}

}  // namespace mirrorlab::engine
