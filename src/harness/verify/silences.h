// Times in which neither side of a session was heard of for as long as the copy engine bears it: by
// the taps, not by what the engine says. It lets go of the session then; what the client sends
// later is a connection joined in the middle, of which the rest of a turn cannot be mirrored.
//
// Costs nothing in a run that is shorter than the engine's idle time.
#pragma once

#include <cstdint>
#include <vector>

#include "harness/verify/connections.h"
#include "harness/verify/evidence.h"

namespace mirrorlab::verify {

class Silences {
 public:
  struct Span {
    int64_t from_ns = 0, to_ns = 0;
    bool broken = false;  // the client was heard of again
  };
  Silences(const Evidence& evidence, const MirroredService& service, const Connections& online);

  // Of one online connection, in their order.
  [[nodiscard]] const std::vector<Span>& of(uint32_t connection) const;
  // Those that the client broke, of all connections; and the connections that had one.
  [[nodiscard]] uint64_t broken() const { return broken_; }
  [[nodiscard]] uint64_t connections() const { return connections_; }

 private:
  std::vector<std::vector<Span>> spans_;  // by connection; empty: there are none at all
  uint64_t broken_ = 0, connections_ = 0;
};

}  // namespace mirrorlab::verify
