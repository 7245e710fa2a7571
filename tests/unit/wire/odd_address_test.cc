// Addresses and endpoints as text: what is taken, and what only looks right.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "wire/flow.h"

namespace mirrorlab::wire {
namespace {
using namespace std::string_literals;

TEST(OddAddress, WhatIsTaken) {
  EXPECT_EQ(IpAddress::parse("[fd00::1]")->to_string(), "fd00::1");
  EXPECT_EQ(IpAddress::parse("::ffff:10.0.0.1")->family(), Family::v6);
  EXPECT_EQ(Endpoint::parse("0.0.0.0:0")->to_string(), "0.0.0.0:0");
  EXPECT_EQ(Endpoint::parse("[::]:65535")->to_string(), "[::]:65535");
}

TEST(OddAddress, WhatIsNot) {
  for (const auto& text : {""s, "10.0.0"s, "10.0.0.256"s, "010.0.0.1"s, "10.0.0.1 "s, " 10.0.0.1"s,
                           "[10.0.0.1]"s, "["s, "]"s, "[]"s, "[[::1]]"s, "[::1"s, "::1]"s,
                           "fe80::1%eth0"s, "10.0.0.1\0"s, "::1\0:"s, std::string(100'000, ':')}) {
    EXPECT_FALSE(IpAddress::parse(text).has_value()) << text.substr(0, 40);
  }
  for (const auto& text : {""s, ":"s, ":80"s, "10.0.0.1:"s, "10.0.0.1:-1"s, "10.0.0.1:+1"s,
                           "10.0.0.1:65536"s, "10.0.0.1:80 "s, "10.0.0.1:0x50"s, "[::1]80"s,
                           "::1:80"s, "[10.0.0.1]:80"s, "10.0.0.1:80:80"s, "10.0.0.1\0:80"s}) {
    EXPECT_FALSE(Endpoint::parse(text).has_value()) << text;
  }
}

TEST(OddAddress, FamiliesDoNotMeet) {
  const auto v4 = *IpAddress::parse("0.0.0.0");
  const auto v6 = *IpAddress::parse("::");
  EXPECT_NE(v4, v6);
  EXPECT_TRUE(v4.is_unspecified());
  EXPECT_TRUE(v6.is_unspecified());
  EXPECT_TRUE(IpAddress::parse("127.8.9.1")->is_loopback());
  EXPECT_TRUE(IpAddress::parse("::1")->is_loopback());
  EXPECT_FALSE(IpAddress::parse("::2")->is_loopback());
  EXPECT_FALSE(IpAddress::parse("128.0.0.1")->is_loopback());
}

// Hosts and ports of a fleet count up together; what they have in common must not show.
TEST(FlowHash, TellsNeighboursApart) {
  for (const char* net : {"10.0.1.", "fd00:1::"}) {
    std::set<uint64_t> endpoints, flows;
    const Endpoint server{*IpAddress::parse(std::string(net) + "9"), 80};
    for (int host = 1; host < 100; ++host) {
      const auto address = *IpAddress::parse(net + std::to_string(host));
      for (uint16_t port = 40'000; port < 40'400; ++port) {
        endpoints.insert(hash_value(Endpoint{address, port}));
        flows.insert(hash_value(FlowKey{{address, port}, server}));
      }
    }
    EXPECT_EQ(endpoints.size(), 99U * 400U) << net;
    EXPECT_EQ(flows.size(), 99U * 400U) << net;
  }
}

}  // namespace
}  // namespace mirrorlab::wire
