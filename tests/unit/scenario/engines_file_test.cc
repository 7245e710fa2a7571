// Other programs in the engines' roles, by a file of their own.
#include "harness/scenario/engines_file.h"

#include <gtest/gtest.h>

#include "harness/scenario/scenario_file.h"

namespace mirrorlab::scenario {
namespace {

constexpr const char* kScenario = R"(schema: 1
name: t
nodes:
  clients: {role: clients}
  online: {role: online, run: [{service: recorder, port: 80}]}
  test: {role: test, assistant: helper, run: [{service: recorder, port: 80}]}
  helper: {role: assistant}
engines:
  copy: {on: online, map: "80 -> test:80", capture: raw-ip, options: [--no-wait]}
  intercept: {on: test}
)";
constexpr const char* kEngines = R"(schema: 1
name: others
requires: [program:tcpcopy]
copy: {command: "tcpcopy -x {map} -s {intercept.address}", stop_signal: SIGINT}
intercept: {on: assistant, command: "intercept -i test", ready: {listen: 36524}}
)";

TEST(EnginesFile, ItsProgramsPlayTheEnginesOfAScenario) {
  const auto engines = read_engines_text(kEngines, "e");
  ASSERT_TRUE(engines) << engines.error().text();
  const auto read = read_scenario_text(kScenario, "t.yaml");
  ASSERT_TRUE(read) << read.error().text();
  const Scenario s = played_by(read->front(), *engines);
  const Engine& copy = *s.engine("copy");
  EXPECT_EQ(copy.command, "tcpcopy -x {map} -s {intercept.address}");
  EXPECT_EQ(copy.stop_signal, SIGINT);
  EXPECT_EQ(copy.on, "online");
  EXPECT_EQ(copy.map.size(), 1U);
  EXPECT_TRUE(copy.capture.empty() && copy.options.empty());
  // Where it has its own place, it goes there.
  EXPECT_EQ(s.engine("intercept")->on, "helper");
  EXPECT_EQ(s.engine("intercept")->ready.listen, 36524);
  EXPECT_EQ(s.require, std::vector<std::string>{"program:tcpcopy"});
}

TEST(EnginesFile, WhatIsWrongInItIsSaidWithItsPlace) {
  const auto refusal = [](const std::string& text) {
    const auto read = read_engines_text(text, "e");
    return read ? std::string("accepted") : read.error().text();
  };
  EXPECT_EQ(refusal("schema: 1\nname: x\ncopy: {command: a}\n"),
            "e:1:1: the key `intercept` is missing");
  EXPECT_EQ(refusal("schema: 1\nname: x\ncopy: {comand: a}\nintercept: {command: b}\n"),
            "e:3:8: copy: unknown key `comand` (did you mean `command`?)");
  EXPECT_EQ(refusal("schema: 1\nname: x\ncopy: {command: a}\nintercept: {command: b, on: moon}\n"),
            "e:4:29: intercept.on: unknown value `moon` (known: online, test, assistant)");
}

}  // namespace
}  // namespace mirrorlab::scenario
