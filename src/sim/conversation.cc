#include "sim/conversation.h"

namespace mirrorlab::sim {

int64_t Conversation::request_end(size_t k) const {
  int64_t sum = 0;
  for (size_t i = 0; i <= k && i < exchanges.size(); ++i) sum += exchanges[i].request;
  return sum;
}

int64_t Conversation::answers_end(int k) const {
  int64_t sum = size_of(greeting);
  for (int i = 0; i <= k; ++i) sum += size_of(exchanges[static_cast<size_t>(i)].online);
  return sum;
}

}  // namespace mirrorlab::sim
