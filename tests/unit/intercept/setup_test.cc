// What mirror-intercept reads from and writes to the system's own text formats.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "intercept/driver/host_check.h"
#include "intercept/driver/live_connections.h"
#include "intercept/driver/options.h"
#include "intercept/driver/queue_stats.h"
#include "intercept/driver/route_interception.h"
#include "intercept/driver/rules.h"

namespace mirrorlab::intercept {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(Rules, AreAChainOfTheirOwnThatPassesSomeAndQueuesTheRest) {
  const Rules rules({8080, 80, 8080}, 36, 1, {"10.9.0.0/16", "fd00::1"});
  EXPECT_THAT(
      rules.commands(),
      ElementsAre(
          "iptables -w -t mangle -N mirror-intercept-36",
          "iptables -w -t mangle -A mirror-intercept-36 -d 10.9.0.0/16 -j RETURN",
          "iptables -w -t mangle -A mirror-intercept-36 -p tcp --sport 80 -j NFQUEUE --queue-num "
          "36",
          "iptables -w -t mangle -A mirror-intercept-36 -p tcp --sport 8080 -j NFQUEUE --queue-num "
          "36",
          "iptables -w -t mangle -I OUTPUT -p tcp ! -o lo -j mirror-intercept-36",
          "ip6tables -w -t mangle -N mirror-intercept-36",
          "ip6tables -w -t mangle -A mirror-intercept-36 -d fd00::1 -j RETURN",
          "ip6tables -w -t mangle -A mirror-intercept-36 -p tcp --sport 80 -j NFQUEUE --queue-num "
          "36",
          "ip6tables -w -t mangle -A mirror-intercept-36 -p tcp --sport 8080 -j NFQUEUE "
          "--queue-num 36",
          "ip6tables -w -t mangle -I OUTPUT -p tcp ! -o lo -j mirror-intercept-36"));
}

TEST(Rules, SpreadRepliesOverSeveralQueues) {
  EXPECT_THAT(Rules({80}, 36, 4, {}).commands()[1], HasSubstr("-j NFQUEUE --queue-balance 36:39"));
}

TEST(Rules, NeverBypassTheQueue) {
  for (const auto& line : Rules({80}, 36, 1, {}).commands())
    EXPECT_THAT(line, Not(HasSubstr("bypass")));
}

TEST(Rules, ChainNameFitsTheKernelsLimit) {
  EXPECT_LE(Rules({80}, 65535, 1, {}).chain().size(), 28U);
}

TEST(QueueStats, AreReadForTheOneQueue) {
  std::istringstream table(
      "   35  11111     0 2    80     1     2        9  1\n"
      "   36  31337     5 2   120     7     3     4096  1\n");
  const auto stats = parse_queue_stats(table, 36);
  ASSERT_TRUE(stats);
  EXPECT_EQ(stats->peer_port, 31337U);
  EXPECT_EQ(stats->waiting, 5U);
  EXPECT_EQ(stats->dropped_full, 7U);
  EXPECT_EQ(stats->dropped_user, 3U);
}

TEST(QueueStats, EmptyWhenNobodyIsBound) {
  std::istringstream table("garbage\n   35 1 0 2 80 0 0 9 1\n");
  EXPECT_FALSE(parse_queue_stats(table, 36));
}

TEST(LiveConnections, CountsThoseThatCouldStillAnswer) {
  std::istringstream table(
      "  sl  local_address rem_address   st tx_queue rx_queue\n"
      "   0: 00000000:1F90 00000000:0000 0A 00000000:00000000\n"  // listening
      "   1: 0200020A:1F90 0100010A:C350 01 00000000:00000000\n"  // established
      "   2: 0200020A:1F90 0100010A:C351 06 00000000:00000000\n"  // TIME-WAIT
      "   3: 0200020A:1F90 0100010A:C352 04 00000000:00000000\n"  // FIN-WAIT-1
      "   4: 0100007F:1F90 0100007F:C353 01 00000000:00000000\n"  // loopback
      "   5: 0200020A:0016 0100010A:C354 01 00000000:00000000\n"  // another service
      "   6: cut\n");
  EXPECT_EQ(count_live_connections(table, {8080}), 2U);
}

TEST(HostCheck, FindsRulesThatDropInvalid) {
  EXPECT_THAT(rules_that_drop_invalid("*filter\n:INPUT ACCEPT [0:0]\n"
                                      "-A INPUT -m conntrack --ctstate INVALID -j DROP\n"
                                      "-A INPUT -m conntrack --ctstate INVALID -j ACCEPT\n"
                                      "-A INPUT -p tcp -j DROP\nCOMMIT\n"),
              ElementsAre("-A INPUT -m conntrack --ctstate INVALID -j DROP"));
}

TEST(HostCheck, FindsRulesThatDropReplies) {
  EXPECT_THAT(rules_that_drop_replies("-A OUTPUT -p tcp -m tcp --sport 80 -j DROP\n"
                                      "-A OUTPUT -p tcp -m tcp --sport 8080 -j DROP\n"
                                      "-A POSTROUTING -p tcp -m tcp --sport 80 -j REJECT\n"
                                      "-A OUTPUT -p tcp -m tcp --sport 80 -j ACCEPT\n"
                                      "-A INPUT -p tcp -m tcp --sport 80 -j DROP\n",
                                      {80}),
              ElementsAre("-A OUTPUT -p tcp -m tcp --sport 80 -j DROP",
                          "-A POSTROUTING -p tcp -m tcp --sport 80 -j REJECT"));
}

TEST(HostCheck, FindsForwardingOfTheArrivingDevice) {
  const std::string root = testing::TempDir() + "forwarding";
  std::filesystem::create_directories(root + "/ipv4/conf/eth0");
  std::filesystem::create_directories(root + "/ipv6/conf/all");
  std::ofstream(root + "/ipv4/conf/eth0/forwarding") << "1\n";
  std::ofstream(root + "/ipv6/conf/all/forwarding") << "0\n";
  EXPECT_THAT(forwarding_switches("eth0", root), ElementsAre("net.ipv4.conf.eth0.forwarding"));
  std::ofstream(root + "/ipv4/conf/eth0/forwarding") << "0\n";
  EXPECT_THAT(forwarding_switches("eth0", root), ElementsAre());
}

tl::expected<InterceptOptions, int> parse(std::vector<const char*> words) {
  words.insert(words.begin(), "mirror-intercept");
  return parse_intercept_options(static_cast<int>(words.size()), words.data());
}

TEST(InterceptOptions, DetachCommandNamesPortsAndQueue) {
  const auto o = parse({"--service-port", "80,8080", "--queue-num", "7"});
  ASSERT_TRUE(o);
  EXPECT_EQ(o->detach_command(), "mirror-intercept --detach --service-port 80,8080 --queue-num 7");
}

TEST(InterceptOptions, DetachCommandNamesTheMethod) {
  const auto o = parse({"--service-port", "80", "--via", "mirred", "--device", "eth0,eth1"});
  ASSERT_TRUE(o);
  EXPECT_EQ(o->detach_command(),
            "mirror-intercept --detach --via mirred --service-port 80 --device eth0,eth1 "
            "--queue-num 36");
}

TEST(InterceptOptions, RefuseWhatAMethodDoesNotHave) {
  EXPECT_TRUE(parse({"--service-port", "80", "--queues", "4"}));
  EXPECT_EQ(parse({"--service-port", "80", "--queues", "65"}).error(), 2);
  EXPECT_EQ(parse({"--service-port", "80", "--queues", "2", "--queue-num", "65535"}).error(), 2);
  EXPECT_EQ(parse({"--service-port", "80", "--queues", "4", "--via", "ebpf"}).error(), 2);
  EXPECT_EQ(parse({"--service-port", "80", "--device", "eth0"}).error(), 2);
  EXPECT_EQ(parse({"--service-port", "80", "--via", "drop"}).error(), 2);
}

TEST(InterceptOptions, LibpcapReadsOnAnAssistantOnly) {
  const auto o = parse(
      {"--service-port", "80", "--via", "route", "--reader", "pcap", "--filter", "vlan 7 and tcp"});
  ASSERT_TRUE(o);
  EXPECT_EQ(o->reader, Reader::pcap);
  EXPECT_EQ(o->expression, "vlan 7 and tcp");
  EXPECT_EQ(parse({"--service-port", "80", "--via", "route"})->reader, Reader::ring);
  EXPECT_EQ(parse({"--service-port", "80", "--reader", "pcap"}).error(), 2);
  EXPECT_EQ(parse({"--service-port", "80", "--via", "route", "--reader", "dag"}).error(), 2);
  EXPECT_EQ(parse({"--service-port", "80", "--via", "route", "--filter", "tcp"}).error(), 2);
}

TEST(RouteInterception, DoesNotReadOfADeviceWhoseForwardingItCannotSee) {
  for (const char* reader : {"ring", "pcap"}) {
    const auto o =
        parse({"--service-port", "80", "--via", "route", "--device", "any", "--reader", reader});
    ASSERT_TRUE(o);
    RouteInterception route(*o);
    EXPECT_FALSE(route.check().front().good);
    const auto opened = route.open();
    ASSERT_FALSE(opened);
    EXPECT_THAT(opened.error(), HasSubstr("no network device any"));
  }
}

TEST(Setup, IsPrintedAsCommands) {
  const auto o = parse({"--service-port", "80", "--via", "mirred"});
  ASSERT_TRUE(o);
  EXPECT_EQ(make_interception(*o, {})->commands()[0],
            "ip link add mi-sink36 type veth peer name mi-drain36");
}

TEST(InterceptOptions, RefusesWhatItDoesNotUnderstand) {
  EXPECT_EQ(parse({}).error(), 2);
  EXPECT_EQ(parse({"--service-port", "0"}).error(), 2);
  EXPECT_EQ(parse({"--service-port", "80", "--pass", "host.example"}).error(), 2);
  EXPECT_EQ(parse({"--service-port", "80", "--pass", "10.0.0.0/33"}).error(), 2);
  EXPECT_EQ(parse({"--service-port", "80", "--listen", "36524"}).error(), 2);
  EXPECT_EQ(parse({"--service-port", "80", "--listen", "10.0.0.2:36524"}).error(), 2);
  EXPECT_TRUE(parse({"--service-port", "80", "--listen", "10.0.0.2:36524", "--no-auth"}));
}

}  // namespace
}  // namespace mirrorlab::intercept
