// Conversations by seed.
#include <algorithm>

#include "sim/settings.h"

namespace mirrorlab::sim {

namespace {
using enum Feature;

Answer make_answer(Random& r, Features f) {
  Answer answer;
  if (has(f, interim_answers) && r.chance(40)) {
    answer.push_back({r.skewed(0, 5 * kMillisecond), static_cast<uint32_t>(r.between(20, 120))});
  }
  const int parts = r.chance(20) ? static_cast<int>(r.between(2, 4)) : 1;
  for (int i = 0; i < parts; ++i) {
    answer.push_back({r.skewed(0, 40 * kMillisecond), static_cast<uint32_t>(r.skewed(1, 6000))});
  }
  if (r.chance(4)) answer.back().bytes += static_cast<uint32_t>(r.between(20'000, 60'000));
  return answer;
}

Answer make_test_answer(Random& r, Features f, const Answer& online) {
  Answer test = online;
  if (has(f, answers_missing) && r.chance(15)) return {};
  if (!has(f, answers_differ) || r.chance(40)) return test;
  for (AnswerPart& part : test) {
    const int64_t change = r.chance(50) ? r.between(-20, 20) : r.between(-3000, 3000);
    part.bytes = static_cast<uint32_t>(std::max<int64_t>(1, int64_t{part.bytes} + change));
    if (r.chance(20)) part.after += r.between(0, 30 * kMillisecond);
  }
  return test;
}

Exchange make_exchange(Random& r, Features f) {
  Exchange e;
  e.request = static_cast<uint32_t>(r.chance(70) ? r.between(40, 1200) : r.skewed(1, 8000));
  if (has(f, uploads) && r.chance(30)) {
    e.request = static_cast<uint32_t>(r.between(20'000, 150'000));
  }
  if (r.chance(60)) e.think = r.skewed(0, 60 * kMillisecond);
  if (has(f, pipelining)) e.pipelined = r.chance(50);
  if (has(f, byte_writes) && r.chance(50)) {
    e.request = std::min<uint32_t>(e.request, 120);
    e.write_bytes = static_cast<uint32_t>(r.between(1, 3));
    e.write_gap = r.skewed(0, 4 * kMillisecond);
  } else if (r.chance(15)) {
    e.write_bytes = std::max<uint32_t>(1, e.request / static_cast<uint32_t>(r.between(2, 5)));
    e.write_gap = r.skewed(0, 30 * kMillisecond);
  }
  e.online = make_answer(r, f);
  e.test = make_test_answer(r, f, e.online);
  return e;
}

CloseKind make_close(Random& r, Features f) {
  if (has(f, aborts) && r.chance(50)) return CloseKind::client_abort;
  if (has(f, half_close) && r.chance(50)) return CloseKind::client_half;
  if (has(f, reuse) && r.chance(70)) return CloseKind::server;
  const auto n = r.below(100);
  if (n < 50) return CloseKind::client;
  if (n < 80) return CloseKind::server;
  if (n < 93) return CloseKind::both;
  return CloseKind::left_open;
}

ReadPace make_pace(Random& r) {
  return {static_cast<uint32_t>(r.between(500, 8000)), r.skewed(kMillisecond, 20 * kMillisecond)};
}
}  // namespace

Conversation make_conversation(Random& r, Features f) {
  Conversation c;
  c.start_after =
      has(f, reuse) ? r.skewed(0, 3 * kMillisecond) : r.between(kMillisecond, 1500 * kMillisecond);
  if (has(f, server_first)) c.greeting = make_answer(r, f);
  const auto count = has(f, reuse) ? r.between(1, 2) : r.skewed(1, 8);
  for (int64_t i = 0; i < count; ++i) c.exchanges.push_back(make_exchange(r, f));
  c.exchanges.front().pipelined = false;
  c.close = make_close(r, f);
  if (c.close == CloseKind::client_abort) {
    c.abort_at = r.between(1, c.request_bytes());
    c.abort_after = r.skewed(0, 30 * kMillisecond);
  }
  if (has(f, test_closes_first) && r.chance(50)) {
    c.test_closes_after = static_cast<int>(r.below(c.exchanges.size()));
  }
  if (has(f, slow_readers)) {
    if (r.chance(50)) c.client_reads = make_pace(r);
    if (r.chance(30)) c.online_reads = make_pace(r);
    if (r.chance(50)) c.test_reads = make_pace(r);
  }
  return c;
}

}  // namespace mirrorlab::sim
