// The account that balances (S12), and the counters beside it.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "engine/core/loss_reason.h"

namespace mirrorlab::engine {

// sessions_captured == sessions_mirrored + sessions_live + sum(sessions_lost)
// bytes_captured    == bytes_mirrored + bytes_pending + sum(bytes_lost)
// A session is "mirrored" when every byte of its stream was acked by the test host and its close
// was played; a session that lost anything is counted once, under the first reason.
// bytes_captured counts every stream byte known to exist from the first packet seen on, thus also
// those a gap shows were missed.
struct Account {
  uint64_t sessions_captured = 0;
  uint64_t sessions_mirrored = 0;
  uint64_t sessions_live = 0;
  std::array<uint64_t, kLossReasons> sessions_lost{};
  uint64_t bytes_captured = 0;
  uint64_t bytes_mirrored = 0;
  uint64_t bytes_pending = 0;
  std::array<uint64_t, kLossReasons> bytes_lost{};

  // Empty when the account balances, else what does not.
  [[nodiscard]] std::string imbalance() const;
};

struct Counters {
  uint64_t packets_captured = 0;              // client packets given to the core
  uint64_t packets_unmapped = 0;              // to an endpoint no mapping names
  uint64_t packets_retransmitted_online = 0;  // wholly known bytes: the client's own repair
  uint64_t packets_implausible = 0;  // sequence number or reset no online host would have taken
  uint64_t overlap_conflicts = 0;    // overlapping bytes that differ; the first ones were kept
  uint64_t header_records = 0;
  uint64_t header_records_unacceptable = 0;  // outside the windows, or old by PAWS
  uint64_t header_records_unknown = 0;       // for no live mirrored connection
  uint64_t segments_sent = 0;                // packets given to the sink, all kinds
  uint64_t data_segments_sent = 0;
  uint64_t data_segments_retransmitted = 0;
  uint64_t acks_sent = 0;  // pure acks
  uint64_t resets_sent = 0;
  uint64_t rto_expirations = 0;
  uint64_t rto_spurious = 0;      // of these undone: nothing had been lost (RFC 3522, 4015)
  uint64_t fast_retransmits = 0;  // recovery episodes entered by dup acks or SACK
  uint64_t tail_loss_probes = 0;
  uint64_t zero_window_probes = 0;
  uint64_t syn_retransmitted = 0;
  uint64_t challenge_acks = 0;  // old connections of the test host reset by their numbers
  uint64_t turns = 0;           // turns released
  uint64_t turn_released_by_quiet = 0;
  uint64_t turn_released_by_timeout = 0;
  uint64_t reopened = 0;  // further mirrored connections of one online connection
  uint64_t joined_midstream = 0;
  uint64_t reused_tuples = 0;
  uint64_t answer_bytes = 0;  // test host's stream bytes accepted in order
};

}  // namespace mirrorlab::engine
