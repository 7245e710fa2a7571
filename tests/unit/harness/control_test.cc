#include "harness/cli/control.h"

#include <gtest/gtest.h>

#include "harness/verify/online_side.h"
#include "unit/harness/good_evidence.h"

namespace mirrorlab::cli {
namespace {

TEST(Control, LeavesEnginesAndTheirFaultsOut) {
  scenario::Scenario s;
  s.engines.resize(2);
  s.engines[0].id = "copy";
  s.engines[1].id = "intercept";
  s.timeline.resize(3);
  s.timeline[0].target = "copy";
  s.timeline[1].target = "online.web";
  s.timeline[2].action = scenario::FaultAction::link;
  const auto bare = without_engines(s);
  EXPECT_TRUE(bare.engines.empty());
  ASSERT_EQ(bare.timeline.size(), 2U);
  EXPECT_EQ(bare.timeline[0].target, "online.web");
  s.control = scenario::ControlRun{1, false};
  EXPECT_TRUE(without_engines(s).timeline.empty());
}
TEST(Control, LeavesOutWhatWaitsForEngines) {
  scenario::Scenario s;
  s.engines.resize(1);
  s.engines[0].id = "copy";
  s.timeline.resize(5);
  for (auto& f : s.timeline) {
    f.action = scenario::FaultAction::link;
    f.wait.emplace();
  }
  const auto metric = [](const char* name) {
    scenario::Expression e;
    e.metric = name;
    return e;
  };
  s.timeline[0].wait->condition = metric("traffic.requests");
  s.timeline[1].wait->condition = metric("copy.packets");
  s.timeline[2].wait->ready = "online.web";
  s.timeline[3].wait->ready = "copy";
  s.timeline[4].wait->sighting = scenario::BreakExpression{};
  const auto bare = without_engines(s);
  ASSERT_EQ(bare.timeline.size(), 2U);
  EXPECT_TRUE(bare.timeline[0].wait->condition);
  EXPECT_EQ(bare.timeline[1].wait->ready, "online.web");
}
TEST(Control, GivesTheCostAsRatios) {
  report::Result r;
  r.verified.metrics = {{"latency.online.p50", 3},
                        {"latency.online.p99", 8},
                        {"online.requests", 100},
                        {"duration.traffic", 2}};
  add_control_metrics({200, 2, 2, 4}, r);
  const auto& m = r.verified.metrics;
  EXPECT_EQ(m.at("latency.without_mirror.p99"), 4);
  EXPECT_EQ(m.at("latency.added.p50"), 1);
  EXPECT_EQ(m.at("latency.added.p99"), 4);
  EXPECT_EQ(m.at("latency.p50_ratio"), 1.5);
  EXPECT_EQ(m.at("latency.p99_ratio"), 2);
  EXPECT_EQ(m.at("throughput.ratio"), 0.5);
}
TEST(Control, OfNothingThereIsNoRatio) {
  report::Result r;
  add_control_metrics({}, r);
  EXPECT_FALSE(r.verified.metrics.contains("latency.p50_ratio"));
  EXPECT_FALSE(r.verified.metrics.contains("throughput.ratio"));
}
TEST(Control, TheOnlineSideIsKnownFromItsTapAlone) {
  using namespace verify;
  Evidence e = good();
  TapWriter(e.online, 1'020'000'000)
      .packet(kOnline, kClient, kAnswerZero, 1, flag::kAck, "answer", false, true);
  const auto side = online_side(e.online, e.services);
  EXPECT_EQ(side.requests, 3U);
  EXPECT_GT(side.p50_ms, 0);
}
}  // namespace
}  // namespace mirrorlab::cli
