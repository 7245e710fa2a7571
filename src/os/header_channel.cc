#include "os/header_channel.h"

#include <sys/socket.h>

#include <algorithm>

#include "os/error.h"

namespace mirrorlab::os {

namespace {
constexpr size_t kHelloBytes = 1 + kNonceBytes + kMacBytes;
constexpr uint8_t kKeyed = 1;  // of the hello's flags; the others are reserved
constexpr size_t kReadBytes = 64 * 1024;
constexpr int kReadsPerTurn = 8;  // one busy peer does not starve the others
constexpr size_t kMaxErrorText = 200;
constexpr size_t kKeptCapacity = 1U << 20U;
constexpr const char* kServerRole = "intercept";
constexpr const char* kClientRole = "copy";

// What a stranger sent, fit for a log line.
std::string printable(wire::Bytes bytes) {
  std::string text;
  for (const uint8_t b : bytes.first(std::min(bytes.size(), kMaxErrorText))) {
    text += b >= 0x20 && b < 0x7f ? static_cast<char>(b) : '?';
  }
  return text;
}
}  // namespace

HeaderChannel::HeaderChannel(Fd fd, Role role, const SharedKey* key, Nanos now)
    : fd_(std::move(fd)),
      role_(role),
      key_(key),
      created_(now),
      last_received_(now),
      last_sent_(now) {}

void HeaderChannel::fail(CloseReason reason, std::string text) {
  if (failed()) return;
  reason_ = reason;
  failure_ = std::move(text);
}

void HeaderChannel::fail(wire::FrameError error) {
  fail(CloseReason::malformed_frame,
       std::string("malformed frame from ") + other() + ": " + wire::to_string(error));
}

void HeaderChannel::refuse(CloseReason reason, const std::string& text) {
  if (role_ == Role::server) {
    auto& out = item(wire::FrameType::error);
    out.insert(out.end(), text.begin(), text.end());
    close_frame();
  }
  fail(reason, text);
}

void HeaderChannel::start() {
  if (role_ == Role::client) return;
  const auto nonce = make_nonce();
  if (!nonce) return fail(CloseReason::io_error, nonce.error());
  mine_ = *nonce;
  send_hello({});
}

void HeaderChannel::send_hello(const Mac& proof) {
  auto& out = item(wire::FrameType::hello);
  out.push_back(key_ != nullptr ? kKeyed : 0);
  out.insert(out.end(), mine_.begin(), mine_.end());
  out.insert(out.end(), proof.begin(), proof.end());
  close_frame();
}

void HeaderChannel::on_hello(const wire::Frame& frame) {
  if (frame.body.size() != kHelloBytes || frame.count != 1) {
    return fail(CloseReason::malformed_frame, std::string("malformed hello from ") + other());
  }
  const bool keyed = (frame.body[0] & kKeyed) != 0;
  if (keyed && key_ == nullptr) {
    return refuse(CloseReason::key_required,
                  std::string(other()) +
                      " has a key and this side has none: give both the same "
                      "--key-file");
  }
  if (!keyed && key_ != nullptr) {
    return refuse(CloseReason::key_missing,
                  std::string(other()) + " has no key: give both the same --key-file");
  }
  std::copy_n(frame.body.begin() + 1, kNonceBytes, theirs_.begin());
  Mac proof;
  std::copy_n(frame.body.begin() + 1 + kNonceBytes, kMacBytes, proof.begin());
  if (role_ == Role::client && !answered_) {
    const auto nonce = make_nonce();
    if (!nonce) return fail(CloseReason::io_error, nonce.error());
    mine_ = *nonce;
    answered_ = true;
    return send_hello(key_ != nullptr ? key_->prove(kClientRole, theirs_, mine_) : Mac{});
  }
  const bool server = role_ == Role::server;
  const Nonce& server_nonce = server ? mine_ : theirs_;
  const Nonce& client_nonce = server ? theirs_ : mine_;
  if (key_ != nullptr &&
      !key_->verify(proof, server ? kClientRole : kServerRole, server_nonce, client_nonce)) {
    return refuse(CloseReason::wrong_key, "wrong key: the key files of the two sides differ");
  }
  if (server) send_hello(key_ != nullptr ? key_->prove(kServerRole, mine_, theirs_) : Mac{});
  ready_ = true;
}

void HeaderChannel::on_readable(const Take& take, Nanos now) {
  for (int round = 0; round < kReadsPerTurn && !failed(); ++round) {
    const auto room = in_.room(kReadBytes);
    const ssize_t n = ::recv(fd_.get(), room.data(), room.size(), MSG_DONTWAIT);
    if (n < 0) {
      if (errno != EAGAIN && errno != EINTR) {
        fail(CloseReason::io_error, error_text(std::string("cannot read from ") + other()));
      }
      return;
    }
    if (n == 0) return fail(CloseReason::closed_by_peer, std::string("closed by ") + other());
    last_received_ = now;
    in_.commit(static_cast<size_t>(n));
    take_frames(take);
    if (static_cast<size_t>(n) < room.size()) return;
  }
}

void HeaderChannel::take_frames(const Take& take) {
  size_t at = 0;
  while (!failed()) {
    size_t consumed = 0;
    const auto frame = wire::next_frame(in_.bytes().subspan(at), consumed);
    if (!frame) {
      fail(frame.error());
      break;
    }
    if (consumed == 0) break;
    at += consumed;
    if (frame->type == wire::FrameType::error) {
      fail(CloseReason::refused, std::string(other()) + " says: " + printable(frame->body));
    } else if (frame->type == wire::FrameType::hello) {
      if (ready_) {
        fail(CloseReason::repeated_hello, std::string("a second hello from ") + other());
      } else {
        on_hello(*frame);
      }
    } else if (!ready_) {
      fail(CloseReason::early_frame, std::string("a frame before the hello from ") + other());
    } else if (frame->type != wire::FrameType::heartbeat) {
      take(*frame);
    } else if (frame->count != 0) {
      if (role_ == Role::client) {
        take(*frame);
      } else if (has_room()) {
        heartbeat(frame->count);
      }
    }
  }
  in_.consume(at);
}

std::vector<uint8_t>& HeaderChannel::item(wire::FrameType type) {
  if (frame_open_ && (frame_type_ != type || out_.size() - frame_begin_ >= kFrameBytes)) {
    close_frame();
  }
  if (!frame_open_) {
    frame_open_ = true;
    frame_type_ = type;
    frame_count_ = 0;
    frame_begin_ = wire::begin_frame(out_, type);
  }
  ++frame_count_;
  return out_;
}

void HeaderChannel::close_frame() {
  if (!frame_open_) return;
  wire::end_frame(out_, frame_begin_, frame_count_);
  frame_open_ = false;
}

void HeaderChannel::heartbeat(uint16_t number) {
  close_frame();
  const size_t begin = wire::begin_frame(out_, wire::FrameType::heartbeat);
  wire::end_frame(out_, begin, number);
}

void HeaderChannel::on_writable(Nanos now) {
  close_frame();
  while (sent_ < out_.size()) {
    const ssize_t n =
        ::send(fd_.get(), out_.data() + sent_, out_.size() - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) {
        fail(CloseReason::io_error, error_text(std::string("cannot write to ") + other()));
      }
      break;
    }
    sent_ += static_cast<size_t>(n);
    last_sent_ = now;
  }
  if (sent_ == out_.size()) {
    // After a long stall the memory is given back.
    if (out_.capacity() > kKeptCapacity) std::vector<uint8_t>().swap(out_);
    out_.clear();
    sent_ = 0;
  } else if (sent_ > kKeptCapacity && sent_ >= out_.size() - sent_) {
    // At least as many bytes were sent as are moved.
    out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(sent_));
    sent_ = 0;
  }
}

void HeaderChannel::tick(Nanos now) {
  if (!ready_) {
    if (now - created_ >= kHelloTimeout) {
      fail(CloseReason::hello_timeout, std::string("no complete hello from ") + other() + " in " +
                                           std::to_string(kHelloTimeout / kNanosPerSecond) + " s");
    }
    return;
  }
  if (now - last_received_ >= kSilence) {
    return fail(CloseReason::silent, std::string("nothing from ") + other() + " for " +
                                         std::to_string(kSilence / kNanosPerSecond) + " s");
  }
  if (now - last_sent_ >= kHeartbeat && !wants_write()) {
    heartbeat(0);
  }
}

}  // namespace mirrorlab::os
