#include "engine/driver/counters_json.h"

namespace mirrorlab::engine {

namespace {
nlohmann::json by_reason(const std::array<uint64_t, kLossReasons>& values) {
  nlohmann::json out = nlohmann::json::object();
  for (size_t i = 1; i < kLossReasons; ++i) {
    if (values[i] != 0) out[to_string(static_cast<LossReason>(i))] = values[i];
  }
  return out;
}
}  // namespace

nlohmann::json account_json(const Account& a) {
  return {{"sessions_captured", a.sessions_captured}, {"sessions_mirrored", a.sessions_mirrored},
          {"sessions_live", a.sessions_live},         {"sessions_lost", by_reason(a.sessions_lost)},
          {"bytes_captured", a.bytes_captured},       {"bytes_mirrored", a.bytes_mirrored},
          {"bytes_pending", a.bytes_pending},         {"bytes_lost", by_reason(a.bytes_lost)},
          {"balances", a.imbalance().empty()}};
}

nlohmann::json counters_json(const Counters& c) {
  return {{"packets_captured", c.packets_captured},
          {"packets_unmapped", c.packets_unmapped},
          {"packets_retransmitted_online", c.packets_retransmitted_online},
          {"overlap_conflicts", c.overlap_conflicts},
          {"header_records", c.header_records},
          {"header_records_unknown", c.header_records_unknown},
          {"segments_sent", c.segments_sent},
          {"data_segments_sent", c.data_segments_sent},
          {"data_segments_retransmitted", c.data_segments_retransmitted},
          {"acks_sent", c.acks_sent},
          {"resets_sent", c.resets_sent},
          {"rto_expirations", c.rto_expirations},
          {"fast_retransmits", c.fast_retransmits},
          {"tail_loss_probes", c.tail_loss_probes},
          {"zero_window_probes", c.zero_window_probes},
          {"syn_retransmitted", c.syn_retransmitted},
          {"challenge_acks", c.challenge_acks},
          {"turns", c.turns},
          {"turn_released_by_quiet", c.turn_released_by_quiet},
          {"turn_released_by_timeout", c.turn_released_by_timeout},
          {"reopened", c.reopened},
          {"joined_midstream", c.joined_midstream},
          {"reused_tuples", c.reused_tuples},
          {"answer_bytes", c.answer_bytes}};
}

nlohmann::json report_json(const SessionReport& r) {
  return {{"client", r.online.client.to_string()},
          {"online", r.online.server.to_string()},
          {"test", r.test.to_string()},
          {"first_seq", r.first_seq.raw()},
          {"reason", to_string(r.reason)},
          {"bytes_captured", r.bytes_captured},
          {"bytes_mirrored", r.bytes_mirrored},
          {"bytes_lost", r.bytes_lost},
          {"answer_bytes", r.answer_bytes},
          {"turns", r.turns},
          {"connections", r.connections}};
}

}  // namespace mirrorlab::engine
