// What the two applications of one online connection say to each other, and how they close.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/event_queue.h"

namespace mirrorlab::sim {

// A server waits, then writes. An answer is one or more of these (an interim 1xx answer, a slow
// page).
struct AnswerPart {
  Nanos after = 0;
  uint32_t bytes = 0;
};
using Answer = std::vector<AnswerPart>;
[[nodiscard]] inline int64_t size_of(const Answer& answer) {
  int64_t sum = 0;
  for (const AnswerPart& part : answer) sum += part.bytes;
  return sum;
}

struct Exchange {
  uint32_t request = 0;      // bytes
  Nanos think = 0;           // after the previous answer
  bool pipelined = false;    // does not wait for the previous answer
  uint32_t write_bytes = 0;  // of one write; 0: the whole request
  Nanos write_gap = 0;
  Answer online;
  Answer test;  // empty although online is not: the test host never answers this one
};

enum class CloseKind : uint8_t {
  client,        // after the last answer
  client_half,   // FIN with the last request, answers still come
  server,        // Connection: close
  both,          // both sides at about the same time
  client_abort,  // RST at abort_at
  left_open,
};

// How an application reads: all at once, or `bytes` every `gap`.
struct ReadPace {
  uint32_t bytes = 0;
  Nanos gap = 0;
};

struct Conversation {
  Nanos start_after = 0;  // after the previous connection of this 4-tuple ended
  Answer greeting;        // the server speaks first
  std::vector<Exchange> exchanges;
  CloseKind close = CloseKind::client;
  int64_t abort_at = 0;        // bytes written by then
  Nanos abort_after = 0;       // time between that write and the RST
  int test_closes_after = -1;  // the test host closes after answering this exchange
  ReadPace client_reads, online_reads, test_reads;

  [[nodiscard]] int64_t request_end(size_t k) const;
  [[nodiscard]] int64_t request_start(size_t k) const { return k == 0 ? 0 : request_end(k - 1); }
  [[nodiscard]] int64_t request_bytes() const {
    return exchanges.empty() ? 0 : request_end(exchanges.size() - 1);
  }
  // Online answer bytes a client has read once exchange `k` is answered; the greeting for -1.
  [[nodiscard]] int64_t answers_end(int k) const;
};

}  // namespace mirrorlab::sim
