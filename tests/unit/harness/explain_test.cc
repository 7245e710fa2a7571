#include "harness/cli/explain.h"

#include <gtest/gtest.h>

#include "harness/scenario/scenario_file.h"

namespace mirrorlab::cli {
namespace {

constexpr const char* kText = R"(schema: 1
name: shop
about: Loss on the way.
seed: 7
control: {runs: 3, timeline: false}
nodes:
  clients: {role: clients, count: 3}
  online: {role: online, run: [{id: web, service: recorder, port: 80}]}
  test: {role: test, run: [{id: web, service: nginx, port: 8080}]}
links:
  - {between: [clients, online]}
  - {between: [online, test], delay: 5ms, there: {loss: 0.5%}}
engines:
  copy: {on: online, map: "80 -> test:8080", options: [--no-wait]}
  intercept: {on: test}
traffic:
  - {id: http, kind: http, from: clients, to: online:80, connections: 2 per client, requests: 10}
timeline:
  - {at: 1s, kill: intercept, restart_after: 200ms}
  - {at: 2s, link: [online, test], loss: 10%, for: 500ms}
  - {at: 3s, when: copy ready, within: 4s, buffers: 8KiB, on: test, for: 1s}
expect:
  - sessions.exact == 100%
)";

TEST(Explain, SaysEveryPartOfAScenario) {
  const auto read = scenario::read_scenario_text(kText, "shop.yaml");
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(explain(read->front()), R"(shop
  Loss on the way.
nodes
  clients     3 clients, the first 10.1.0.1
  online      online, 10.200.0.1; recorder `web` on port 80
  test        test, 10.200.0.2; nginx `web` on port 8080
links
  clients - online: 10.201.0.1/30 - 10.201.0.2/30, MTU 1500
  online - test: 10.201.0.5/30 - 10.201.0.6/30, MTU 1500; through the link stage: there delay 5ms, loss 0.5%, back delay 5ms
engines
  copy        copy on online, 80 -> test:8080, headers from intercept --no-wait
  intercept   intercept on test
traffic
  http        from clients to online:80, http, 2 connection(s) per client of 10 request(s), kept alive
  control     the same without engines first, 3 times, without the timeline
timeline
  1s          kill intercept, started again after 200ms
  2s          link online - test: loss 10%, for 500ms
  3s          `copy ready`, within 4s: socket buffers of test: 8192 B, for 1s
must hold
  at the end  sessions.exact == 100%
seed 7, traffic at most 30s, drain at most 10s
)");
}

TEST(Explain, ACleanLinkIsCalledSo) { EXPECT_EQ(describe({}), "clean"); }

}  // namespace
}  // namespace mirrorlab::cli
