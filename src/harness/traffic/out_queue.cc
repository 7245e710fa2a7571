#include "harness/traffic/out_queue.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "harness/traffic/random.h"

namespace mirrorlab::traffic {

namespace {
constexpr uint64_t kPattern = 65536;
constexpr uint64_t kInline = 4096;  // fillers up to this size are copied: one write for head + body

const std::string& pattern() {
  static const std::string kBytes = [] {
    constexpr std::string_view kLetters =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    Random random(20110301);
    std::string bytes(2 * kPattern, ' ');
    for (uint64_t i = 0; i < kPattern; ++i)
      bytes[i] = bytes[i + kPattern] = kLetters[random.next() % 64];
    return bytes;
  }();
  return kBytes;
}
}  // namespace

std::string_view filler_pattern(uint64_t at, uint64_t bytes) {
  const uint64_t from = at % kPattern;
  return std::string_view(pattern()).substr(from, std::min(bytes, kPattern - from));
}

void OutQueue::text(std::string_view text) {
  if (text.empty()) return;
  if (chunks_.empty() || chunks_.back().filler > 0) chunks_.emplace_back();
  chunks_.back().text += text;
  size_ += text.size();
}

void OutQueue::filler(uint64_t bytes, uint64_t phase) {
  phase %= kPattern;
  if (bytes <= kInline) return text(std::string_view(pattern()).substr(phase, bytes));
  chunks_.push_back({{}, bytes, phase});
  size_ += bytes;
}

uint64_t OutQueue::chunk_size(const Chunk& chunk) const {
  return chunk.filler > 0 ? chunk.filler : chunk.text.size();
}

void OutQueue::cut(uint64_t bytes) {
  uint64_t keep = bytes + at_;
  size_t chunk = 0;
  for (; chunk < chunks_.size() && keep > 0; ++chunk) {
    Chunk& c = chunks_[chunk];
    if (c.filler > 0) {
      c.filler = std::min(c.filler, keep);
    } else if (c.text.size() > keep) {
      c.text.resize(keep);
    }
    keep -= std::min(keep, chunk_size(c));
  }
  chunks_.resize(chunk);
  size_ = std::min(size_, bytes);
}

void OutQueue::clear() {
  chunks_.clear();
  at_ = size_ = 0;
}

SendResult OutQueue::send(int fd, uint64_t write_size,
                          const std::function<void(wire::Bytes)>& sent) {
  constexpr size_t kVectors = 16;
  while (size_ > 0) {
    std::array<iovec, kVectors> vectors;
    size_t used = 0;
    uint64_t room = write_size > 0 ? write_size : UINT64_MAX;
    uint64_t at = at_;
    for (auto chunk = chunks_.begin(); chunk != chunks_.end() && used < kVectors && room > 0;
         ++chunk) {
      const uint64_t whole = chunk_size(*chunk);
      while (at < whole && used < kVectors && room > 0) {
        const char* from = nullptr;
        uint64_t bytes = std::min(whole - at, room);
        if (chunk->filler > 0) {
          from = pattern().data() + (chunk->phase + at) % kPattern;
          bytes = std::min(bytes, kPattern);
        } else {
          from = chunk->text.data() + at;
        }
        vectors[used++] = {const_cast<char*>(from), bytes};
        at += bytes;
        room -= bytes;
      }
      at = 0;
    }
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = used;
    const ssize_t n = ::sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return SendResult::blocked;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return SendResult::failed;
    auto left = static_cast<uint64_t>(n);
    for (size_t i = 0; i < used && left > 0; ++i) {
      const uint64_t bytes = std::min<uint64_t>(left, vectors[i].iov_len);
      if (sent) sent({static_cast<const uint8_t*>(vectors[i].iov_base), bytes});
      left -= bytes;
    }
    size_ -= static_cast<uint64_t>(n);
    at_ += static_cast<uint64_t>(n);
    while (!chunks_.empty() && at_ >= chunk_size(chunks_.front())) {
      at_ -= chunk_size(chunks_.front());
      chunks_.pop_front();
    }
  }
  return SendResult::all;
}

}  // namespace mirrorlab::traffic
