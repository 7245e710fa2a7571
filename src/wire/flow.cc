#include "wire/flow.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace mirrorlab::wire {

IpAddress IpAddress::v4(const uint8_t* four_bytes) {
  IpAddress a;
  std::memcpy(a.bytes_.data(), four_bytes, 4);
  return a;
}
IpAddress IpAddress::v4(uint32_t host_order) {
  IpAddress a;
  store32(a.bytes_.data(), host_order);
  return a;
}
IpAddress IpAddress::v6(const uint8_t* sixteen_bytes) {
  IpAddress a;
  a.family_ = Family::v6;
  std::memcpy(a.bytes_.data(), sixteen_bytes, 16);
  return a;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  const bool brackets = text.size() >= 2 && text.front() == '[' && text.back() == ']';
  if (brackets) text = text.substr(1, text.size() - 2);
  // Why: inet_pton stops at a NUL and would take what is before it for the whole.
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  const std::string copy(text);
  uint8_t raw[16];
  if (!brackets && inet_pton(AF_INET, copy.c_str(), raw) == 1) return v4(raw);
  if (inet_pton(AF_INET6, copy.c_str(), raw) == 1) return v6(raw);
  return std::nullopt;
}

bool IpAddress::is_unspecified() const {
  return std::ranges::all_of(bytes(), [](uint8_t b) { return b == 0; });
}
bool IpAddress::is_loopback() const {
  if (is_v4()) return bytes_[0] == 127;
  return bytes_[15] == 1 &&
         std::all_of(bytes_.begin(), bytes_.begin() + 15, [](uint8_t b) { return b == 0; });
}
std::string IpAddress::to_string() const {
  char text[INET6_ADDRSTRLEN];
  inet_ntop(is_v4() ? AF_INET : AF_INET6, bytes_.data(), text, sizeof text);
  return text;
}

std::optional<Endpoint> Endpoint::parse(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto host = text.substr(0, colon);
  const auto digits = text.substr(colon + 1);
  Endpoint e;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), e.port);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  // Why: "fd00::1:80" would be taken for either; an IPv6 host needs its brackets.
  if (host.find(':') != std::string_view::npos && !host.starts_with('[')) return std::nullopt;
  const auto address = IpAddress::parse(host);
  if (!address) return std::nullopt;
  e.address = *address;
  return e;
}
std::string Endpoint::to_string() const {
  const std::string host = address.is_v4() ? address.to_string() : "[" + address.to_string() + "]";
  return host + ":" + std::to_string(port);
}
std::string FlowKey::to_string() const { return client.to_string() + ">" + server.to_string(); }

namespace {
uint64_t mix(uint64_t h) {
  h ^= h >> 32;
  h *= 0xd6e8feb86659fd93ULL;
  h ^= h >> 32;
  h *= 0xd6e8feb86659fd93ULL;
  return h ^ h >> 32;
}
}  // namespace

uint64_t hash_value(const Endpoint& endpoint) {
  const auto b = endpoint.address.bytes();
  if (b.size() == 4) return mix(uint64_t{load32(b.data())} << 16 | endpoint.port);
  // Why the factor: addresses and ports of a fleet count up together, and their sums repeat.
  const uint64_t port = endpoint.port * 0x9e3779b97f4a7c15ULL;
  return mix(load64(b.data()) ^ mix(load64(b.data() + 8) + port));
}
uint64_t hash_value(const FlowKey& flow) {
  return mix(hash_value(flow.client) + 0x9e3779b97f4a7c15ULL * hash_value(flow.server));
}

}  // namespace mirrorlab::wire
