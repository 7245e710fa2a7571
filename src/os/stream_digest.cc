#include "os/stream_digest.h"

#include <array>

namespace mirrorlab::os {

namespace {
constexpr size_t kDigestBytes = crypto_generichash_BYTES_MIN;
static_assert(kDigestBytes == 16);
}  // namespace

void StreamDigest::reset() {
  // Why unchecked: it fails for lengths out of range only, and these are constants.
  crypto_generichash_init(&state_, nullptr, 0, kDigestBytes);
  bytes_ = 0;
}

void StreamDigest::add(wire::Bytes data) {
  crypto_generichash_update(&state_, data.data(), data.size());
  bytes_ += data.size();
}

std::string StreamDigest::hex() const {
  crypto_generichash_state copy = state_;
  std::array<unsigned char, kDigestBytes> digest;
  crypto_generichash_final(&copy, digest.data(), digest.size());
  std::array<char, 2 * kDigestBytes + 1> text;
  sodium_bin2hex(text.data(), text.size(), digest.data(), digest.size());
  return text.data();
}

std::string digest_of(wire::Bytes data) {
  StreamDigest digest;
  digest.add(data);
  return digest.hex();
}

}  // namespace mirrorlab::os
