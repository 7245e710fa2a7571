// The shared key of the header return and the mutual challenge made with it (libsodium).
//
// Thread-safe after load(). The key never appears in argv, logs or error texts.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "wire/bytes.h"

namespace mirrorlab::os {

inline constexpr size_t kNonceBytes = 32;
inline constexpr size_t kMacBytes = 32;
using Nonce = std::array<uint8_t, kNonceBytes>;
using Mac = std::array<uint8_t, kMacBytes>;

class SharedKey {
 public:
  // Any file of 16 bytes to 64 KiB; the 32-byte key is a hash of its content.
  static tl::expected<SharedKey, std::string> load(const std::string& path);
  // Empty, or why the file should not be as it is (others can read it).
  [[nodiscard]] const std::string& warning() const { return warning_; }
  // Keyed MAC over who speaks and both nonces: proves the key, and cannot be played back.
  [[nodiscard]] Mac prove(std::string_view role, const Nonce& server, const Nonce& client) const;
  [[nodiscard]] bool verify(const Mac& mac, std::string_view role, const Nonce& server,
                            const Nonce& client) const;

 private:
  std::array<uint8_t, 32> key_{};
  std::string warning_;
};

[[nodiscard]] tl::expected<Nonce, std::string> make_nonce();
// Beyond loopback the header return needs a key, or the operator's explicit word. Empty: allowed.
[[nodiscard]] std::string require_key(bool loopback, bool has_key, bool no_auth,
                                      std::string_view what);

}  // namespace mirrorlab::os
