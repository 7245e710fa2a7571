// From figures to the verdict: conditions at the end, and those watched while the run lasted.
#include "harness/cli/judge.h"

#include <gtest/gtest.h>

namespace mirrorlab::cli {
namespace {

scenario::Expression condition(const std::string& text) {
  const std::vector<std::string> engines{"copy"};
  auto parsed = scenario::parse_expression(text, engines);
  EXPECT_TRUE(parsed) << parsed.error();
  return parsed.value_or(scenario::Expression{});
}

scenario::Eventual eventual(const std::string& text, int within_s, int after_s) {
  return {text, condition(text), std::chrono::seconds(within_s), std::chrono::seconds(after_s)};
}

struct Case {
  scenario::Scenario scenario;
  LiveFindings live;
  report::Result judged(std::map<std::string, double> metrics) const {
    report::Result r;
    r.verified.metrics = std::move(metrics);
    judge(scenario, live, r);
    return r;
  }
};

TEST(Judge, WhatOnceFailedWhileTheRunLastedFails) {
  Case c;
  c.scenario.always = {condition("leaked_packets == 0")};
  c.live.always = {{7, 1.25, "3"}};
  const auto r = c.judged({{"leaked_packets", 0}});
  EXPECT_EQ(r.verdict, "failed");
  EXPECT_EQ(r.reason, "leaked_packets == 0 does not hold: 3 at +1.25 s");
  EXPECT_EQ(r.expectations[0].kind, "always");
  EXPECT_EQ(r.expectations[0].first_failed_s, 1.25);
  c.live.always = {{7, std::nullopt, "0"}};
  EXPECT_EQ(c.judged({{"leaked_packets", 0}}).verdict, "passed");
  EXPECT_EQ(c.judged({{"leaked_packets", 1}}).verdict, "failed") << "the end counts, too";
}

TEST(Judge, ACounterThatNoEngineHasIsNamedByItsNeighbour) {
  Case c;
  c.scenario.expect = {condition("copy.segmants_sent >= 1")};
  EXPECT_EQ(c.judged({{"copy.segments_sent", 5}}).reason,
            "copy.segmants_sent >= 1 does not hold: this run has no figure for copy.segmants_sent "
            "(did you mean `copy.segments_sent`?)");
}

TEST(Judge, EventuallyIsMetInTimeOrNot) {
  Case c;
  c.scenario.eventually = {eventual("test.connections == 0", 5, 2)};
  const auto verdict = [&](LiveFinding finding, double ended_s, double last) {
    c.live.eventually = {std::move(finding)};
    c.live.ended_s = ended_s;
    c.live.last = {{"test.connections", last}};
    return c.judged({}).verdict;
  };
  EXPECT_EQ(verdict({3, 4.5, "0"}, 9, 8), "passed") << "once is enough";
  EXPECT_EQ(verdict({3, std::nullopt, "8"}, 9, 0), "failed") << "too late";
  EXPECT_EQ(verdict({3, std::nullopt, "8"}, 6, 0), "passed") << "the end is the last look";
  EXPECT_EQ(verdict({3, std::nullopt, "8"}, 6, 8), "failed");
  EXPECT_EQ(verdict({}, 1, 0), "failed") << "the run was over before its time began";
  EXPECT_EQ(verdict({}, 9, 0), "failed") << "nothing was seen while it could hold";
}

TEST(Judge, FiguresOfTheRunningLaboratoryAreMetricsAtTheEnd) {
  Case c;
  c.scenario.expect = {condition("copy.alive == 1"), condition("copy.rss_bytes < 1MB")};
  c.live.last = {{"copy.alive", 1}, {"copy.rss_bytes", 2e6}};
  const auto r = c.judged({});
  EXPECT_TRUE(r.expectations[0].passed);
  EXPECT_FALSE(r.expectations[1].passed);
  EXPECT_EQ(r.expectations[1].actual, "2000000 B");
}

}  // namespace
}  // namespace mirrorlab::cli
