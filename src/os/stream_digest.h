// Running digest of a byte stream: BLAKE2b, 128 bits, as 32 hex digits.
#pragma once

#include <sodium.h>

#include <cstdint>
#include <string>

#include "wire/bytes.h"

namespace mirrorlab::os {

class StreamDigest {
 public:
  StreamDigest() { reset(); }
  void reset();
  void add(wire::Bytes data);
  // Of all bytes so far; more may be added afterwards.
  [[nodiscard]] std::string hex() const;
  [[nodiscard]] uint64_t bytes() const { return bytes_; }

 private:
  crypto_generichash_state state_;
  uint64_t bytes_ = 0;
};

[[nodiscard]] std::string digest_of(wire::Bytes data);

}  // namespace mirrorlab::os
