// One thing a link did to one packet, by a name that is the same in every run: link, direction,
// flow, ordinal in the flow. The list of them can be applied again in place of chance (FaultPlan).
#pragma once

#include <cstdint>

#include "wire/flow.h"

namespace mirrorlab::wirebox {

enum class Direction : uint8_t { a_to_b, b_to_a };

// What a packet died of.
enum class Cause : uint8_t { down, too_long, loss, queue, pool_full };
inline constexpr size_t kCauses = 5;
[[nodiscard]] const char* to_string(Cause cause);

// The causes of death, then what else there is.
enum class FaultKind : uint8_t {
  down,
  too_long,
  loss,
  queue,
  pool_full,
  duplicate,
  corrupt,
  reorder
};
inline constexpr size_t kFaultKinds = 8;
[[nodiscard]] const char* to_string(FaultKind kind);

struct Fault {
  wire::FlowKey
      flow;  // client: the opener, with its port in this run, which is no part of the name
  uint32_t number = 0;  // of the opener's flows toward this service
  uint64_t ordinal = 0;
  uint64_t detail = 0;  // corrupt: the bit; reorder: how many went first
  uint8_t protocol = 0;
  Direction direction = Direction::a_to_b;
  FaultKind kind = FaultKind::loss;
};

// One packet a link dropped.
struct Drop {
  wire::FlowKey flow;
  uint32_t number = 0;
  uint64_t ordinal = 0;
  Direction direction = Direction::a_to_b;
  Cause cause = Cause::loss;
};

}  // namespace mirrorlab::wirebox
