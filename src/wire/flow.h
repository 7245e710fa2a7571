// Who talks to whom: addresses, endpoints and flow keys, IPv4 and IPv6 in one type.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "wire/bytes.h"

namespace mirrorlab::wire {

enum class Family : uint8_t { v4 = 4, v6 = 6 };

// An IPv4 or IPv6 address in network byte order. The default value is 0.0.0.0.
class IpAddress {
 public:
  constexpr IpAddress() = default;
  static IpAddress v4(const uint8_t* four_bytes);
  static IpAddress v4(uint32_t host_order);
  static IpAddress v6(const uint8_t* sixteen_bytes);
  // "10.0.0.1", "fd00::1" or "[fd00::1]"; empty when it is neither.
  static std::optional<IpAddress> parse(std::string_view text);

  [[nodiscard]] Family family() const { return family_; }
  [[nodiscard]] bool is_v4() const { return family_ == Family::v4; }
  [[nodiscard]] Bytes bytes() const { return {bytes_.data(), is_v4() ? 4U : 16U}; }
  [[nodiscard]] bool is_unspecified() const;
  [[nodiscard]] bool is_loopback() const;
  [[nodiscard]] std::string to_string() const;

  auto operator<=>(const IpAddress&) const = default;

 private:
  Family family_ = Family::v4;
  std::array<uint8_t, 16> bytes_{};
};

struct Endpoint {
  IpAddress address;
  uint16_t port = 0;

  // "10.0.0.1:80" or "[fd00::1]:80".
  static std::optional<Endpoint> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;
  auto operator<=>(const Endpoint&) const = default;
};

// One TCP connection, seen from the client: `client` opened it, `server` accepted it.
struct FlowKey {
  Endpoint client;
  Endpoint server;

  [[nodiscard]] std::string to_string() const;
  auto operator<=>(const FlowKey&) const = default;
};

[[nodiscard]] uint64_t hash_value(const Endpoint& endpoint);
[[nodiscard]] uint64_t hash_value(const FlowKey& flow);

}  // namespace mirrorlab::wire

template <>
struct std::hash<mirrorlab::wire::Endpoint> {
  size_t operator()(const mirrorlab::wire::Endpoint& e) const noexcept { return hash_value(e); }
};
template <>
struct std::hash<mirrorlab::wire::FlowKey> {
  size_t operator()(const mirrorlab::wire::FlowKey& f) const noexcept { return hash_value(f); }
};
