#include "harness/scenario/expression.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "harness/scenario/loss_reason_name.h"
#include "harness/scenario/suggest.h"
#include "harness/scenario/units.h"

namespace mirrorlab::scenario {
namespace {

using enum Measure;
constexpr std::string_view kSessions = "online.sessions";
constexpr std::string_view kRequests = "online.requests";
constexpr std::string_view kBytes = "online.bytes";

constexpr MetricName of_control(std::string_view name, Measure measure, std::string_view about) {
  return {name, measure, "", about, false, true};
}

constexpr std::array kMetrics{
    MetricName{"online.sessions", count, "", "connections the online service really had"},
    MetricName{"online.requests", count, "", "requests the online service really got"},
    MetricName{"online.bytes", bytes, "", "bytes clients sent to the online service"},
    MetricName{"online.concurrency", count, "", "online connections open at one time, at most"},
    MetricName{"online.retransmitted_bytes", bytes, kBytes, "stream bytes clients sent again"},
    MetricName{"test.sessions", count, kSessions, "connections the test service had"},
    MetricName{"test.requests", count, kRequests, "requests the test service got"},
    MetricName{"test.bytes", bytes, kBytes, "bytes the test service got"},
    MetricName{"test.concurrency", count, "", "mirrored connections open at one time, at most"},
    MetricName{"test.retransmitted_bytes", bytes, kBytes, "stream bytes that came again"},
    MetricName{"test.connections_left", count, "", "open on the test host after the drain"},
    MetricName{"sessions.exact", count, kSessions, "sessions mirrored byte for byte"},
    MetricName{"sessions.partial", count, kSessions, "sessions of which a part was mirrored"},
    MetricName{"sessions.missing", count, kSessions, "sessions of which nothing was mirrored"},
    MetricName{"sessions.extra", count, kSessions, "sessions at the test host that never were"},
    MetricName{"sessions.reopened", count, kSessions, "sessions over several mirrored connections"},
    MetricName{"streams.mismatched", count, kSessions, "streams with a byte that was never sent"},
    MetricName{"requests.mirrored", count, kRequests, "requests that reached the test service"},
    MetricName{"bytes.mirrored", bytes, kBytes, "stream bytes that reached the test service"},
    MetricName{"bytes.repeated", bytes, kBytes, "stream bytes the test service got twice"},
    MetricName{"turns.total", count, "", "turns that depended on an answer"},
    MetricName{"turns.violations", count, "", "turns released before their answer"},
    MetricName{"turns.excused", count, "", "early turns the engine owned up to"},
    MetricName{"turns.unproven", count, "", "turns after answers of another length, unprovable"},
    MetricName{"timing.think_error.p50", milliseconds, "",
               "error of the time between turns, median"},
    MetricName{"timing.think_error.p99", milliseconds, "", "the same, 99th percentile"},
    MetricName{"timing.lag.p50", milliseconds, "", "how much later a turn came, median"},
    MetricName{"timing.lag.p99", milliseconds, "", "the same, 99th percentile"},
    MetricName{"closes.differing", count, kSessions, "exact sessions that ended otherwise"},
    MetricName{"answers.equal", count, kSessions, "exact sessions whose answers were the same"},
    MetricName{"answers.differing", count, kSessions, "exact sessions whose answers were not"},
    MetricName{"lost.sessions", count, kSessions, "sessions that lost anything"},
    MetricName{"lost.bytes", bytes, kBytes, "stream bytes lost"},
    MetricName{"lost.unexplained", count, kSessions, "sessions lost without a reason"},
    MetricName{"recordings.disagreements", count, "", "records that taps or the other side belie"},
    MetricName{"leaked_packets", count, "", "replies of the test host that reached a client", true},
    MetricName{"online.connections", count, "", "open on the mirrored online services now", true},
    MetricName{"test.connections", count, "", "open on the mirrored test services now", true},
    MetricName{"misdirected_packets", count, "",
               "sent in a client's name, not to the test service"},
    MetricName{"ledger.hops", count, "", "hops at which packets were counted"},
    MetricName{"ledger.unbalanced", count, "", "hops whose in, out and drops do not add up"},
    MetricName{"ledger.open", count, "", "hops of which no count covers the whole run"},
    MetricName{"ledger.unaccounted", count, "", "packets that unbalanced hops miss or made up"},
    MetricName{"ledger.dropped", count, "", "packets with a named place of death"},
    MetricName{"taps.dropped", count, "", "packets the taps lost"},
    MetricName{"taps.cpu_s", seconds, "", "CPU time of the taps' threads"},
    MetricName{"timeline.late", count, "", "faults that began when the traffic was over"},
    MetricName{"box.softnet_drops", count, "", "packets that found a CPU's backlog full"},
    MetricName{"box.interface_drops", count, "", "packets that devices dropped"},
    MetricName{"box.queue_drops", count, "", "packets that queues of devices (tc) dropped"},
    MetricName{"box.kernel_drops", count, "", "packets that hosts' kernels gave up"},
    MetricName{"box.late_longest", milliseconds, "", "how late the harness was woken, at most"},
    MetricName{"box.late_total", milliseconds, "", "time in which no CPU was free for it"},
    MetricName{"box.copy_waited", milliseconds, "",
               "how long copy engines waited for a CPU in the traffic"},
    MetricName{"box.steal", milliseconds, "", "CPU time that a hypervisor took"},
    MetricName{"box.oom_kills", count, "", "processes killed because memory ran out"},
    MetricName{"links.lost", count, "", "packets that impaired links lost by chance"},
    MetricName{"links.queue_drops", count, "", "packets dropped by a full queue before a rate"},
    MetricName{"links.down", count, "", "packets dropped by links that were down"},
    MetricName{"links.duplicated", count, "", "packets that links delivered twice"},
    MetricName{"links.reordered", count, "", "packets that links delivered after later ones"},
    MetricName{"links.corrupted", count, "", "packets of which links flipped a bit"},
    MetricName{"latency.online.p50", milliseconds, "", "online answer time, median"},
    MetricName{"latency.online.p99", milliseconds, "", "online answer time, 99th percentile"},
    MetricName{"latency.wire.p50", milliseconds, "", "the same as the tap saw it, median"},
    MetricName{"latency.wire.p99", milliseconds, "", "the same as the tap saw it, 99th percentile"},
    of_control("latency.without_mirror.p50", milliseconds, "control run: answer time, median"),
    of_control("latency.without_mirror.p99", milliseconds, "control run: 99th percentile"),
    of_control("latency.added.p50", milliseconds, "how much longer with the mirror, median"),
    of_control("latency.added.p99", milliseconds, "the same of the 99th percentiles"),
    of_control("latency.p50_ratio", count, "answer time with over without the mirror, median"),
    of_control("latency.p99_ratio", count, "the same of the 99th percentiles"),
    of_control("throughput.ratio", count, "requests per second with over without the mirror"),
    MetricName{"traffic.errors", count, "", "requests the clients saw fail", true},
    MetricName{"traffic.requests", count, "", "requests the clients say they made", true},
    MetricName{"traffic.sessions", count, "", "connections the clients made", true},
    MetricName{"traffic.requests_per_s", count, "", "requests per second, by the clients"},
    MetricName{"duration.traffic", seconds, "", "how long the traffic ran"},
    MetricName{"duration.drain", seconds, "", "how long the engines took to finish after it"},
};

constexpr std::array kProgramMetrics{
    MetricName{"alive", count, "", "1 while the program runs, 0 while it does not", true},
    MetricName{"rss_bytes", bytes, "", "memory of the program now", true},
    MetricName{"cpu_s", seconds, "", "CPU time of an engine"},
    MetricName{"peak_rss_bytes", bytes, "", "memory of an engine at its peak"},
};

// Cannot be more than its whole: what is counted among the online sessions, requests and bytes.
bool is_part(std::string_view metric) {
  constexpr std::array kParts{"sessions.", "requests.mirrored", "bytes.mirrored", "streams.",
                              "closes.",   "answers.",          "lost."};
  return metric != "sessions.extra" &&
         std::ranges::any_of(kParts, [&](const char* part) { return metric.starts_with(part); });
}

struct Operator {
  std::string_view text;
  Comparison comparison;
};
// Longer ones first: "<=" begins with "<".
constexpr std::array kOperators{
    Operator{"==", Comparison::equal},      Operator{"!=", Comparison::not_equal},
    Operator{"<=", Comparison::less_equal}, Operator{">=", Comparison::greater_equal},
    Operator{"<", Comparison::less},        Operator{">", Comparison::greater}};

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

const MetricName* find_metric(std::string_view name) {
  const auto* found = std::ranges::find(kMetrics, name, &MetricName::name);
  return found == kMetrics.end() ? nullptr : found;
}

Parsed<double> parse_value(std::string_view text, Measure measure) {
  switch (measure) {
    case bytes:
      if (text == "0") return 0.0;
      return parse_size(text).map([](uint64_t n) { return static_cast<double>(n); });
    case milliseconds:
      return parse_duration(text).map(
          [](Duration d) { return static_cast<double>(d.count()) / 1e6; });
    case seconds:
      return parse_duration(text).map(
          [](Duration d) { return static_cast<double>(d.count()) / 1e9; });
    case count:
      break;
  }
  return parse_number(text);
}

// What PROGRAM.NAME measures, and whether it is known while the run lasts.
const MetricName* find_program_metric(std::string_view metric) {
  const auto* found =
      std::ranges::find(kProgramMetrics, metric.substr(metric.rfind('.') + 1), &MetricName::name);
  return found == kProgramMetrics.end() ? nullptr : found;
}

std::string_view unit_text(Measure measure) {
  switch (measure) {
    case milliseconds:
      return "ms";
    case seconds:
      return "s";
    case bytes:
      return " B";
    case count:
      return "";
  }
  return "";
}

bool holds(double actual, Comparison comparison, double wanted) {
  switch (comparison) {
    case Comparison::equal:
      return actual == wanted;
    case Comparison::not_equal:
      return actual != wanted;
    case Comparison::less:
      return actual < wanted;
    case Comparison::less_equal:
      return actual <= wanted;
    case Comparison::greater:
      return actual > wanted;
    case Comparison::greater_equal:
      return actual >= wanted;
  }
  return false;
}

}  // namespace

std::span<const MetricName> metric_names() { return kMetrics; }
std::span<const MetricName> program_metric_names() { return kProgramMetrics; }

const char* to_string(Measure measure) {
  switch (measure) {
    case count:
      return "count";
    case bytes:
      return "bytes";
    case milliseconds:
      return "ms";
    case seconds:
      return "s";
  }
  return "?";
}

tl::expected<Expression, std::string> parse_expression(std::string_view text,
                                                       std::span<const std::string> engines,
                                                       std::span<const std::string> services) {
  Expression result;
  result.text = std::string(text);
  const Operator* found = nullptr;
  size_t position = text.find_first_of("=!<>");
  if (position != std::string_view::npos) {
    const auto* op = std::ranges::find_if(
        kOperators, [&](const Operator& o) { return text.substr(position).starts_with(o.text); });
    if (op != kOperators.end()) found = op;
  }
  if (!found) {
    const bool single = position != std::string_view::npos && text[position] == '=';
    return tl::unexpected(
        fmt::format("`{}` is no condition: write METRIC OP VALUE with OP one of == != < <= > >={}",
                    text, single ? " (did you mean `==`?)" : ""));
  }
  result.comparison = found->comparison;
  result.metric = std::string(trim(text.substr(0, position)));
  const std::string_view value = trim(text.substr(position + found->text.size()));

  Measure measure = count;
  if (const MetricName* known = find_metric(result.metric)) {
    measure = known->measure;
    result.live = known->live;
    result.control = known->control;
    result.base = std::string(known->base);
  } else {
    const auto counter_of = [&](const std::string& e) {
      return result.metric.starts_with(e + ".") && result.metric.size() > e.size() + 1;
    };
    const bool lost_sessions = result.metric.starts_with("lost.sessions.");
    if (lost_sessions || result.metric.starts_with("lost.bytes.")) {
      measure = lost_sessions ? count : bytes;
      result.base = lost_sessions ? kSessions : kBytes;
      const std::string reason = result.metric.substr(result.metric.rfind('.') + 1);
      const auto reasons = loss_reason_names();
      if (std::ranges::find(reasons, reason) == reasons.end()) {
        return tl::unexpected(
            fmt::format("no loss reason `{}`{}", reason, suggestion(reason, reasons)));
      }
    } else if (std::ranges::any_of(services, counter_of)) {
      const MetricName* own = find_program_metric(result.metric);
      if (own == nullptr || !own->live) {
        return tl::unexpected(fmt::format(
            "of a service only `alive` and `rss_bytes` are known, not `{}`", result.metric));
      }
      measure = own->measure;
      result.live = true;
    } else if (std::ranges::any_of(engines, counter_of)) {
      const MetricName* own = find_program_metric(result.metric);
      if (own != nullptr) measure = own->measure;
      result.live = own == nullptr || own->live;
    } else {
      std::vector<std::string> names;
      for (const MetricName& metric : kMetrics) names.emplace_back(metric.name);
      for (const auto* programs : {&engines, &services}) {
        for (const std::string& program : *programs) {
          names.push_back(program + ".alive");
          names.push_back(program + ".rss_bytes");
        }
      }
      return tl::unexpected(
          fmt::format("unknown metric `{}`{}", result.metric, suggestion(result.metric, names)));
    }
  }
  result.measure = measure;
  if (value.ends_with('%')) {
    if (result.base.empty()) {
      return tl::unexpected(
          fmt::format("`{}` has no whole that a percentage could refer to", result.metric));
    }
    const auto number = parse_number(trim(value.substr(0, value.size() - 1)));
    if (!number) return tl::unexpected(number.error());
    if (*number < 0 || (*number > 100 && is_part(result.metric))) {
      return tl::unexpected(
          fmt::format("`{}` is a part of `{}`, from 0% to 100%", result.metric, result.base));
    }
    result.value = *number / 100;
    result.percent = true;
    result.live = false;  // the wholes are known at the end only
    return result;
  }
  if (value.empty()) return tl::unexpected(fmt::format("`{}` lacks its value", text));
  const auto number = parse_value(value, measure);
  if (!number) {
    const char* hint = measure == count ? ", and this metric is a plain count" : "";
    if (value.find(" within ") != std::string_view::npos) {
      hint = "; `within` is for conditions under `eventually`";
    } else if (value.find(" and ") != std::string_view::npos ||
               value.find("&&") != std::string_view::npos) {
      hint = "; one condition each, all of the list must hold";
    }
    return tl::unexpected(number.error() + hint);
  }
  result.value = *number;
  return result;
}

Outcome evaluate(const Expression& expression,
                 const std::function<std::optional<double>(std::string_view)>& lookup) {
  const std::optional<double> actual = lookup(expression.metric);
  if (!actual) return {false, fmt::format("this run has no figure for {}", expression.metric)};
  if (!expression.percent) {
    return {holds(*actual, expression.comparison, expression.value),
            fmt::format("{:.10g}{}", *actual, unit_text(expression.measure))};
  }
  const std::optional<double> base = lookup(expression.base);
  if (!base) return {false, fmt::format("this run has no figure for {}", expression.base)};
  // Why: of nothing there is no part; a run without traffic must not pass as 100 %.
  if (*base == 0) return {false, fmt::format("{} is 0: nothing to compare with", expression.base)};
  const std::string shown =
      fmt::format("{:.10g} of {:.10g} ({:.6g}%)", *actual, *base, 100 * *actual / *base);
  // Why not a quotient: 1999/2000 and 99.95 % must compare exactly.
  const double wanted = expression.value * *base;
  const double rounded = std::abs(wanted - std::round(wanted)) < 1e-6 ? std::round(wanted) : wanted;
  return {holds(*actual, expression.comparison, rounded), shown};
}

}  // namespace mirrorlab::scenario
