#include "harness/verify/account.h"

#include <algorithm>
#include <numeric>

namespace mirrorlab::verify {

namespace {
uint64_t number(const nlohmann::json& j, const char* key) {
  return j.is_object() && j.contains(key) && j[key].is_number_unsigned() ? j[key].get<uint64_t>()
                                                                         : 0;
}
uint64_t sum(const nlohmann::json& by_reason) {
  uint64_t total = 0;
  if (by_reason.is_object()) {
    for (const auto& [reason, count] : by_reason.items()) {
      total += count.is_number_unsigned() ? count.get<uint64_t>() : 0;
    }
  }
  return total;
}
}  // namespace

std::vector<std::string> check_account(const Evidence& e, const Measured& m) {
  if (!e.copy.is_object() || !e.copy.contains("account")) {
    return {"the copy engine wrote no account"};
  }
  std::vector<std::string> wrong;
  const auto& a = e.copy["account"];
  const uint64_t sessions = number(a, "sessions_captured");
  const uint64_t mirrored = number(a, "sessions_mirrored");
  const uint64_t captured_bytes = number(a, "bytes_captured");
  const uint64_t mirrored_bytes = number(a, "bytes_mirrored");
  const auto say = [&](const std::string& text) { wrong.push_back(text); };
  const auto claims = [&](const char* what, uint64_t engine, uint64_t evidence) {
    say("the engine claims " + std::to_string(engine) + " " + what + ", the evidence shows " +
        std::to_string(evidence));
  };
  if (a.contains("balances") && !a.value("balances", false)) say("its account does not balance");
  // Why not trust `balances`: an engine that miscounts may say so of a sum that is none.
  if (sessions !=
      mirrored + number(a, "sessions_live") + sum(a.value("sessions_lost", nlohmann::json()))) {
    say("sessions: captured is not mirrored + live + lost");
  }
  if (captured_bytes !=
      mirrored_bytes + number(a, "bytes_pending") + sum(a.value("bytes_lost", nlohmann::json()))) {
    say("bytes: captured is not mirrored + pending + lost");
  }
  const bool one_life =
      std::ranges::none_of(e.outages, [](const Outage& o) { return o.engine == "copy"; });
  const auto capture = e.copy.value("capture", nlohmann::json::object());
  const bool capture_lost = number(capture, "kernel_drops") + number(capture, "bad_checksum") +
                                number(capture, "malformed") + number(capture, "fragments") >
                            0;
  const uint64_t joined_midstream =
      number(e.copy.value("counters", nlohmann::json()), "joined_midstream");
  // A session that was let go in a silence, and joined again when the client broke it.
  const uint64_t rejoined = std::min(joined_midstream, m.silences_broken);
  if (sessions > m.sessions + m.sessions_joined + rejoined && one_life && !capture_lost) {
    claims("captured sessions", sessions, m.sessions + m.sessions_joined + rejoined);
  } else if (sessions < m.sessions && one_life && !capture_lost) {
    claims("captured sessions", sessions, m.sessions);
  }
  // Why one life: a copy engine started again mirrors whole what it saw of a session, and cannot
  // know what the one before it saw.
  // Nor can one whose capture lost the beginning of a session that it then joined.
  const uint64_t joined = capture_lost ? joined_midstream : 0;
  // Of a session let go in silences, each part may be mirrored whole.
  const uint64_t parts = rejoined > 0 ? rejoined + m.silent_connections : 0;
  if (mirrored > m.exact + joined + parts && one_life)
    claims("sessions mirrored exactly", mirrored, m.exact);
  if (mirrored_bytes > m.covered_bytes) claims("mirrored bytes", mirrored_bytes, m.covered_bytes);
  const uint64_t most = m.online_bytes + m.online_bytes_beyond_holes;
  if (captured_bytes > most && !capture_lost && m.online_bytes_beyond_holes == 0) {
    claims("captured bytes", captured_bytes, most);
  } else if (captured_bytes < m.online_bytes && one_life && !capture_lost) {
    claims("captured bytes", captured_bytes, m.online_bytes);
  }
  return wrong;
}

}  // namespace mirrorlab::verify
