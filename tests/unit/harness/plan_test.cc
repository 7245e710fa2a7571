// Addresses, devices and routes of a topology.
#include "harness/cli/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "harness/scenario/scenario_file.h"

namespace mirrorlab::cli {
namespace {

scenario::Scenario read(const std::string& links, const std::string& top = "") {
  const std::string text = "schema: 1\nname: t\n" + top +
                           R"(
nodes:
  clients: {role: clients, count: 3}
  middle: {role: router}
  online: {role: online, run: [{service: recorder, port: 80}]}
  test: {role: test, run: [{service: recorder, port: 80}]}
links:
)" + links + R"(
engines:
  copy: {on: online, map: "80 -> test:80"}
  intercept: {on: test}
traffic: [{kind: http, from: clients, to: "online:80"}]
)";
  auto all = scenario::read_scenario_text(text, "t.yaml");
  EXPECT_TRUE(all) << (all ? "" : all.error().text());
  return all->front();
}
const std::string kLine =
    "  - {between: [clients, middle]}\n  - {between: [middle, online]}\n  - {between: [online, "
    "test]}";

TEST(Plan, EveryNodeReachesEveryOtherByTheFewestLinks) {
  const auto s = read(kLine);
  const Plan plan(s);
  EXPECT_EQ(plan.device_toward("clients", "test"), "middle");
  EXPECT_EQ(plan.device_toward("test", "clients"), "online");
  EXPECT_EQ(plan.device_toward("online", "clients"), "middle");
  for (const auto& n : s.nodes) {
    const auto routes = plan.routes(n.name);
    EXPECT_EQ(routes.size(), 3U) << n.name;
  }
  // A reply of the test host has a way to the clients: what keeps it from them is the intercept.
  const auto routes = plan.routes("test");
  EXPECT_TRUE(std::ranges::any_of(
      routes, [&](const Plan::Route& r) { return r.prefix == plan.prefix("clients"); }));
}
TEST(Plan, AddressesAreUniqueInBothFamilies) {
  for (const char* ip : {"ip: v4", "ip: v6"}) {
    const auto s = read(kLine, ip);
    const Plan plan(s);
    std::set<std::string> seen;
    for (const auto& n : s.nodes) EXPECT_TRUE(seen.insert(plan.address(n.name).to_string()).second);
    for (const auto& l : plan.links()) {
      EXPECT_TRUE(seen.insert(l.a.address).second);
      EXPECT_TRUE(seen.insert(l.b.address).second);
    }
    EXPECT_EQ(plan.address("clients").is_v4(), s.ip == scenario::Ip::v4);
  }
}
TEST(Plan, WithoutAPathSaysWhoNeedsOne) {
  const auto s = read("  - {between: [clients, online]}");
  try {
    const Plan plan(s);
    FAIL() << "accepted a test host that cannot be reached";
  } catch (const PlanError& e) {
    EXPECT_STREQ(
        e.what(),
        "engines.copy: no path from `online` to `test`, which it mirrors to: links lead from "
        "`online` to `clients` only; add `{between: [online, test]}` under links, or a way "
        "around");
    EXPECT_GT(e.at().line, 1);
  }
}
TEST(Plan, ClientsAreNoRouters) {
  const auto s = read(
      "  - {between: [clients, online]}\n  - {between: [clients, test]}\n"
      "  - {between: [online, middle]}\n  - {between: [middle, test]}");
  const Plan plan(s);
  EXPECT_EQ(plan.device_toward("online", "test"), "middle");
}
TEST(Plan, AnAssistantForwardsNothing) {
  auto s = read(
      "  - {between: [clients, online]}\n  - {between: [online, middle]}\n"
      "  - {between: [middle, test]}");
  s.nodes[1].role = scenario::Role::assistant;
  try {
    const Plan plan(s);
    FAIL() << "accepted a way through an assistant";
  } catch (const PlanError& e) {
    EXPECT_NE(
        std::string(e.what()).find("`middle`, which has the role assistant, forwards nothing"),
        std::string::npos)
        << e.what();
  }
}
TEST(Plan, LongNeighbourNamesGetShortDevices) {
  auto s = read(kLine);
  s.nodes[1].name = s.links[0].b = s.links[1].a = "a-router-with-a-long-name";
  const Plan plan(s);
  EXPECT_EQ(plan.device_toward("clients", "online"), "link0");
}

scenario::Scenario read_nodes(const std::string& nodes, const std::string& links,
                              const std::string& top = "") {
  const std::string text = "schema: 1\nname: t\n" + top + "\nnodes:\n" + nodes + "links:\n" + links;
  auto all = scenario::read_scenario_text(text, "t.yaml");
  EXPECT_TRUE(all) << (all ? "" : all.error().text());
  return all->front();
}
const std::string kThree =
    "  clients: {role: clients, count: 300, mode: netns}\n  online: {role: online}\n"
    "  test: {role: test}\n";

TEST(Plan, HostsOnABridgeAreNeighboursByTheirAddressThere) {
  const auto s = read_nodes(kThree + "  one: {role: bridge}\n  two: {role: bridge}\n",
                            "  - {between: [clients, one]}\n  - {between: [online, one]}\n"
                            "  - {between: [one, two]}\n  - {between: [test, two]}\n");
  const Plan plan(s);
  EXPECT_EQ(plan.address("online").to_string(), "10.208.0.2");
  EXPECT_EQ(plan.address("test").to_string(), "10.208.0.3");
  EXPECT_EQ(plan.loopback("test"), "");
  EXPECT_EQ(plan.device_toward("test", "clients"), "two");
  // Only what lies behind a neighbour needs a route.
  const auto routes = plan.routes("test");
  ASSERT_EQ(routes.size(), 1U);
  EXPECT_EQ(routes[0].prefix, "10.1.0.0/16");
  EXPECT_EQ(routes[0].gateway, "10.208.0.1");
  EXPECT_EQ(plan.links()[2].a.address, "");
}
TEST(Plan, ClientsThatAreHostsHaveABridgeAsTheirGateway) {
  for (const char* ip : {"ip: v4", "ip: v6"}) {
    const auto s =
        read_nodes(kThree, "  - {between: [clients, online]}\n  - {between: [online, test]}\n", ip);
    const Plan plan(s);
    const bool v6 = s.ip == scenario::Ip::v6;
    EXPECT_EQ(plan.client("clients", 0), plan.address("clients"));
    EXPECT_EQ(plan.client("clients", 299).to_string(), v6 ? "fd00:0:0:1::12c" : "10.1.1.44");
    EXPECT_EQ(plan.gateway("clients"), v6 ? "fd00:0:0:1:ffff::1/64" : "10.1.255.254/16");
    EXPECT_EQ(plan.source("clients"), v6 ? "fd00:0:0:1:ffff::1" : "10.1.255.254");
    EXPECT_EQ(plan.source("online"), plan.address("online").to_string());
  }
}
TEST(Plan, RepliesToClientsGoToTheAssistant) {
  const std::string nodes =
      "  clients: {role: clients, count: 3}\n  online: {role: online}\n"
      "  test: {role: test, assistant: helper}\n  helper: {role: assistant}\n";
  const std::string links = "  - {between: [clients, online]}\n  - {between: [online, test]}\n";
  const auto s = read_nodes(nodes, links + "  - {between: [test, helper]}\n");
  const Plan plan(s);
  EXPECT_EQ(plan.device_toward("test", "clients"), "helper");
  EXPECT_EQ(plan.device_toward("test", "online"), "online");
  const auto apart = read_nodes(nodes, links + "  - {between: [online, helper]}\n");
  EXPECT_THROW(const Plan wrong(apart), std::runtime_error);
}
TEST(Plan, ManyRoutesByOneGatewayAreOneDefaultRoute) {
  std::string nodes = kThree + "  middle: {role: router}\n";
  std::string links =
      "  - {between: [clients, middle]}\n  - {between: [online, middle]}\n"
      "  - {between: [test, middle]}\n";
  for (int i = 0; i < 30; ++i) {
    nodes += "  r" + std::to_string(i) + ": {role: router}\n";
    links += "  - {between: [middle, r" + std::to_string(i) + "]}\n";
  }
  const auto s = read_nodes(nodes, links);
  const Plan plan(s);
  ASSERT_EQ(plan.routes("test").size(), 1U);
  EXPECT_EQ(plan.routes("test")[0].prefix, "0.0.0.0/0");
  EXPECT_EQ(plan.routes("middle").size(), 33U);  // each by a gateway of its own
}
}  // namespace
}  // namespace mirrorlab::cli
