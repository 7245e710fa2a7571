// Rule S13, from the taps: no packet of the test service is seen outside the test host, and nothing
// the copy engine sends goes to anyone but the test service. What the online host passes on for a
// client, to another service, is the client's own.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/verify/connections.h"
#include "harness/verify/evidence.h"

namespace mirrorlab::verify {

struct Isolation {
  uint64_t leaked = 0;       // packets of the test service on the clients' side
  uint64_t misdirected = 0;  // packets in a client's name sent to anyone but the test service
  std::string first;         // the first of either, in words
};

[[nodiscard]] Isolation check_isolation(const Evidence& evidence,
                                        const std::vector<const Connections*>& online);

}  // namespace mirrorlab::verify
