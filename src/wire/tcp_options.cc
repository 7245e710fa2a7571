#include "wire/tcp_options.h"

#include <algorithm>

namespace mirrorlab::wire {

namespace {
constexpr uint8_t kEnd = 0, kNop = 1, kMss = 2, kWindowScale = 3, kSackPermitted = 4, kSack = 5,
                  kTimestamps = 8;
}

TcpOptions TcpOptions::parse(Bytes in, bool* malformed) {
  TcpOptions o;
  if (malformed != nullptr) *malformed = false;
  size_t i = 0;
  while (i < in.size()) {
    const uint8_t kind = in[i];
    if (kind == kEnd) break;
    if (kind == kNop) {
      ++i;
      continue;
    }
    if (i + 1 >= in.size() || in[i + 1] < 2 || i + in[i + 1] > in.size()) {
      if (malformed != nullptr) *malformed = true;
      break;
    }
    const uint8_t length = in[i + 1];
    const uint8_t* value = in.data() + i + 2;
    if (kind == kMss && length == 4) {
      o.mss = load16(value);
    } else if (kind == kWindowScale && length == 3) {
      o.window_scale = value[0];
    } else if (kind == kSackPermitted && length == 2) {
      o.sack_permitted = true;
    } else if (kind == kTimestamps && length == 10) {
      o.timestamps = TcpTimestamps{load32(value), load32(value + 4)};
    } else if (kind == kSack && length >= 10 && (length - 2) % 8 == 0) {
      const auto blocks = std::min<size_t>((length - 2) / 8, kMaxSackBlocks);
      o.sack = {};  // a second SACK option replaces the first
      for (size_t b = 0; b < blocks; ++b) {
        o.sack[b] = {Seq(load32(value + 8 * b)), Seq(load32(value + 8 * b + 4))};
      }
      o.sack_count = static_cast<uint8_t>(blocks);
    }
    i += length;
  }
  return o;
}

size_t TcpOptions::write(uint8_t* out) const {
  size_t n = 0;
  if (mss) {
    out[n] = kMss;
    out[n + 1] = 4;
    store16(out + n + 2, *mss);
    n += 4;
  }
  if (sack_permitted) {
    out[n++] = kSackPermitted;
    out[n++] = 2;
  }
  if (timestamps) {
    out[n] = kTimestamps;
    out[n + 1] = 10;
    store32(out + n + 2, timestamps->value);
    store32(out + n + 6, timestamps->echo_reply);
    n += 10;
  }
  if (window_scale) {
    out[n] = kWindowScale;
    out[n + 1] = 3;
    out[n + 2] = *window_scale;
    n += 3;
  }
  if (sack_count > 0 && n + 2 + 8 <= kMaxBytes) {
    const auto blocks = std::min<size_t>(sack_count, (kMaxBytes - n - 2) / 8);
    out[n] = kSack;
    out[n + 1] = static_cast<uint8_t>(2 + 8 * blocks);
    n += 2;
    for (size_t b = 0; b < blocks; ++b, n += 8) {
      store32(out + n, sack[b].left.raw());
      store32(out + n + 4, sack[b].right.raw());
    }
  }
  while (n % 4 != 0) out[n++] = kNop;
  return n;
}

}  // namespace mirrorlab::wire
