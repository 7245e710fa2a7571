// Turns: did any reach the test host before the answers it depended on? And how well was the
// client's timing kept?
//
// Where the answers are equally long, bytes decide: the mirrored client must have acked at least as
// many answer bytes before a turn as the online client had. Where they differ and both services
// recorded, the order of the recorded turns decides. Where they differ and nothing was recorded, it
// cannot be proven: such turns are counted apart.
#pragma once

#include <cstdint>
#include <vector>

#include "harness/verify/mirror.h"
#include "harness/verify/recorded.h"
#include "harness/verify/requests.h"

namespace mirrorlab::verify {

struct Order {
  uint64_t turns = 0;  // that depended on an answer and reached the test host
  uint64_t violations = 0;
  uint64_t unproven = 0;
  std::vector<float> think_error_ms;  // of the time between two turns, online against test
};

// `online` and `test` records may be null.
void check_order(const Session& session, const Connections& online, const Connections& test,
                 const Recorded* online_records, const Recorded* test_records, Order& out);

}  // namespace mirrorlab::verify
