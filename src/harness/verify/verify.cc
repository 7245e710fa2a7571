#include "harness/verify/verify.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>

#include "harness/verify/account.h"
#include "harness/verify/isolation.h"
#include "harness/verify/mirror.h"
#include "harness/verify/order.h"
#include "harness/verify/recorded.h"
#include "harness/verify/share.h"
#include "harness/verify/silences.h"
#include "harness/verify/sums.h"

namespace mirrorlab::verify {

namespace {
constexpr size_t kMaxProblems = 20;

uint64_t engine_counter(const Evidence& e, const char* name) {
  if (!e.copy.is_object()) return 0;
  return e.copy.value("counters", nlohmann::json::object()).value(name, uint64_t{0});
}

// One pair of services, their connections matched.
struct Part {
  const MirroredService* service;
  Connections online, test;
  Mirror mirror;
  std::optional<Recorded> online_records, test_records;

  [[nodiscard]] std::string in_words(const Session& s) const {
    return online.all[s.online].client.to_string() + ": " + s.problem;
  }
};

class Verification {
 public:
  explicit Verification(const Evidence& e) : e_(e) {
    for (const MirroredService& service : e.services) {
      Part part{&service, reassemble(e.online, service.online), {}, {}, {}, {}};
      if (service.online_recording) {
        part.online_records = lay_beside(*service.online_recording, part.online, "online");
      }
      parts_.push_back(std::move(part));
    }
    std::vector<bool> done(parts_.size());
    for (size_t i = 0; i < parts_.size(); ++i) {
      std::vector<Part*> same;
      for (size_t k = i; k < parts_.size(); ++k) {
        if (done[k] || parts_[k].service->test != parts_[i].service->test) continue;
        done[k] = true;
        same.push_back(&parts_[k]);
      }
      if (!same.empty()) read_test_side(same);
    }
    for (Part& part : parts_) part.mirror = match(part.online, part.test);
  }

  Report run() {
    auto unlogged = refusals(e_);
    for (Part& part : parts_) {
      const Silences silences(e_, *part.service, part.online);
      silences_broken_ += silences.broken();
      silent_connections_ += silences.connections();
      auto lost = explain(e_, *part.service, part.online, part.test, records(part.test_records),
                          silences, part.mirror, unlogged);
      report_.lost.insert(report_.lost.end(), lost.begin(), lost.end());
      auto died = deaths(e_, *part.service, part.online, part.mirror);
      report_.deaths.insert(report_.deaths.end(), died.begin(), died.end());
      sums_.add(*part.service, part.online, part.test, part.mirror);
      extra_ += part.mirror.extra.size();
    }
    check_sessions();
    check_turns();
    check_reach();
    check_engines();
    check_recordings();
    check_ledger();
    look_at_answers();
    for (const Part& part : parts_) {
      for (const Session& s : part.mirror.sessions) problem(part.online.all[s.online], s.problem);
      for (const uint32_t i : part.mirror.extra) {
        problem(part.test.all[i], "a mirrored connection without an online one");
      }
    }
    judge_evidence();
    return std::move(report_);
  }

 private:
  // Of services that are mirrored to one and the same test service.
  void read_test_side(const std::vector<Part*>& parts) {
    Part& first = *parts.front();
    first.test = reassemble(e_.test, first.service->test);
    if (first.service->test_recording) {
      first.test_records = lay_beside(*first.service->test_recording, first.test, "test");
    }
    if (parts.size() == 1) return;
    const Connections all = std::move(first.test);
    const std::optional<Recorded> records = std::move(first.test_records);
    std::vector<const Connections*> online;
    for (const Part* part : parts) online.push_back(&part->online);
    const auto shares = share_out(all, online);
    for (size_t i = 0; i < parts.size(); ++i) {
      parts[i]->test = part_of(all, shares[i]);
      if (records) parts[i]->test_records = part_of(*records, shares[i]);
    }
    if (!records) return;
    first.test_records->disagreements = records->disagreements;
    first.test_records->first_disagreement = records->first_disagreement;
  }
  static const Recorded* records(const std::optional<Recorded>& r) { return r ? &*r : nullptr; }
  void set(const std::string& name, uint64_t value) {
    report_.metrics[name] = static_cast<double>(value);
  }
  void percentiles(const std::string& name, std::vector<float>& samples) {
    report_.metrics[name + ".p50"] = percentile(samples, 0.5);
    report_.metrics[name + ".p99"] = percentile(samples, 0.99);
  }
  void check(std::string name, bool passed, std::string detail,
             std::vector<std::string> yields_to = {}) {
    report_.checks.push_back(
        {std::move(name), passed, passed ? "" : std::move(detail), std::move(yields_to)});
  }
  void problem(const Connection& c, const std::string& what) {
    if (what.empty()) return;
    if (report_.problems.size() < kMaxProblems) {
      report_.problems.push_back(c.client.to_string() + ": " + what);
    }
  }
  // The first session that `is_it`, in words.
  template <class Predicate>
  [[nodiscard]] std::string first(const Predicate& is_it) const {
    for (const Part& part : parts_) {
      for (const Session& s : part.mirror.sessions) {
        if (is_it(s)) return part.in_words(s);
      }
    }
    return {};
  }
  [[nodiscard]] std::string first(Fate fate) const {
    return first([&](const Session& s) { return s.fate == fate; });
  }

  void check_sessions() {
    Sums& s = sums_;
    set("online.sessions", s.online_sessions);
    set("online.requests", s.online_requests);
    set("online.bytes", s.online_bytes);
    set("online.concurrency", s.online_concurrency());
    set("online.retransmitted_bytes", s.online_retransmitted);
    set("test.sessions", s.test_sessions);
    set("test.requests", s.test_requests);
    set("test.bytes", s.test_bytes);
    set("test.concurrency", s.test_concurrency());
    set("test.retransmitted_bytes", s.test_retransmitted);
    set("sessions.exact", s.exact);
    set("sessions.partial", s.partial);
    set("sessions.missing", s.missing);
    set("sessions.extra", extra_);
    set("sessions.reopened", s.reopened);
    set("streams.mismatched", s.mismatched);
    set("requests.mirrored", s.requests_mirrored);
    set("bytes.mirrored", s.covered_bytes);
    set("bytes.repeated", s.repeated_bytes);
    const std::vector<std::string> whole{
        "sessions.exact", "sessions.partial", "sessions.missing", "requests.mirrored",
        "bytes.mirrored", "lost.sessions",    "lost.bytes"};
    const auto of = [&](uint64_t n) {
      return std::to_string(n) + " of " + std::to_string(s.online_sessions) + " sessions ";
    };
    if (s.online_sessions == 0) {
      check("complete", false, "no session reached the online host: nothing was proven");
    } else {
      check("complete", s.missing == 0, of(s.missing) + "missing; " + first(Fate::missing), whole);
    }
    check("exact", s.partial == 0, of(s.partial) + "in part; " + first(Fate::partial), whole);
    check("true_streams", s.mismatched == 0,
          of(s.mismatched) + "altered; " + first(Fate::mismatched));
    check("no_extra", extra_ == 0,
          std::to_string(extra_) + " mirrored connections without an online one");
    uint64_t sessions = 0, bytes = 0, unexplained = 0;
    for (const Lost& l : report_.lost) {
      sessions += l.sessions;
      bytes += l.bytes;
      set("lost.sessions." + l.reason, l.sessions + count("lost.sessions." + l.reason));
      set("lost.bytes." + l.reason, l.bytes + count("lost.bytes." + l.reason));
      if (l.reason == kUnexplained) unexplained += l.sessions;
    }
    set("lost.sessions", sessions);
    set("lost.bytes", bytes);
    set("lost.unexplained", unexplained);
    // Why not asked of an engine that gives no account: it cannot give reasons either.
    if (!e_.copy_gives_account) return;
    check("explained", unexplained == 0,
          std::to_string(unexplained) + " sessions lost without a reason that holds; " +
              first([](const Session& one) { return one.reason == kUnexplained; }));
  }

  void check_turns() {
    Order order;
    for (const Part& part : parts_) {
      for (const Session& s : part.mirror.sessions) {
        check_order(s, part.online, part.test, records(part.online_records),
                    records(part.test_records), order);
      }
    }
    // Releases by rule that the engine owns up to excuse as many turns, and no more.
    const uint64_t timeouts = engine_counter(e_, "turn_released_by_timeout");
    const uint64_t by_timeout = std::min(order.violations, timeouts);
    const uint64_t by_quiet = std::min(
        order.suspect, engine_counter(e_, "turn_released_by_quiet") + timeouts - by_timeout);
    const uint64_t violations = order.violations - by_timeout + order.suspect - by_quiet;
    set("turns.total", order.turns);
    set("turns.violations", violations);
    set("turns.excused", by_timeout + by_quiet);
    set("turns.unproven", order.unproven);
    if (order.unproven > 0) {
      report_.notes.push_back("the order of " + std::to_string(order.unproven) +
                              " turns cannot be proven: answers of another length at the test "
                              "host, from a service that records nothing");
    }
    percentiles("timing.think_error", order.think_error_ms);
    percentiles("timing.lag", order.lag_ms);
    check("order", violations == 0 || !e_.waits_for_answers,
          std::to_string(violations) +
              " turns reached the test host before the answer they depended on",
          {"turns.violations"});
    set("closes.differing", sums_.closes_differing);
    check("closes", sums_.closes_differing == 0,
          std::to_string(sums_.closes_differing) + " exact sessions ended otherwise than online; " +
              sums_.first_close,
          {"closes.differing"});
  }

  void check_reach() {
    std::vector<const Connections*> online;
    for (const Part& part : parts_) online.push_back(&part.online);
    const Isolation isolation = check_isolation(e_, online);
    set("leaked_packets", isolation.leaked);
    set("misdirected_packets", isolation.misdirected);
    check("isolated", isolation.leaked == 0,
          std::to_string(isolation.leaked) + " packets; " + isolation.first);
    check("harmless", isolation.misdirected == 0,
          std::to_string(isolation.misdirected) + " packets; " + isolation.first);
    if (!e_.test_connections_left) return;
    set("test.connections_left", *e_.test_connections_left);
    // Why: of a client whose reset was lost on its way neither host learns that it is gone.
    check("nothing_left", *e_.test_connections_left <= e_.online_connections_left,
          std::to_string(*e_.test_connections_left) +
              " mirrored connections still open on the test host after the drain, and " +
              std::to_string(e_.online_connections_left) + " on the online host",
          {"test.connections_left"});
  }

  void check_engines() {
    if (!e_.copy_gives_account) {
      report_.notes.push_back(
          "the copy engine gives no account of itself: judged by taps and recordings alone");
      return;
    }
    Measured m;
    m.sessions = sums_.online_whole;
    m.sessions_joined = sums_.online_sessions - sums_.online_whole;
    m.exact = sums_.exact;
    m.silences_broken = silences_broken_;
    m.silent_connections = silent_connections_;
    m.online_bytes = sums_.online_bytes;
    m.online_bytes_beyond_holes = sums_.online_beyond_holes;
    m.covered_bytes = sums_.covered_bytes;
    const auto wrong = check_account(e_, m);
    check("engine_account", wrong.empty(), wrong.empty() ? "" : wrong.front());
    for (size_t i = 1; i < wrong.size(); ++i) report_.problems.push_back("account: " + wrong[i]);
  }

  void check_ledger() {
    report_.ledger = make_ledger(e_);
    const Ledger& ledger = report_.ledger;
    if (ledger.lines.empty()) return;
    uint64_t open = 0;
    uint64_t unaccounted = 0;
    // Between taps, and where an engine counts.
    std::array<uint64_t, 2> unbalanced{};
    std::array<std::string, 2> what;
    for (const LedgerLine& line : ledger.lines) {
      open += line.balance == Balance::open ? 1 : 0;
      if (line.balance != Balance::unbalanced) continue;
      unaccounted += static_cast<uint64_t>(std::abs(line.unaccounted));
      const size_t i = line.of_engine ? 1 : 0;
      ++unbalanced[i];
      what[i] += (what[i].empty() ? "" : "; ") + in_words(line);
    }
    set("ledger.hops", ledger.lines.size());
    set("ledger.unbalanced", unbalanced[0] + unbalanced[1]);
    set("ledger.open", open);
    set("ledger.unaccounted", unaccounted);
    set("ledger.dropped", ledger.dropped());
    check("ledger", unbalanced[0] == 0, what[0], {"ledger.unbalanced", "ledger.unaccounted"});
    check("engine_figures", unbalanced[1] == 0, what[1]);
  }

  void check_recordings() {
    uint64_t disagreements = 0;
    std::string what;
    bool any = false;
    for (const Part& part : parts_) {
      for (const auto* side : {records(part.online_records), records(part.test_records)}) {
        if (side == nullptr) continue;
        any = true;
        disagreements += side->disagreements;
        if (what.empty()) what = side->first_disagreement;
      }
      if (part.online_records && part.test_records) compare_recordings(part, disagreements, what);
    }
    if (!any) {
      report_.notes.push_back("these services record nothing: judged by the taps alone");
      return;
    }
    set("recordings.disagreements", disagreements);
    check("recordings", disagreements == 0,
          std::to_string(disagreements) + " connections; " + what);
  }

  // Both services read their streams to the end: then they read the same.
  static void compare_recordings(const Part& part, uint64_t& disagreements, std::string& what) {
    for (const Session& s : part.mirror.sessions) {
      if (s.fate != Fate::exact || s.twins.size() != 1) continue;
      const auto* a = part.online_records->of[s.online];
      const auto* b = part.test_records->of[s.twins[0].connection];
      if (a == nullptr || b == nullptr || a->close != "client" || b->close != "client") continue;
      if (a->bytes == b->bytes && a->digest == b->digest) continue;
      ++disagreements;
      if (what.empty()) {
        what = a->client.to_string() + ": the two services recorded different streams (" +
               std::to_string(a->bytes) + " and " + std::to_string(b->bytes) + " bytes)";
      }
    }
  }

  void look_at_answers() {
    uint64_t equal = 0;
    uint64_t differing = 0;
    std::vector<float> answers;
    for (const Part& part : parts_) {
      for (const Session& s : part.mirror.sessions) {
        if (s.fate == Fate::exact) ++(same_answers(part, s) ? equal : differing);
      }
      for (const Connection& c : part.online.all) {
        answers.insert(answers.end(), c.answer_ms.begin(), c.answer_ms.end());
      }
    }
    set("answers.equal", equal);
    set("answers.differing", differing);
    percentiles("latency.wire", answers);
  }
  [[nodiscard]] static bool same_answers(const Part& part, const Session& s) {
    if (part.online_records && part.test_records && s.twins.size() == 1) {
      const auto* a = part.online_records->of[s.online];
      const auto* b = part.test_records->of[s.twins[0].connection];
      if (a != nullptr && b != nullptr) {
        return a->answer_bytes == b->answer_bytes && a->answer_digest == b->answer_digest;
      }
    }
    int64_t acked = 0;
    for (const Twin& twin : s.twins) acked += part.test.all[twin.connection].acked;
    return acked == part.online.all[s.online].acked;
  }

  void judge_evidence() {
    uint64_t left_out = e_.online.left_out() + e_.test.left_out() + e_.clients.left_out();
    for (const Waypoint& w : e_.waypoints) left_out += w.seen.left_out();
    set("taps.dropped", e_.tap_drops + left_out);
    set("box.softnet_drops", e_.softnet_drops);
    uint64_t devices = 0;
    uint64_t kernels = 0;
    uint64_t queues = 0;
    for (const KernelDrop& d : e_.hops.kernel_drops) {
      (d.place == DropPlace::device  ? devices
       : d.place == DropPlace::queue ? queues
                                     : kernels) += d.packets;
    }
    set("box.interface_drops", devices);
    set("box.queue_drops", queues);
    set("box.kernel_drops", kernels);
    report_.metrics["taps.cpu_s"] = static_cast<double>(e_.taps_cpu_ns) / 1e9;
    if (e_.tap_drops > 0) {
      report_.inconclusive = "the taps lost " + std::to_string(e_.tap_drops) +
                             " packets: this box is too slow for so much traffic";
    } else if (left_out > 0) {
      report_.inconclusive = "the taps left out " + std::to_string(left_out) +
                             " packets, their memory was full: use less traffic";
    }
    // Not inconclusive: hosts and engines lose these alike, and TCP repairs them.
    if (e_.softnet_drops > 0) {
      report_.notes.push_back("the box dropped " + std::to_string(e_.softnet_drops) +
                              " packets between its devices (softnet backlog); repaired by TCP");
    }
    if (devices > 0) {
      report_.notes.push_back("devices dropped " + std::to_string(devices) + " packets");
    }
  }
  [[nodiscard]] uint64_t count(const std::string& name) const {
    const auto found = report_.metrics.find(name);
    return found == report_.metrics.end() ? 0 : static_cast<uint64_t>(found->second);
  }

  const Evidence& e_;
  std::vector<Part> parts_;
  Sums sums_;
  uint64_t extra_ = 0;
  uint64_t silences_broken_ = 0, silent_connections_ = 0;
  Report report_;
};
}  // namespace

Report verify(const Evidence& e) { return Verification(e).run(); }

}  // namespace mirrorlab::verify
