// Conditions: what they compare, in which units, and what a percentage is of.
#include "harness/scenario/expression.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>

#include "engine/core/loss_reason.h"
#include "harness/scenario/loss_reason_name.h"

namespace mirrorlab::scenario {
namespace {

const std::array<std::string, 1> kEngines{"copy"};

Outcome judge(std::string_view text, const std::map<std::string, double>& metrics) {
  const auto e = parse_expression(text, kEngines);
  if (!e) return {false, e.error()};
  return evaluate(*e, [&](std::string_view name) -> std::optional<double> {
    const auto found = metrics.find(std::string(name));
    return found == metrics.end() ? std::nullopt : std::optional(found->second);
  });
}

TEST(Expression, EveryOperator) {
  const std::map<std::string, double> five{{"online.requests", 5}};
  for (const char* holds : {"== 5", "!= 4", "< 6", "<= 5", "> 4", ">= 5", "==5", ">=5.0"}) {
    EXPECT_TRUE(judge(std::string("online.requests") + holds, five).passed) << holds;
  }
  for (const char* fails : {"== 6", "!= 5", "< 5", "<= 4", "> 5", ">= 6"}) {
    EXPECT_FALSE(judge(std::string("online.requests ") + fails, five).passed) << fails;
  }
}

TEST(Expression, PercentComparesExactlyWithItsBase) {
  EXPECT_TRUE(
      judge("sessions.exact == 100%", {{"sessions.exact", 3}, {"online.sessions", 3}}).passed);
  // One of a million is seen, although 99.9999 % rounds to 100 in any short print.
  EXPECT_FALSE(
      judge("sessions.exact == 100%", {{"sessions.exact", 999'999}, {"online.sessions", 1'000'000}})
          .passed);
  // 99.95 % of 2000 is 1999, whatever doubles say.
  EXPECT_TRUE(
      judge("sessions.exact == 99.95%", {{"sessions.exact", 1999}, {"online.sessions", 2000}})
          .passed);
}

TEST(Expression, APercentageOfNothingNeverHolds) {
  for (const char* text :
       {"sessions.exact == 100%", "sessions.missing == 0%", "sessions.missing <= 100%"}) {
    const auto outcome =
        judge(text, {{"sessions.exact", 0}, {"sessions.missing", 0}, {"online.sessions", 0}});
    EXPECT_FALSE(outcome.passed) << text;
    EXPECT_EQ(outcome.actual, "online.sessions is 0: nothing to compare with");
  }
}

TEST(Expression, AMissingFigureFailsAndSaysSo) {
  EXPECT_EQ(judge("leaked_packets == 0", {}).actual, "this run has no figure for leaked_packets");
  EXPECT_EQ(judge("sessions.exact == 100%", {{"sessions.exact", 1}}).actual,
            "this run has no figure for online.sessions");
  EXPECT_FALSE(judge("copy.segments_sent != 7", {}).passed);
}

TEST(Expression, UnitsMeetTheMetric) {
  EXPECT_TRUE(judge("latency.online.p99 < 5ms", {{"latency.online.p99", 4.5}}).passed);
  EXPECT_TRUE(judge("latency.online.p99 >= 0.0045s", {{"latency.online.p99", 4.5}}).passed);
  EXPECT_TRUE(judge("duration.drain <= 1500ms", {{"duration.drain", 1.5}}).passed);
  EXPECT_TRUE(judge("lost.bytes == 0", {{"lost.bytes", 0}}).passed);
  EXPECT_TRUE(judge("copy.peak_rss_bytes < 1MiB", {{"copy.peak_rss_bytes", 1048575}}).passed);
  EXPECT_EQ(judge("latency.online.p99 < 5KiB", {}).actual,
            "`5KiB` has the unknown unit `KiB`, write a duration like 200ms (units: ns us ms s "
            "min)");
  EXPECT_EQ(judge("lost.bytes < 5", {}).actual,
            "`5` lacks a unit, write a size like 64KiB (units: B kB KB MB GB KiB MiB GiB)");
}

TEST(Expression, EngineCountersAndLossReasons) {
  EXPECT_TRUE(judge("copy.acks_sent > 2", {{"copy.acks_sent", 3}}).passed);
  EXPECT_EQ(judge("kopy.acks_sent > 2", {}).actual, "unknown metric `kopy.acks_sent`");
  EXPECT_TRUE(judge("lost.sessions.capture_gap == 0", {{"lost.sessions.capture_gap", 0}}).passed);
  EXPECT_EQ(judge("lost.bytes.capture_gaps == 0", {}).actual,
            "no loss reason `capture_gaps` (did you mean `capture_gap`?)");
}

TEST(Expression, LossReasonsAreThoseOfTheEngine) {
  std::vector<std::string> engine;
  for (size_t r = 1; r < engine::kLossReasons; ++r) {
    engine.emplace_back(engine::to_string(static_cast<engine::LossReason>(r)));
  }
  engine.emplace_back("unexplained");
  engine.emplace_back("copy_outage");  // the verifier's own: lost to an engine that was not there
  engine.emplace_back("never_captured");  // too: the capture lost every packet of it
  const auto names = loss_reason_names();
  EXPECT_EQ(std::vector<std::string>(names.begin(), names.end()), engine);
}

TEST(Expression, WhatIsNoCondition) {
  for (const char* text :
       {"", " ", "==", "== 5", "sessions.exact", "sessions.exact 5", "sessions.exact ! 5",
        "sessions.exact == ", "sessions.exact == 1e3", "sessions.exact == nan",
        "sessions.exact == inf", "sessions.exact == 5 5", "sessions.exact == %",
        "leaked_packets == 0%", "copy. == 1", "lost.sessions. == 0"}) {
    const auto e = parse_expression(text, kEngines);
    EXPECT_FALSE(e.has_value()) << text;
  }
}

TEST(Expression, EveryMetricHasAboutAndAKnownBase) {
  for (const auto& m : metric_names()) {
    EXPECT_FALSE(m.about.empty()) << m.name;
    const auto is_base = [&](const MetricName& other) { return other.name == m.base; };
    EXPECT_TRUE(m.base.empty() || std::ranges::any_of(metric_names(), is_base)) << m.name;
  }
}

// --- every metric there is ----------------------------------------------------------------------
std::string_view right_value(Measure measure) {
  switch (measure) {
    case Measure::bytes:
      return "64KiB";
    case Measure::milliseconds:
      return "5ms";
    case Measure::seconds:
      return "2s";
    case Measure::count:
      return "3";
  }
  return "";
}

TEST(EveryMetric, TakesItsUnitAndNoOther) {
  for (const MetricName& metric : metric_names()) {
    for (const Measure measure : {Measure::bytes, Measure::milliseconds, Measure::count}) {
      const bool time =
          metric.measure == Measure::milliseconds || metric.measure == Measure::seconds;
      const bool right = measure == metric.measure || (time && measure == Measure::milliseconds);
      const std::string text = fmt::format("{} <= {}", metric.name, right_value(measure));
      const auto e = parse_expression(text, kEngines);
      EXPECT_EQ(e.has_value(), right) << text;
      if (e) {
        EXPECT_EQ(e->measure, metric.measure) << text;
      }
    }
  }
}

TEST(EveryMetric, TakesAPercentageWhereItHasAWhole) {
  for (const MetricName& metric : metric_names()) {
    const auto e = parse_expression(fmt::format("{} == 50%", metric.name), kEngines);
    ASSERT_EQ(e.has_value(), !metric.base.empty()) << metric.name;
    if (!e) {
      EXPECT_NE(e.error().find("no whole"), std::string::npos) << e.error();
      continue;
    }
    EXPECT_EQ(e->base, metric.base);
    const auto half = evaluate(*e, [&](std::string_view name) -> std::optional<double> {
      return name == metric.base ? 4 : 2;
    });
    EXPECT_TRUE(half.passed || metric.base == metric.name) << metric.name;
  }
}

TEST(EveryMetric, IsMeantByASlip) {
  for (const MetricName& metric : metric_names()) {
    std::string slip(metric.name);
    slip.erase(slip.size() - 2, 1);
    if (std::ranges::find(metric_names(), slip, &MetricName::name) != metric_names().end())
      continue;
    const auto e = parse_expression(slip + " == 1", kEngines);
    ASSERT_FALSE(e) << slip;
    EXPECT_TRUE(e.error().starts_with("unknown metric `" + slip + "` (did you mean `"))
        << e.error();
  }
}

}  // namespace
}  // namespace mirrorlab::scenario
