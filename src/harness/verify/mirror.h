// Which mirrored connections belong to which online connection, and what of its stream they
// carried.
//
// The copy engine keeps the client's sequence numbers, so a mirrored connection tells by its first
// sequence number where in the online stream it begins: one session may be mirrored over several
// connections (after a gap, a restart, a close by the test host).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/verify/connections.h"

namespace mirrorlab::verify {

struct Interval {  // of stream offsets, end not included
  int64_t begin = 0;
  int64_t end = 0;
  bool operator==(const Interval&) const = default;
};

struct Twin {
  uint32_t connection = 0;  // index into the test side's connections
  int64_t start = 0;        // online stream offset of its first byte
};

enum class Fate : uint8_t {
  exact,       // every byte once, in its place
  partial,     // some bytes
  missing,     // none
  mismatched,  // a byte the client never sent there, or one given to the service twice
};

[[nodiscard]] const char* to_string(Fate fate);

struct Session {
  uint32_t online = 0;      // index into the online side's connections
  std::vector<Twin> twins;  // in the order they were opened
  Fate fate = Fate::missing;
  std::vector<Interval> lost;
  uint64_t covered_bytes = 0, lost_bytes = 0, repeated_bytes = 0;
  int64_t differs_at = -1;  // first stream offset whose byte is wrong
  std::string reason, hop;  // of the loss; empty when nothing was lost
  std::string problem;      // in words, for the report
};

struct Mirror {
  std::vector<Session> sessions;  // one for each online connection
  std::vector<uint32_t> extra;    // connections of the test side that have no online one
};

[[nodiscard]] Mirror match(const Connections& online, const Connections& test);

}  // namespace mirrorlab::verify
