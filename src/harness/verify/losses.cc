#include "harness/verify/losses.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "wire/packet.h"

namespace mirrorlab::verify {

namespace {
constexpr const char* kIdleTimeout = "idle_timeout";

// One line of the engine's session log.
struct Entry {
  std::string reason;
  int64_t first_seq = -1;  // -1: this engine does not say
  uint64_t captured = 0, mirrored = 0, lost = 0;
  bool end_captured = true;
  bool taken = false;
};

uint64_t number(const nlohmann::json& j, const char* group, const char* key) {
  if (!j.is_object() || !j.contains(group) || !j[group].is_object()) return 0;
  return j[group].value(key, uint64_t{0});
}

class Explanation {
 public:
  Explanation(const Evidence& e, const MirroredService& service, const Connections& online,
              const Connections& test, const Recorded* records, const Silences& silences,
              std::map<std::string, uint64_t>& unlogged)
      : e_(e),
        online_(online),
        test_(test),
        records_(records),
        silences_(silences),
        unlogged_(unlogged) {
    for (const auto& line : e.session_log) {
      if (!line.is_object()) continue;
      const auto client = wire::Endpoint::parse(line.value("client", ""));
      if (!client ||
          line.value("online", service.online.to_string()) != service.online.to_string() ||
          line.value("test", service.test.to_string()) != service.test.to_string()) {
        continue;
      }
      Entry entry;
      entry.reason = line.value("reason", "none");
      entry.first_seq = line.value("first_seq", int64_t{-1});
      entry.captured = line.value("bytes_captured", uint64_t{0});
      entry.mirrored = line.value("bytes_mirrored", uint64_t{0});
      entry.lost = line.value("bytes_lost", uint64_t{0});
      entry.end_captured = line.value("end_captured", true);
      entries_[*client].push_back(entry);
    }
    for (const TapPacket& p : e.online.packets()) {
      if (!p.outgoing) continue;
      const auto parsed = wire::parse_ip_packet(p.bytes());
      if (parsed && parsed->header.dst == service.test) sent_.insert(parsed->header.src);
    }
  }

  void explain(Session& s) {
    const Connection& c = online_.all[s.online];
    std::vector<Entry*> entries = entries_of(c);
    uint64_t reported = 0;
    std::string reason;
    std::string contradiction;
    for (Entry* entry : entries) {
      entry->taken = true;
      reported += entry->lost;
      if (entry->reason == "none") continue;
      if (reason.empty()) reason = entry->reason;
      if (contradiction.empty()) contradiction = contradicts(entry->reason, s, c);
    }
    const Unknown unknown = unknown_to_engine(entries, s, c);
    reported += unknown.before + unknown.behind;
    // Joined where a turn began, and mirrored whole from there on.
    if (reason.empty() && unknown.before > 0) reason = "before_capture";
    const bool enough = reported >= s.lost_bytes && (s.lost_bytes > 0 || !reason.empty());
    if (reason == "before_capture" && enough && !contradiction.empty() && let_go(s, c)) {
      return settle(s, kIdleTimeout, hop_of(kIdleTimeout));
    }
    if (!reason.empty() && contradiction.empty() && enough)
      return settle(s, reason, hop_of(reason));
    if (const std::string outage = outage_of(s, c); !outage.empty()) {
      return settle(s, outage, "copy");
    }
    if (entries.empty()) {
      if (never_captured(c)) return settle(s, kNeverCaptured, hop_of(kNeverCaptured));
      for (auto& [known, count] : unlogged_) {
        if (count == 0 || known == kNeverCaptured || !contradicts(known, s, c).empty()) continue;
        --count;
        return settle(s, known, hop_of(known));
      }
      s.problem += "; the engine reported nothing about it";
    } else if (reason.empty()) {
      s.problem += "; the engine reported it as mirrored whole";
    } else if (!contradiction.empty()) {
      s.problem += "; the engine says " + reason + ", but " + contradiction;
    } else {
      s.problem += "; the engine reported " + std::to_string(reported) + " of " +
                   std::to_string(s.lost_bytes) + " lost bytes (" + reason + ")";
    }
    settle(s, kUnexplained, sent_.contains(c.client) ? "online>test" : "copy");
  }

 private:
  static void settle(Session& s, const std::string& reason, const std::string& hop) {
    s.reason = reason;
    s.hop = hop;
    if (reason != kUnexplained) s.problem += " (" + reason + ")";
  }

  // The log's entries for one online connection: by sequence number, else by order.
  std::vector<Entry*> entries_of(const Connection& c) {
    std::vector<Entry*> mine;
    const auto found = entries_.find(c.client);
    if (found == entries_.end()) return mine;
    const int64_t reach = c.length + static_cast<int64_t>(c.bytes_beyond_hole());
    for (Entry& entry : found->second) {
      if (entry.taken || entry.first_seq < 0) continue;
      const int64_t at = wire::Seq(static_cast<uint32_t>(entry.first_seq)).since(c.zero);
      if (at >= 0 && at <= reach) mine.push_back(&entry);
    }
    if (!mine.empty()) return mine;
    for (Entry& entry : found->second) {
      if (!entry.taken && entry.first_seq < 0) return {&entry};
    }
    return mine;
  }

  [[nodiscard]] bool capture_lost_packets() const {
    for (const char* key : {"kernel_drops", "bad_checksum", "fragments", "malformed"}) {
      if (number(e_.copy, "capture", key) > 0) return true;
    }
    return e_.tap_drops > 0;
  }

  // Lost bytes of which the engine cannot know, because its capture lost packets: those before the
  // first it says it captured, and where it says that no end was captured, those behind the last.
  struct Unknown {
    uint64_t before = 0, behind = 0;
  };
  [[nodiscard]] Unknown unknown_to_engine(const std::vector<Entry*>& entries, const Session& s,
                                          const Connection& c) const {
    if (!capture_lost_packets()) return {};
    int64_t first = -1;
    int64_t last = -1;
    for (const Entry* entry : entries) {
      if (entry->first_seq < 0) return {};
      const int64_t start = wire::Seq(static_cast<uint32_t>(entry->first_seq)).since(c.zero);
      const int64_t end =
          entry->end_captured ? INT64_MAX : start + static_cast<int64_t>(entry->captured);
      if (first < 0 || start < first) first = start;
      last = std::max(last, end);
    }
    if (first < 0) return {};
    Unknown bytes;
    for (const Interval& r : s.lost) {
      bytes.before += static_cast<uint64_t>(std::max<int64_t>(std::min(r.end, first) - r.begin, 0));
      bytes.behind += static_cast<uint64_t>(std::max<int64_t>(r.end - std::max(r.begin, last), 0));
    }
    return bytes;
  }

  // A connection of which the capture lost every packet: the drops it counted must suffice for
  // that.
  [[nodiscard]] bool never_captured(const Connection& c) {
    uint64_t& drops = unlogged_[kNeverCaptured];
    const uint64_t packets = 1 + c.pieces.size();
    if (drops < packets) return false;
    drops -= packets;
    return true;
  }

  // A packet that the kernel did not take never left, whatever becomes of its session.
  [[nodiscard]] bool send_failed() const {
    if (!e_.copy.is_object() || !e_.copy.contains("inject")) return false;
    const auto& inject = e_.copy["inject"];
    return number(e_.copy, "inject", "overflow") > 0 ||
           !inject.value("errors", nlohmann::json::object()).empty();
  }

  // Why the evidence speaks against the engine's reason; empty when it does not.
  [[nodiscard]] std::string contradicts(const std::string& reason, const Session& s,
                                        const Connection& c) const {
    if (reason == "capture_gap") {
      if (capture_lost_packets() || !c.beyond_hole.empty() || during_outage(c)) return {};
      return "its capture lost no packet and the tap saw the stream whole";
    }
    if (reason == "before_capture" || reason == "not_whole") {
      if (!c.whole || during_outage(c) || capture_lost_packets()) return {};
      return "the tap saw the connection begin while the engine was running";
    }
    if ((reason == "handshake_timeout" || reason == "test_unreachable") &&
        !sent_.contains(c.client) && !send_failed()) {
      return "nothing of it ever left the online host";
    }
    if (reason == "handshake_refused" || reason == "handshake_timeout") {
      for (const Twin& twin : s.twins) {
        if (test_.all[twin.connection].length > 0) return "the test host took data of it";
      }
      return {};
    }
    if (reason == "test_closed_first" || reason == "test_reset") {
      const bool reset = reason == "test_reset";
      if (s.twins.empty()) return "no mirrored connection reached the test host";
      if (records_ == nullptr) return {};
      for (const Twin& twin : s.twins) {
        const auto* record = records_->of[twin.connection];
        if (record == nullptr || record->close.starts_with("service") ||
            record->close == "timeout" || (reset && record->close == "open")) {
          return {};
        }
      }
      return "the test service recorded no close of its own";
    }
    if (reason == "superseded") {
      const auto& same = online_.by_client.at(c.client);
      return same.back() != s.online ? "" : "no later connection used its address and port";
    }
    if (reason == kIdleTimeout) {
      return silences_.of(s.online).empty() ? "it was never idle for so long" : "";
    }
    if (reason == "shutdown") {
      return !e_.drained || c.close == CloseKind::open || during_outage(c)
                 ? ""
                 : "the client had closed and the engine had said that nothing waits";
    }
    return {};
  }

  [[nodiscard]] bool during_outage(const Connection& c) const {
    return std::ranges::any_of(e_.outages, [&](const Outage& o) {
      return o.engine == "copy" && c.first_ns < o.to_ns && c.last_ns >= o.from_ns;
    });
  }

  // All that was lost came after a silence in which the engine let go of the session.
  [[nodiscard]] bool let_go(const Session& s, const Connection& c) const {
    const auto& silences = silences_.of(s.online);
    if (silences.empty() || s.lost.empty()) return false;
    return std::ranges::all_of(s.lost, [&](const Interval& range) {
      const Piece* first = c.at(range.begin);
      return first != nullptr && first->time_ns >= silences.front().to_ns;
    });
  }

  // A range is lost to an outage of the copy engine when its first byte came before the engine was
  // back: bytes it held died with it, bytes that came meanwhile were never seen, and the rest of a
  // turn that had begun by then cannot be joined.
  [[nodiscard]] std::string outage_of(const Session& s, const Connection& c) const {
    if (!during_outage(c)) return {};
    for (const Interval& range : s.lost) {
      const Piece* first = c.at(range.begin);
      const bool inside = std::ranges::any_of(e_.outages, [&](const Outage& o) {
        return o.engine == "copy" && first != nullptr && first->time_ns < o.to_ns;
      });
      if (!inside) return {};
    }
    return "copy_outage";
  }

  const Evidence& e_;
  const Connections& online_;
  const Connections& test_;
  const Recorded* records_;
  const Silences& silences_;
  std::unordered_map<wire::Endpoint, std::vector<Entry>> entries_;
  std::map<std::string, uint64_t>& unlogged_;
  std::unordered_set<wire::Endpoint> sent_;  // clients as whom the engine sent anything
};
}  // namespace

std::string hop_of(const std::string& reason) {
  static const std::map<std::string, std::string> kHops{
      {"before_capture", "capture"},        {"capture_gap", "capture"},
      {kNeverCaptured, "capture"},          {"not_whole", "capture"},
      {"handshake_timeout", "online>test"}, {"test_unreachable", "online>test"},
      {"handshake_refused", "test"},        {"test_reset", "test"},
      {"test_closed_first", "test"}};
  const auto found = kHops.find(reason);
  return found == kHops.end() ? "copy" : found->second;
}

std::map<std::string, uint64_t> refusals(const Evidence& e) {
  std::map<std::string, uint64_t> logged;
  std::map<std::string, uint64_t> refused;
  for (const auto& line : e.session_log) {
    if (line.is_object()) ++logged[line.value("reason", "none")];
  }
  if (!e.copy.is_object() || !e.copy.contains("account")) return refused;
  refused[kNeverCaptured] = number(e.copy, "capture", "kernel_drops");
  const auto lost = e.copy["account"].value("sessions_lost", nlohmann::json::object());
  for (const auto& [reason, count] : lost.items()) {
    if (!count.is_number_unsigned()) continue;
    const auto sessions = count.get<uint64_t>();
    if (sessions > logged[reason]) refused[reason] = sessions - logged[reason];
  }
  return refused;
}

std::vector<Lost> explain(const Evidence& e, const MirroredService& service,
                          const Connections& online, const Connections& test,
                          const Recorded* test_records, const Silences& silences, Mirror& mirror,
                          std::map<std::string, uint64_t>& unlogged) {
  Explanation explanation(e, service, online, test, test_records, silences, unlogged);
  std::map<std::pair<std::string, std::string>, Lost> sums;
  for (Session& s : mirror.sessions) {
    const bool lost = s.lost_bytes > 0 || s.fate == Fate::missing;
    if (!lost) continue;
    explanation.explain(s);
    Lost& sum = sums[{s.reason, s.hop}];
    sum.reason = s.reason;
    sum.hop = s.hop;
    ++sum.sessions;
    sum.bytes += s.lost_bytes;
  }
  std::vector<Lost> all;
  for (auto& [key, sum] : sums) all.push_back(sum);
  std::ranges::stable_sort(all, std::ranges::greater{}, &Lost::sessions);
  return all;
}

}  // namespace mirrorlab::verify
