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
  } catch (const std::runtime_error& e) {
    EXPECT_STREQ(e.what(), "engine copy needs a path from online to test; add links");
  }
}
TEST(Plan, ClientsAreNoRouters) {
  const auto s = read(
      "  - {between: [clients, online]}\n  - {between: [clients, test]}\n"
      "  - {between: [online, middle]}\n  - {between: [middle, test]}");
  const Plan plan(s);
  EXPECT_EQ(plan.device_toward("online", "test"), "middle");
}
TEST(Plan, LongNeighbourNamesGetShortDevices) {
  auto s = read(kLine);
  s.nodes[1].name = s.links[0].b = s.links[1].a = "a-router-with-a-long-name";
  const Plan plan(s);
  EXPECT_EQ(plan.device_toward("clients", "online"), "link0");
}
}  // namespace
}  // namespace mirrorlab::cli
