// `control:` of a scenario, as read.
#include <gtest/gtest.h>

#include "harness/scenario/scenario_file.h"

namespace mirrorlab::scenario {
namespace {

Scenario read(const std::string& lines) {
  const auto all = read_scenario_text("schema: 1\nname: c\n" + lines + R"(
nodes:
  clients: {role: clients}
  online: {role: online, run: [{id: web, service: recorder, port: 80}]}
  test: {role: test, run: [{id: web, service: recorder, port: 8080}]}
engines:
  copy: {on: online, map: "80 -> test:8080"}
  intercept: {on: test}
)",
                                      "c.yaml");
  EXPECT_TRUE(all) << all.error().text();
  return all ? all->front() : Scenario{};
}

TEST(ControlWord, TrueIsOneRunWithTheTimeline) {
  const auto control = read("control: true").control;
  ASSERT_TRUE(control);
  EXPECT_EQ(control->runs, 1U);
  EXPECT_TRUE(control->timeline);
}
TEST(ControlWord, FalseAndNothingAreNone) {
  EXPECT_FALSE(read("control: false").control);
  EXPECT_FALSE(read("seed: 2").control);
}
TEST(ControlWord, SaysHowOftenAndWhetherWithTheTimeline) {
  const auto control = read("control: {runs: 3, timeline: false}").control;
  ASSERT_TRUE(control);
  EXPECT_EQ(control->runs, 3U);
  EXPECT_FALSE(control->timeline);
}
TEST(ControlWord, LetsConditionsCompare) {
  const auto s = read("control: true\nexpect: [latency.p99_ratio <= 1.5, latency.added.p50 < 2ms]");
  ASSERT_EQ(s.expect.size(), 2U);
  EXPECT_TRUE(s.expect[1].control);
  EXPECT_EQ(s.expect[1].value, 2);
}

}  // namespace
}  // namespace mirrorlab::scenario
