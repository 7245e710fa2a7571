#include "os/header_channel.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "os/error.h"

namespace mirrorlab::os {

namespace {
constexpr size_t kHelloBytes = 1 + kNonceBytes + kMacBytes;
constexpr const char* kServerRole = "intercept";
constexpr const char* kClientRole = "copy";
}  // namespace

HeaderChannel::HeaderChannel(Fd fd, Role role, const SharedKey* key)
    : fd_(std::move(fd)), role_(role), key_(key) {}

void HeaderChannel::start() {
  if (role_ == Role::client) return;
  const auto nonce = make_nonce();
  if (!nonce) return fail(nonce.error());
  mine_ = *nonce;
  send_hello({});
}

void HeaderChannel::send_hello(const Mac& proof) {
  const size_t frame = wire::begin_frame(out_, wire::FrameType::hello);
  out_.push_back(key_ != nullptr ? 1 : 0);
  out_.insert(out_.end(), mine_.begin(), mine_.end());
  out_.insert(out_.end(), proof.begin(), proof.end());
  wire::end_frame(out_, frame, 1);
}

void HeaderChannel::on_hello(const wire::Frame& frame) {
  if (frame.body.size() != kHelloBytes) return fail("malformed hello");
  const bool keyed = frame.body[0] != 0;
  if (keyed != (key_ != nullptr)) {
    return fail(keyed ? "the other side requires a key: give the same --key-file"
                      : "the other side has no key");
  }
  std::copy_n(frame.body.begin() + 1, kNonceBytes, theirs_.begin());
  Mac proof;
  std::copy_n(frame.body.begin() + 1 + kNonceBytes, kMacBytes, proof.begin());
  if (role_ == Role::client && !answered_) {
    const auto nonce = make_nonce();
    if (!nonce) return fail(nonce.error());
    mine_ = *nonce;
    answered_ = true;
    send_hello(key_ != nullptr ? key_->prove(kClientRole, theirs_, mine_) : Mac{});
    return;
  }
  const bool server = role_ == Role::server;
  const Nonce& server_nonce = server ? mine_ : theirs_;
  const Nonce& client_nonce = server ? theirs_ : mine_;
  if (key_ != nullptr &&
      !key_->verify(proof, server ? kClientRole : kServerRole, server_nonce, client_nonce)) {
    return fail("wrong key");
  }
  if (server) send_hello(key_ != nullptr ? key_->prove(kServerRole, mine_, theirs_) : Mac{});
  ready_ = true;
}

void HeaderChannel::on_readable(const std::function<void(const wire::Frame&)>& take) {
  std::array<uint8_t, 65536> buffer;
  // Bounded reads per turn, so that one busy peer does not starve the others.
  for (int round = 0; round < 8; ++round) {
    const ssize_t n = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n == 0) fail("closed by the other side");
    if (n < 0 && errno != EAGAIN && errno != EINTR)
      fail(error_text("cannot read the header return"));
    if (n <= 0) break;
    in_.insert(in_.end(), buffer.begin(), buffer.begin() + n);
    if (static_cast<size_t>(n) < buffer.size()) break;
  }
  size_t at = 0;
  for (;;) {
    size_t consumed = 0;
    const auto frame = wire::next_frame(wire::Bytes(in_).subspan(at), consumed);
    if (!frame) {
      fail(std::string("malformed frame: ") + wire::to_string(frame.error()));
      break;
    }
    if (consumed == 0) break;
    at += consumed;
    if (frame->type == wire::FrameType::hello) {
      if (ready_) {
        fail("hello repeated");
        break;
      }
      on_hello(*frame);
      if (!failure_.empty() && !ready_) break;
    } else if (!ready_) {
      fail("frame before the hello");
      break;
    } else {
      take(*frame);
    }
  }
  in_.erase(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(at));
}

void HeaderChannel::on_writable() {
  while (sent_ < out_.size()) {
    const ssize_t n =
        ::send(fd_.get(), out_.data() + sent_, out_.size() - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0) {
      if (errno != EAGAIN && errno != EINTR) fail(error_text("cannot write the header return"));
      break;
    }
    sent_ += static_cast<size_t>(n);
  }
  if (sent_ == out_.size()) {
    out_.clear();
    sent_ = 0;
  } else if (sent_ > (1U << 20U)) {
    out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(sent_));
    sent_ = 0;
  }
}

}  // namespace mirrorlab::os
