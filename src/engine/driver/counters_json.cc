#include "engine/driver/counters_json.h"

#include <cstring>

#include "os/clock.h"
#include "os/memory.h"

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
          {"rto_spurious", c.rto_spurious},
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

nlohmann::json capture_json(const os::CaptureCounters& c) {
  return {{"packets", c.packets},           {"kernel_drops", c.kernel_drops},
          {"bad_checksum", c.bad_checksum}, {"fragments", c.fragments},
          {"reassembled", c.reassembled},   {"truncated", c.truncated},
          {"malformed", c.malformed},       {"unwanted", c.unwanted},
          {"not_for_us", c.not_for_us},     {"vlan_outer", c.vlan_outer},
          {"buffer_bytes", c.buffer_bytes}, {"read_errors", c.read_errors}};
}

nlohmann::json inject_json(const os::SendCounters& c) {
  nlohmann::json errors = nlohmann::json::object();
  uint64_t lost = c.overflow;
  for (size_t i = 0; i < c.errors.size(); ++i) {
    if (c.errors[i] == 0) continue;
    lost += c.errors[i];
    const char* name = ::strerrorname_np(static_cast<int>(i));
    errors[name != nullptr && i != 0 ? name : "unknown"] = c.errors[i];
  }
  return {{"packets", c.packets},   {"by_link", c.by_link},   {"frames", c.frames},
          {"cut", c.cut},           {"bytes", c.bytes},       {"batches", c.batches},
          {"deferred", c.deferred}, {"overflow", c.overflow}, {"lost", lost},
          {"errors", errors}};
}

nlohmann::json links_json(const std::vector<const HeaderLink*>& links) {
  HeaderLinkCounters sum;
  size_t up = 0;
  for (const HeaderLink* link : links) {
    const HeaderLinkCounters& c = link->counters();
    up += link->up() ? 1 : 0;
    sum.connects += c.connects;
    sum.breaks += c.breaks;
    sum.attempts_failed += c.attempts_failed;
    sum.records += c.records;
    sum.claims_sent += c.claims_sent;
    sum.claims_refused += c.claims_refused;
    sum.late_answers += c.late_answers;
    for (size_t i = 0; i < c.closed.size(); ++i) sum.closed[i] += c.closed[i];
  }
  nlohmann::json closed = nlohmann::json::object();
  for (size_t i = 1; i < sum.closed.size(); ++i) {
    if (sum.closed[i] != 0) closed[to_string(static_cast<os::CloseReason>(i))] = sum.closed[i];
  }
  return {{"intercepts", links.size()},
          {"up", up},
          {"connects", sum.connects},
          {"breaks", sum.breaks},
          {"attempts_failed", sum.attempts_failed},
          {"records", sum.records},
          {"claims_sent", sum.claims_sent},
          {"claims_refused", sum.claims_refused},
          {"late_answers", sum.late_answers},
          {"closed_by_reason", closed}};
}

nlohmann::json usage_json() {
  return {{"cpu_s", static_cast<double>(os::process_cpu()) / 1e9},
          {"peak_rss_bytes", os::peak_rss_bytes()}};
}

}  // namespace mirrorlab::engine
