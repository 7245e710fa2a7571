#include "harness/cli/header_stream.h"

#include <algorithm>

namespace mirrorlab::cli {

void HeaderStream::take(const wire::TcpPacket& p, const Use& use) {
  if (p.header.has(wire::tcp_flag::kSyn)) {
    *this = {};
    begun_ = true;
    next_ = p.header.seq + 1;
    return;
  }
  // Without its beginning there is no telling where a frame begins.
  if (!begun_ || given_up_ || p.payload.empty()) return;
  if (p.truncated()) {
    given_up_ = true;
    return;
  }
  const int32_t ahead = p.header.seq.since(next_);
  if (ahead > 0) {
    early_bytes_ += p.payload.size();
    if (early_bytes_ > kMaxBytes) given_up_ = true;
    early_.emplace_back(p.header.seq, std::vector<uint8_t>(p.payload.begin(), p.payload.end()));
    return;
  }
  const auto known = static_cast<size_t>(-int64_t{ahead});
  if (known >= p.payload.size()) return;
  append(p.payload.subspan(known));
  join_early();
  read_frames(use);
}

void HeaderStream::append(wire::Bytes bytes) {
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  next_ = next_ + static_cast<uint32_t>(bytes.size());
}

void HeaderStream::join_early() {
  for (bool joined = true; joined;) {
    joined = false;
    for (auto it = early_.begin(); it != early_.end() && !joined; ++it) {
      const int32_t ahead = it->first.since(next_);
      if (ahead > 0) continue;
      const auto known = static_cast<size_t>(-int64_t{ahead});
      const wire::Bytes bytes(it->second);
      if (known < bytes.size()) append(bytes.subspan(known));
      early_bytes_ -= bytes.size();
      early_.erase(it);
      joined = true;
    }
  }
}

void HeaderStream::read_frames(const Use& use) {
  size_t at = 0;
  for (;;) {
    size_t consumed = 0;
    const auto frame = wire::next_frame(wire::Bytes(bytes_).subspan(at), consumed);
    if (!frame) {
      given_up_ = true;
      return;
    }
    if (consumed == 0) break;
    at += consumed;
    if (frame->type != wire::FrameType::headers) continue;
    if (!wire::for_each_item(*frame, wire::take_record, use)) {
      given_up_ = true;
      return;
    }
  }
  bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<ptrdiff_t>(at));
}

}  // namespace mirrorlab::cli
