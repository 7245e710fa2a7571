#include "harness/report/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "harness/report/ledger_text.h"

namespace mirrorlab::report {

namespace {
constexpr size_t kShownProblems = 5;
constexpr size_t kShownDeaths = 3;

class Text {
 public:
  explicit Text(const Result& r) : r_(r) {}

  std::string all() {
    headline();
    if (r_.verdict != "passed") failures();
    if (n("online.sessions") > 0) {
      done();
      mirrored();
      lost();
      isolation();
      ledger();
      quality();
      cost();
    }
    for (const auto& note : r_.verified.notes) line("note", note);
    if (const auto found = r_.artifacts.find("result"); found != r_.artifacts.end()) {
      line("files", found->second);
    }
    line("again", r_.reproduce);
    return text_;
  }

 private:
  [[nodiscard]] double m(const std::string& name) const {
    const auto found = r_.verified.metrics.find(name);
    return found == r_.verified.metrics.end() ? 0 : found->second;
  }
  [[nodiscard]] uint64_t n(const std::string& name) const { return static_cast<uint64_t>(m(name)); }
  [[nodiscard]] std::string g(const std::string& name) const { return grouped(n(name)); }
  void line(const std::string& label, const std::string& words) {
    if (!words.empty()) text_ += fmt::format("  {:<10} {}\n", label, words);
  }

  void headline() {
    std::string verdict = r_.verdict;
    std::ranges::transform(verdict, verdict.begin(), [](char c) {
      return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    });
    double total = 0;
    for (const auto& [phase, seconds] : r_.duration_s) total += seconds;
    text_ +=
        fmt::format("\n{}{}: {}  (seed {}, {:.1f} s)\n", r_.name,
                    r_.variant.empty() ? "" : " [" + r_.variant + "]", verdict, r_.seed, total);
  }

  void failures() {
    line("why", r_.reason);
    if (r_.verdict == "skipped") return;
    for (const auto& e : r_.expectations) {
      if (!e.passed) line("expected", fmt::format("{}, but it was {}", e.text, e.actual));
    }
    for (const auto& c : r_.verified.checks) {
      if (!c.passed) line("check", fmt::format("{} failed: {}", c.name, c.detail));
    }
    const auto& problems = r_.verified.problems;
    for (size_t i = 0; i < std::min(problems.size(), kShownProblems); ++i) line("", problems[i]);
    if (problems.size() > kShownProblems) {
      line("", fmt::format("and {} more in result.json", problems.size() - kShownProblems));
    }
  }

  void done() {
    std::string words =
        fmt::format("{} sessions of real clients, {} requests, {} to the online host",
                    g("online.sessions"), g("online.requests"), size_text(m("online.bytes")));
    if (m("duration.traffic") > 0) {
      words +=
          fmt::format(" in {:.1f} s ({} requests/s)", m("duration.traffic"),
                      grouped(static_cast<uint64_t>(m("online.requests") / m("duration.traffic"))));
    }
    line("done", words);
  }

  void mirrored() {
    std::string words = fmt::format("{} of {} sessions byte for byte; {} of {} requests; {} of {}",
                                    g("sessions.exact"), g("online.sessions"),
                                    g("requests.mirrored"), g("online.requests"),
                                    size_text(m("bytes.mirrored")), size_text(m("online.bytes")));
    if (n("sessions.reopened") > 0) {
      words += fmt::format("; {} sessions over several connections", g("sessions.reopened"));
    }
    line("mirrored", words);
    words = fmt::format("{} turns depended on an answer, {} came before it", g("turns.total"),
                        g("turns.violations"));
    if (n("turns.excused") > 0) {
      words += fmt::format(" ({} more were let go by a rule of the engine, as it says)",
                           g("turns.excused"));
    }
    line("order", words);
  }

  void lost() {
    if (r_.verified.lost.empty()) return line("lost", "nothing");
    static const std::map<std::string, std::string> kHops{
        {"capture", "in the capture"},
        {"copy", "in the copy engine"},
        {"online>test", "between online and test host"},
        {"test", "at the test host"}};
    for (const auto& l : r_.verified.lost) {
      const auto hop = kHops.find(l.hop);
      line("lost", fmt::format("{} sessions lost {} {}: {} - {}", grouped(l.sessions),
                               size_text(static_cast<double>(l.bytes)),
                               hop == kHops.end() ? "at " + l.hop : hop->second, l.reason,
                               reason_words(l.reason)));
    }
    const auto& deaths = r_.verified.deaths;
    for (size_t i = 0; i < std::min(deaths.size(), kShownDeaths); ++i) {
      line("", in_words(deaths[i]));
    }
    if (deaths.size() > kShownDeaths) {
      line("", fmt::format("and {} more in lost.jsonl", grouped(deaths.size() - kShownDeaths)));
    }
  }

  void isolation() {
    line("isolation", fmt::format("{} replies of the test host got out, {} packets went anywhere "
                                  "but to the test service",
                                  g("leaked_packets"), g("misdirected_packets")));
  }

  void ledger() {
    const auto& ledger = r_.verified.ledger;
    line("ledger", ledger_summary(ledger));
    if (r_.whole_ledger || ledger.unbalanced() > 0) text_ += ledger_table(ledger);
  }

  void quality() {
    if (n("sessions.exact") > 0) {
      line("answers", fmt::format("the same from both hosts in {} sessions, different in {}",
                                  g("answers.equal"), g("answers.differing")));
    }
    line("timing",
         fmt::format("time between turns kept within {} (median), {} (99 %); turns came "
                     "{} later (median), {} (99 %); {} of {} connections at one time",
                     milliseconds_text(m("timing.think_error.p50")),
                     milliseconds_text(m("timing.think_error.p99")),
                     milliseconds_text(m("timing.lag.p50")), milliseconds_text(m("timing.lag.p99")),
                     g("test.concurrency"), g("online.concurrency")));
    std::string latency = fmt::format("online answers after {} (median), {} (99 %)",
                                      milliseconds_text(m("latency.online.p50")),
                                      milliseconds_text(m("latency.online.p99")));
    if (r_.control) {
      latency +=
          fmt::format("; without the mirror {} and {}: {:.2f} and {:.2f} times as long",
                      milliseconds_text(r_.control->p50_ms), milliseconds_text(r_.control->p99_ms),
                      m("latency.p50_ratio"), m("latency.p99_ratio"));
    }
    line("latency", latency);
  }

  void cost() {
    const double requests = m("online.requests");
    if (requests == 0) return;
    std::string words;
    for (const auto& [name, figures] :
         {std::pair{"copy", &r_.copy}, {"intercept", &r_.intercept}}) {
      if (!figures->is_object()) continue;
      words += fmt::format("{}{} {:.2f} CPU s per 100,000 requests, {} at its peak",
                           words.empty() ? "" : "; ", name,
                           figures->value("cpu_s", 0.0) * 1e5 / requests,
                           size_text(figures->value("peak_rss_bytes", 0.0)));
    }
    line("cost", words);
  }

  const Result& r_;
  std::string text_;
};
}  // namespace

std::string to_text(const Result& r) { return Text(r).all(); }

std::string grouped(uint64_t number) {
  std::string digits = std::to_string(number);
  for (size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
  return digits;
}

std::string size_text(double bytes) {
  if (bytes >= 1024.0 * 1024 * 1024)
    return fmt::format("{:.2f} GiB", bytes / (1024.0 * 1024 * 1024));
  if (bytes >= 1024.0 * 1024) return fmt::format("{:.1f} MiB", bytes / (1024.0 * 1024));
  if (bytes >= 1024) return fmt::format("{:.1f} KiB", bytes / 1024);
  return fmt::format("{:.0f} B", bytes);
}

std::string milliseconds_text(double milliseconds) {
  if (milliseconds >= 1000) return fmt::format("{:.2f} s", milliseconds / 1000);
  return fmt::format("{:.{}f} ms", milliseconds, milliseconds >= 10 ? 0 : 2);
}

std::string reason_words(const std::string& reason) {
  static const std::map<std::string, std::string> kWords{
      {"before_capture", "the connection was already under way when the capture began"},
      {"not_whole", "joined in the middle, and only whole connections were asked for"},
      {"capture_gap", "the capture missed packets, and a turn fell with them"},
      {"handshake_timeout", "the test host did not complete the handshake"},
      {"handshake_refused", "the test host refused the connection"},
      {"test_reset", "the test host reset the connection"},
      {"test_closed_first", "the test host closed and took no more"},
      {"test_unreachable", "the test host acknowledged nothing any more"},
      {"superseded", "the client reused its address and port before all was mirrored"},
      {"tuple_collision", "two online connections map to one mirrored one"},
      {"session_bytes_limit", "the limit of buffered bytes for one session"},
      {"total_bytes_limit", "the limit of buffered bytes in all"},
      {"session_limit", "the limit of sessions"},
      {"idle_timeout", "nothing was heard of it for the time that --idle-timeout bears"},
      {"shutdown", "the engine was stopped with bytes pending"},
      {"copy_outage", "the copy engine was not running at the time"},
      {"never_captured", "the capture lost every packet of it"},
      {"unexplained", "no reason that holds against the evidence"}};
  const auto found = kWords.find(reason);
  return found == kWords.end() ? "a reason of the engine's own" : found->second;
}

}  // namespace mirrorlab::report
