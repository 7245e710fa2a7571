// Turns: did any reach the test host before the answers it depended on? And how well was the
// client's timing kept?
//
// Where both services recorded, bytes decide while the answers are equally long (the mirrored
// client must have acked as many answer bytes before a turn as the online client had), else the
// services' own order of reads and answers does. Where nothing was recorded, only acks are known of
// the test host's answers: a turn that came although not a byte of answer had come since the turn
// before is a violation; one that came after fewer bytes than online is `suspect` where all the
// session's answers add up to the same, and `unproven` where they do not.
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
  uint64_t suspect = 0;
  uint64_t unproven = 0;
  std::vector<float> lag_ms;  // of a turn's first byte, from the online host to the test host
  std::vector<float> think_error_ms;  // of the time between two turns, online against test
};

// `online` and `test` records may be null.
void check_order(const Session& session, const Connections& online, const Connections& test,
                 const Recorded* online_records, const Recorded* test_records, Order& out);

}  // namespace mirrorlab::verify
