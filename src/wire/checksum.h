// Internet checksum (RFC 1071), summed 64 bits at a time and folded once.
#pragma once

#include <cstdint>

#include "wire/bytes.h"
#include "wire/flow.h"

namespace mirrorlab::wire {

// Adds `data` (as if padded with a zero byte to even length) to a running one's-complement sum.
[[nodiscard]] uint64_t checksum_add(uint64_t sum, Bytes data);
// Folds a running sum to the 16-bit value a header carries, in host order.
[[nodiscard]] uint16_t checksum_finish(uint64_t sum);
// Checksum over TCP pseudo header and segment; 0 when the segment carries a valid checksum.
[[nodiscard]] uint16_t tcp_checksum(const IpAddress& src, const IpAddress& dst, Bytes segment);
// Sum of the pseudo header alone, in host order: what offloads leave in the checksum field.
[[nodiscard]] uint16_t tcp_pseudo_sum(const IpAddress& src, const IpAddress& dst,
                                      size_t segment_bytes);

}  // namespace mirrorlab::wire
