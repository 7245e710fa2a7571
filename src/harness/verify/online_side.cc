#include "harness/verify/online_side.h"

#include "harness/verify/connections.h"
#include "harness/verify/sums.h"

namespace mirrorlab::verify {

OnlineSide online_side(const PacketLog& log, const std::vector<MirroredService>& services) {
  OnlineSide side;
  std::vector<float> answers;
  for (const MirroredService& service : services) {
    for (const Connection& c : reassemble(log, service.online).all) {
      side.requests += request_ends(c, service.protocol).size();
      answers.insert(answers.end(), c.answer_ms.begin(), c.answer_ms.end());
    }
  }
  side.p50_ms = percentile(answers, 0.5);
  side.p99_ms = percentile(answers, 0.99);
  return side;
}

}  // namespace mirrorlab::verify
