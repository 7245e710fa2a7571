#include "wire/checksum.h"

#include <bit>
#include <cstring>

namespace mirrorlab::wire {

uint64_t checksum_add(uint64_t sum, Bytes data) {
  const uint8_t* p = data.data();
  size_t n = data.size();
  // Why native-order words: the one's-complement sum is byte-order independent (RFC 1071, 2B), so
  // the swap is paid once, in checksum_finish. The carry is added back at every step.
  while (n >= 8) {
    uint64_t word;
    std::memcpy(&word, p, 8);
    sum += word;
    sum += sum < word ? 1 : 0;
    p += 8;
    n -= 8;
  }
  if (n > 0) {
    uint64_t word = 0;
    std::memcpy(&word, p, n);
    sum += word;
    sum += sum < word ? 1 : 0;
  }
  return sum;
}

uint16_t checksum_finish(uint64_t sum) {
  sum = (sum >> 32) + (sum & 0xffffffff);
  sum = (sum >> 32) + (sum & 0xffffffff);
  sum = (sum >> 16) + (sum & 0xffff);
  sum = (sum >> 16) + (sum & 0xffff);
  sum = (sum >> 16) + (sum & 0xffff);
  auto folded = static_cast<uint16_t>(~sum);
  if constexpr (std::endian::native == std::endian::little) {
    folded = static_cast<uint16_t>(folded << 8 | folded >> 8);
  }
  return folded;
}

namespace {
uint64_t pseudo_sum(const IpAddress& src, const IpAddress& dst, size_t segment_bytes) {
  uint8_t pseudo[8];
  store32(pseudo, static_cast<uint32_t>(segment_bytes));
  store32(pseudo + 4, 6);
  uint64_t sum = checksum_add(0, src.bytes());
  sum = checksum_add(sum, dst.bytes());
  return checksum_add(sum, {pseudo, 8});
}
}  // namespace

uint16_t tcp_checksum(const IpAddress& src, const IpAddress& dst, Bytes segment) {
  return checksum_finish(checksum_add(pseudo_sum(src, dst, segment.size()), segment));
}

uint16_t tcp_pseudo_sum(const IpAddress& src, const IpAddress& dst, size_t segment_bytes) {
  return static_cast<uint16_t>(~checksum_finish(pseudo_sum(src, dst, segment_bytes)));
}

}  // namespace mirrorlab::wire
