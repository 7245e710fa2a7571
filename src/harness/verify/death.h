// The place of death of every session that lost anything: where in its stream, at which hop, for
// which reason, and how far the taps saw its first lost byte come.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/verify/evidence.h"
#include "harness/verify/mirror.h"

namespace mirrorlab::verify {

struct Death {
  wire::Endpoint client, online, test;
  Fate fate = Fate::missing;
  std::string reason, hop;
  std::vector<Interval> ranges;  // of the stream, lost
  uint64_t stream_bytes = 0, lost_bytes = 0;
  double at_s = 0;  // the session's first packet, after the run's first
  // Packets with the first lost byte; with the SYN, where the session had no byte.
  uint64_t left_online = 0, reached_test = 0;
  std::vector<std::string>
      dropped_by;  // link stages that dropped packets of it: "loss on online-test"

  // "test host", "online host, leaving", "online host": the last place at which a tap saw it.
  [[nodiscard]] const char* last_seen() const;
};

// Of the sessions of one pair of services that have a reason.
[[nodiscard]] std::vector<Death> deaths(const Evidence& evidence, const MirroredService& service,
                                        const Connections& online, const Mirror& mirror);

// One sentence about it, the session's 4-tuple first.
[[nodiscard]] std::string in_words(const Death& death);

}  // namespace mirrorlab::verify
