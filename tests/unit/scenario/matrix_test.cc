// Cells of a matrix: what they change, and which variants there are.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/scenario/scenario_file.h"

namespace mirrorlab::scenario {
namespace {

using ::testing::ElementsAre;

constexpr const char* kRest = R"(
nodes:
  clients: {role: clients, count: 3}
  online: {role: online, run: [{id: web, service: recorder, port: 80}]}
  test: {role: test, run: [{id: web, service: recorder, port: 8080, mode: http}]}
links:
  - {between: [clients, online]}
  - {between: [online, test], delay: 1ms, there: {loss: 1%}}
engines:
  copy: {on: online, map: "80 -> test:8080", options: [--no-wait]}
  intercept: {on: test}
traffic:
  - {id: http, kind: http, from: clients, to: online:80, requests: 2, think: 1ms}
expect:
  - sessions.exact == 100%
)";

std::vector<Scenario> read(const std::string& matrix) {
  auto all =
      read_scenario_text("schema: 1\nname: m\nmatrix:\n" + matrix + std::string(kRest), "m.yaml");
  EXPECT_TRUE(all) << all.error().text();
  return all ? *all : std::vector<Scenario>{};
}
std::string refusal(const std::string& matrix) {
  const auto all =
      read_scenario_text("schema: 1\nname: m\nmatrix:\n" + matrix + std::string(kRest), "m.yaml");
  return all ? "accepted" : all.error().text();
}
std::vector<std::string> names(const std::vector<Scenario>& all) {
  std::vector<std::string> names;
  for (const auto& s : all) names.push_back(s.variant);
  return names;
}

TEST(Matrix, EveryCellOfEveryAxisIsAVariant) {
  EXPECT_THAT(
      names(read("  ip: [v4, v6]\n  path: {near: {}, far: {drain: 20s}}\n")),
      ElementsAre("ip=v4,path=near", "ip=v4,path=far", "ip=v6,path=near", "ip=v6,path=far"));
}
TEST(Matrix, ACellsMapsAreMergedKeyByKey) {
  const auto all = read("  engine: {ours: {}, raw: {engines: {copy: {inject: raw}}}}\n");
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].engines[0].inject, "");
  EXPECT_EQ(all[1].engines[0].inject, "raw");
  EXPECT_EQ(all[1].engines[0].map.size(), 1U);
  EXPECT_THAT(all[1].engines[0].options, ElementsAre("--no-wait"));
}
TEST(Matrix, OtherListsAreReplaced) {
  const auto all = read("  engine: {eager: {engines: {copy: {options: [--ack=eager]}}}}\n");
  EXPECT_THAT(all.at(0).engines[0].options, ElementsAre("--ack=eager"));
}
TEST(Matrix, ALinkIsFoundByItsNodesFromEitherEnd) {
  for (const char* ends : {"[online, test]", "[test, online]"}) {
    const auto all =
        read(std::string("  path: {far: {links: [{between: ") + ends + ", delay: 9ms}]}}\n");
    ASSERT_EQ(all.size(), 1U);
    ASSERT_EQ(all[0].links.size(), 2U);
    EXPECT_EQ(all[0].links[1].a, "online");
    EXPECT_EQ(all[0].links[1].a_to_b.delay, std::chrono::milliseconds(9));
    EXPECT_EQ(all[0].links[1].a_to_b.loss, 0.01);
  }
}
TEST(Matrix, ANewLinkIsAdded) {
  const auto all = read(
      "  way: {helped: {nodes: {helper: {role: assistant}, test: {assistant: helper}}, "
      "links: [{between: [test, helper]}], engines: {intercept: {on: helper}}}}\n");
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].links.size(), 3U);
  EXPECT_EQ(all[0].node("test")->assistant, "helper");
}
TEST(Matrix, TrafficAndServicesAreFoundByTheirIds) {
  const auto all = read(
      "  work: {more: {traffic: [{id: http, requests: 9}, {id: late, kind: http, from: clients, "
      "to: online:80}], nodes: {test: {run: [{id: web, delay: 5ms}]}}}}\n");
  ASSERT_EQ(all.size(), 1U);
  ASSERT_EQ(all[0].traffic.size(), 2U);
  EXPECT_EQ(all[0].traffic[0].requests, 9U);
  EXPECT_EQ(all[0].traffic[0].think.low, std::chrono::milliseconds(1));
  ASSERT_EQ(all[0].node("test")->run.size(), 1U);
  EXPECT_EQ(all[0].node("test")->run[0].recorder.delay.low, std::chrono::milliseconds(5));
}
TEST(Matrix, ConditionsAndFaultsAreAdded) {
  const auto all = read(
      "  what: {gone: {timeline: [{at: 1s, kill: intercept}], expect: [traffic.errors == 0]}}\n");
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].expect.size(), 2U);
  EXPECT_EQ(all[0].timeline.size(), 1U);
}
TEST(Matrix, ACellMayUseTheVariables) {
  const auto all = read(
      "  loss: [1%, 2%]\n  path: {lossy: {links: [{between: [online, test], loss: \"${loss}\"}]}}"
      "\n");
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[1].links[1].b_to_a.loss, 0.02);
}
TEST(Matrix, OneCellDoesNotReachAnother) {
  const auto all =
      read("  path: {far: {links: [{between: [online, test], delay: 9ms}]}, near: {}}\n");
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[1].links[1].b_to_a.delay, std::chrono::milliseconds(1));
}
TEST(Matrix, ExcludeTakesOutAndIncludePutsIn) {
  EXPECT_THAT(names(read("  ip: [v4, v6]\n  path: {near: {}, far: {}}\n  exclude: [{ip: v6}]\n"
                         "  include: [{ip: v6, path: far}]\n")),
              ElementsAre("ip=v4,path=near", "ip=v4,path=far", "ip=v6,path=far"));
}
TEST(Matrix, IncludeMayBringAValueOfItsOwn) {
  const auto all = read(
      "  loss: [1%]\n  path: {lossy: {links: [{between: [online, test], loss: \"${loss}\"}]}}\n"
      "  include: [{loss: 7%, path: lossy}]\n");
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[1].variant, "loss=7%,path=lossy");
  EXPECT_EQ(all[1].links[1].b_to_a.loss, 0.07);
}
TEST(Matrix, WhatIsWrongInACellIsFoundThere) {
  EXPECT_EQ(refusal("  path:\n    far: {links: [{between: [online, test], dely: 9ms}]}\n"),
            "m.yaml:5:45: links[1]: unknown key `dely` (did you mean `delay`?)");
}
TEST(Matrix, TwoAxesMayNotSetTheSamePlace) {
  EXPECT_EQ(refusal("  a:\n    x: {engines: {copy: {inject: raw}}}\n  b:\n    y: {engines: {copy: "
                    "{inject: packet}}}\n"),
            "m.yaml:7:34: the axes `a` and `b` both set engines.copy.inject");
  EXPECT_EQ(refusal("  a:\n    x: {engines: {other: {kind: copy, on: online}}}\n  b:\n    y: "
                    "{engines: {other: {map: \"80 -> test:8080\"}}}\n"),
            "m.yaml:7:32: the axes `a` and `b` both set engines.other.map");
}

}  // namespace
}  // namespace mirrorlab::scenario
