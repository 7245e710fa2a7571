// What entries of a timeline wait for, as read.
#include <gtest/gtest.h>

#include "harness/scenario/scenario_file.h"

namespace mirrorlab::scenario {
namespace {

using namespace std::chrono_literals;

Scenario read(const std::string& entry) {
  const auto all = read_scenario_text(R"(schema: 1
name: t
nodes:
  clients: {role: clients}
  online: {role: online, run: [{id: web, service: recorder, port: 80}]}
  test: {role: test, run: [{id: web, service: recorder, port: 8080}]}
links:
  - {between: [clients, online]}
  - {between: [online, test]}
engines:
  copy: {on: online, map: "80 -> test:8080"}
  intercept: {on: test}
traffic:
  - {id: http, kind: http, from: clients, to: online:80}
timeline:
  - )" + entry + "\n",
                                      "t.yaml");
  EXPECT_TRUE(all) << all.error().text();
  return all && all->front().timeline.size() == 1 ? all->front() : Scenario{};
}

TEST(TimelineWait, AFigure) {
  const auto s = read("{when: traffic.requests >= 200, within: 5s, kill: copy}");
  const auto& f = s.timeline.at(0);
  ASSERT_TRUE(f.wait && f.wait->condition);
  EXPECT_EQ(f.wait->condition->metric, "traffic.requests");
  EXPECT_EQ(f.wait->condition->value, 200);
  EXPECT_EQ(f.wait->within, 5s);
  EXPECT_EQ(f.when, 0s);
  EXPECT_FALSE(s.links[0].impaired) << "figures need no link stage";
}
TEST(TimelineWait, AProgramFromATimeOn) {
  const auto s = read("{at: 1s, when: test.web ready, within: 5s, kill: copy}");
  const auto& f = s.timeline.at(0);
  ASSERT_TRUE(f.wait);
  EXPECT_EQ(f.wait->ready, "test.web");
  EXPECT_EQ(f.when, 1s);
}
TEST(TimelineWait, ASessionsStateInOneWord) {
  for (const auto& [word, sees] : {std::pair{"opened", "SYN from clients"},
                                   {"established", "SYN-ACK from test"},
                                   {"answered", "DATA from test"},
                                   {"closing", "FIN from clients"}}) {
    const auto s =
        read(std::string("{when: session 17 ") + word + ", within: 5s, isolate: clients}");
    const auto& f = s.timeline.at(0);
    ASSERT_TRUE(f.wait && f.wait->sighting) << word;
    EXPECT_EQ(f.wait->sighting->text, std::string("session 17 sees ") + sees);
    EXPECT_EQ(f.wait->text, std::string("session 17 ") + word);
  }
}
TEST(TimelineWait, ASessionsPacketNeedsLinkStages) {
  const auto s = read("{when: any session sees RST on online-test, within: 5s, kill: copy}");
  EXPECT_TRUE(s.links[0].impaired);
  EXPECT_TRUE(s.links[1].impaired);
}
TEST(TimelineBuffers, AreGivenBackAfterATime) {
  const auto s = read("{at: 50ms, buffers: 8KiB, on: test, for: 200ms}");
  const auto& f = s.timeline.at(0);
  EXPECT_EQ(f.action, FaultAction::buffers);
  EXPECT_EQ(f.buffer_bytes, 8192U);
  EXPECT_EQ(f.on, "test");
  EXPECT_EQ(f.lasting, 200ms);
  EXPECT_EQ(read("{at: 50ms, buffers: default, on: test}").timeline.at(0).buffer_bytes, 0U);
}

}  // namespace
}  // namespace mirrorlab::scenario
