#include "intercept/driver/figures.h"

#include "os/clock.h"
#include "os/memory.h"

namespace mirrorlab::intercept {

nlohmann::json figures_json(const ReplyCounters& replies, const ParseCounters& parse,
                            const HeaderServer& server, const nlohmann::json& kernel) {
  const ServerCounters& s = server.counters();
  const ClaimCounters& c = server.claims().counters();
  nlohmann::json closed = nlohmann::json::object();
  for (size_t i = 1; i < s.closed.size(); ++i) {
    if (s.closed[i] != 0) closed[to_string(static_cast<os::CloseReason>(i))] = s.closed[i];
  }
  nlohmann::json counters = {{"replies_taken", replies.packets},
                             {"verdict_batches", replies.batches},
                             {"verdict_errors", replies.verdict_errors},
                             {"queue_receive_errors", replies.receive_errors},
                             {"not_tcp", parse.not_tcp},
                             {"malformed", parse.malformed + replies.malformed},
                             {"handover_overflow", parse.handover_overflow},
                             {"records_returned", s.records_sent},
                             {"peer_queue_overflow", s.overflow},
                             {"peers_accepted", s.peers_accepted},
                             {"peers_ready", s.peers_ready},
                             {"peers_refused", s.peers_refused},
                             {"peers_closed", s.peers_closed},
                             {"peers_closed_by_reason", closed},
                             {"accept_errors", s.accept_errors},
                             {"replies_held", c.held},
                             {"replies_unclaimed", c.unclaimed},
                             {"hold_overflow", c.hold_overflow},
                             {"claims", c.claims},
                             {"claims_refused", c.claims_refused},
                             {"claims_moved", c.claims_moved},
                             {"claims_forgotten", c.claims_forgotten},
                             {"claims_live", server.claims().sessions()},
                             {"ranges_live", server.claims().ranges()},
                             {"peers_live", server.peers()}};
  counters.update(kernel);
  // Replies that were taken and whose header did not come: the test host sends them again.
  counters["headers_lost"] = replies.receive_errors + parse.handover_overflow +
                             kernel.value("kernel_queue_dropped_full", uint64_t{0}) +
                             kernel.value("kernel_queue_dropped_user", uint64_t{0});
  return {{"counters", counters},
          {"cpu_s", static_cast<double>(os::process_cpu()) / 1e9},
          {"peak_rss_bytes", os::peak_rss_bytes()}};
}

}  // namespace mirrorlab::intercept
