#include "engine/driver/header_client.h"

#include <algorithm>

#include "os/error.h"
#include "os/stream_socket.h"

namespace mirrorlab::engine {

using os::CloseReason;
using os::HeaderChannel;

HeaderClient::HeaderClient(os::EventLoop& loop, wire::Endpoint intercept, const os::SharedKey* key,
                           TakeRecords take_records, TakeLink take_link)
    : loop_(loop),
      intercept_(intercept),
      key_(key),
      take_records_(std::move(take_records)),
      take_link_(std::move(take_link)),
      retry_timer_(loop.add_timer([this](os::Nanos now) { connect(now); })),
      tick_timer_(loop.add_timer([this](os::Nanos now) { on_tick(now); })),
      echo_timer_(loop.add_timer([this](os::Nanos now) { ask_echo(now); })) {}

HeaderClient::~HeaderClient() {
  if (channel_) loop_.remove(channel_->fd());
  loop_.remove_timer(retry_timer_);
  loop_.remove_timer(tick_timer_);
  loop_.remove_timer(echo_timer_);
}

void HeaderClient::connect(os::Nanos now) {
  auto fd = os::start_connect(intercept_);
  if (!fd) return broken(CloseReason::io_error, fd.error(), now);
  os::tune_stream(fd->get());
  const int raw = fd->get();
  channel_ =
      std::make_unique<HeaderChannel>(std::move(*fd), HeaderChannel::Role::client, key_, now);
  connecting_ = true;
  watching_write_ = true;
  auto watched =
      loop_.add(raw, EPOLLIN | EPOLLOUT, [this](uint32_t e, os::Nanos at) { on_event(e, at); });
  if (!watched) return broken(CloseReason::io_error, watched.error(), now);
  loop_.set_timer(tick_timer_, now + HeaderChannel::kHeartbeat);
}

void HeaderClient::broken(CloseReason reason, const std::string& why, os::Nanos now) {
  last_failure_ = why;
  ++counters_.closed[static_cast<size_t>(reason)];
  if (channel_) {
    loop_.remove(channel_->fd());
    channel_.reset();
  }
  connecting_ = false;
  loop_.set_timer(tick_timer_, os::kNever);
  loop_.set_timer(echo_timer_, os::kNever);
  if (up_) {
    up_ = false;
    ++counters_.breaks;
    retry_ = kFirstRetry;
    take_link_(false, now);
  } else {
    ++counters_.attempts_failed;
  }
  loop_.set_timer(retry_timer_, now + retry_);
  retry_ = std::min(retry_ * 2, kMaxRetry);
}

void HeaderClient::on_tick(os::Nanos now) {
  if (!channel_) return;
  // A connection attempt that hangs is ended by the same time-out as the hello.
  channel_->tick(now);
  loop_.set_timer(tick_timer_, now + HeaderChannel::kHeartbeat);
  if (connecting_ && channel_->failed()) {
    return broken(channel_->close_reason(),
                  "cannot connect to the intercept " + intercept_.to_string() +
                      ": no answer; is the host up, and the port open in its firewall?",
                  now);
  }
  flush(now);
}

void HeaderClient::ask_echo(os::Nanos now) {
  if (!up_) return;
  loop_.set_timer(echo_timer_, now + HeaderEcho::kEvery);
  if (silence_matters_) echo_.note_activity(now);
  if (!channel_->has_room()) return;
  const uint16_t number = echo_.ask(now, os::round_trip(channel_->fd()));
  if (number == 0) return;
  channel_->ask_echo(number);
  flush(now);
}

void HeaderClient::on_event(uint32_t events, os::Nanos now) {
  if (connecting_) {
    if (const int error = os::connect_error(channel_->fd()); error != 0) {
      return broken(CloseReason::io_error,
                    os::error_text("cannot connect to the intercept " + intercept_.to_string(),
                                   error, "is mirror-intercept running there?"),
                    now);
    }
    if ((events & EPOLLOUT) == 0) return;
    connecting_ = false;
  }
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
    reading_ = true;
    channel_->on_readable([&](const wire::Frame& frame) { take_frame(frame, now); }, now);
    hand_over(now);
    reading_ = false;
    if (channel_->ready() && !up_ && !channel_->failed()) {
      up_ = true;
      ++counters_.connects;
      retry_ = kFirstRetry;
      echo_.begin_anew();
      echo_.note_activity(now);
      loop_.set_timer(echo_timer_, now);
      take_link_(true, now);
    }
  }
  flush(now);
}

void HeaderClient::take_frame(const wire::Frame& frame, os::Nanos now) {
  if (frame.type == wire::FrameType::heartbeat) {
    echo_.on_answer(frame.count, now);
    counters_.late_answers = echo_.late_answers();
    return;
  }
  echo_.note_activity(now);
  if (frame.type != wire::FrameType::headers) return;
  const auto taken =
      wire::for_each_item(frame, wire::take_record, [&](const wire::HeaderRecord& record) {
        ++counters_.records;
        records_[waiting_++] = record;
        if (waiting_ == records_.size()) hand_over(now);
      });
  if (!taken) channel_->fail(taken.error());
}

void HeaderClient::hand_over(os::Nanos now) {
  if (waiting_ == 0) return;
  const std::span<const wire::HeaderRecord> records(records_.data(), waiting_);
  waiting_ = 0;
  take_records_(records, now);
}

void HeaderClient::claim(const wire::FlowKey& flow, bool mine) {
  if (!up_) return;  // all live ones are claimed again when the link comes up
  if (!channel_->has_room()) {
    ++counters_.claims_refused;
    return;
  }
  wire::append_flow(channel_->item(mine ? wire::FrameType::claim : wire::FrameType::unclaim), flow);
  ++counters_.claims_sent;
}

void HeaderClient::flush(os::Nanos now) {
  if (!channel_ || connecting_) return;
  channel_->on_writable(now);
  // A record just being taken may lead here, by a full sender; the channel must outlive its
  // reading.
  if (reading_) return;
  if (channel_->failed()) {
    return broken(channel_->close_reason(),
                  "intercept " + intercept_.to_string() + ": " + channel_->failure(), now);
  }
  if (channel_->wants_write() != watching_write_) {
    watching_write_ = channel_->wants_write();
    loop_.modify(channel_->fd(), EPOLLIN | (watching_write_ ? EPOLLOUT : 0U));
  }
}

}  // namespace mirrorlab::engine
