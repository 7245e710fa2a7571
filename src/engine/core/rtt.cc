#include "engine/core/rtt.h"

#include <algorithm>

namespace mirrorlab::engine {

namespace {
constexpr uint8_t kMaxDoublings = 16;
constexpr Nanos kLongest = 60 * kSecond;
}  // namespace

void add_rtt_sample(Session& s, Nanos rtt) {
  const auto us = static_cast<uint32_t>(std::clamp<Nanos>(rtt, 1000, kLongest) / kMicrosecond);
  s.backoff = 0;
  if (s.srtt_us == 0) {
    s.srtt_us = us;
    s.rttvar_us = us / 2;
    return;
  }
  const uint32_t deviation = us > s.srtt_us ? us - s.srtt_us : s.srtt_us - us;
  s.rttvar_us = (3 * s.rttvar_us + deviation) / 4;
  s.srtt_us = std::max<uint32_t>(1, static_cast<uint32_t>((uint64_t{7} * s.srtt_us + us) / 8));
}

void add_rtt_sample_of_echo(Session& s, const wire::HeaderRecord& record, Nanos now) {
  if (!record.options.timestamps) return;
  const auto age =
      static_cast<int32_t>(own_timestamp(s, now) - record.options.timestamps->echo_reply);
  // Why: an echo from the future or of another age is none of ours.
  if (age < 0 || age > kLongest / kMillisecond) return;
  add_rtt_sample(s, std::max<Nanos>(age, 1) * kMillisecond);
}

Nanos rto(const Env& env, const Session& s) {
  // RFC 6298 2.1: before the first sample; 5.7: after a SYN that was lost more patience is due.
  Nanos base = s.syn_timed_out && s.connection != Connection::syn_sent ? 3 * kSecond : kSecond;
  if (s.srtt_us != 0) {
    base = (Nanos{s.srtt_us} + std::max<Nanos>(1000, 4 * Nanos{s.rttvar_us})) * kMicrosecond;
    base = std::max(base, env.config.rto_min);
  }
  return std::min(base << std::min(s.backoff, kMaxDoublings), env.config.rto_max);
}

Nanos round_trip(const Session& s) {
  return std::max<Nanos>(Nanos{s.srtt_us} * kMicrosecond, kMillisecond);
}

uint32_t own_timestamp(const Session& s, Nanos now) {
  return static_cast<uint32_t>(now / kMillisecond) + s.ts_offset;
}

}  // namespace mirrorlab::engine
