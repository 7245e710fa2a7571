// Claims by session and by range, replies held for their owner, peers that leave and come back.
#include "intercept/core/claims.h"

#include <gtest/gtest.h>

namespace mirrorlab::intercept {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

wire::FlowKey flow(uint16_t port) {
  return {{*wire::IpAddress::parse("10.1.0.1"), port}, {*wire::IpAddress::parse("10.2.0.2"), 80}};
}
wire::HeaderRecord reply(uint16_t port, uint32_t seq) {
  wire::HeaderRecord r;
  r.flow = flow(port);
  r.seq = wire::Seq(seq);
  return r;
}
wire::ClaimRange range(const char* prefix, uint8_t bits, uint16_t port = 80) {
  return {*wire::IpAddress::parse(prefix), bits, {*wire::IpAddress::parse("10.2.0.2"), port}};
}

class ClaimsTest : public testing::Test {
 protected:
  struct Delivered {
    PeerId peer;
    uint16_t port;
    uint32_t seq;
    bool operator==(const Delivered&) const = default;
  };
  void TearDown() override { EXPECT_EQ(claims_.check_invariants(), ""); }
  std::vector<Delivered> delivered_;
  ClaimLimits limits_{.hold_time = 3 * kSecond, .held = 8, .sessions = 4, .ranges = 2};
  Claims claims_{limits_, [this](PeerId peer, const wire::HeaderRecord& r) {
                   delivered_.push_back({peer, r.flow.client.port, r.seq.raw()});
                 }};
};

TEST_F(ClaimsTest, DeliversToTheOwnerOnly) {
  claims_.claim(7, flow(1));
  claims_.claim(8, flow(2));
  claims_.on_reply(reply(1, 10), 0);
  claims_.on_reply(reply(2, 20), 0);
  EXPECT_EQ(delivered_, (std::vector<Delivered>{{7, 1, 10}, {8, 2, 20}}));
}

TEST_F(ClaimsTest, HoldsAReplyThatCameBeforeItsClaimAndKeepsTheOrder) {
  claims_.on_reply(reply(1, 10), 0);
  claims_.on_reply(reply(2, 20), 1);
  claims_.on_reply(reply(1, 11), 2);
  EXPECT_TRUE(delivered_.empty());
  claims_.claim(7, flow(1));
  EXPECT_EQ(delivered_, (std::vector<Delivered>{{7, 1, 10}, {7, 1, 11}}));
  EXPECT_EQ(claims_.held(), 1U);
}

TEST_F(ClaimsTest, GivesUpWhatNobodyClaimsInTime) {
  claims_.on_reply(reply(1, 10), 0);
  claims_.on_reply(reply(1, 11), 2 * kSecond);
  claims_.expire(3 * kSecond);
  EXPECT_EQ(claims_.held(), 2U);
  claims_.expire(3 * kSecond + 1);
  EXPECT_EQ(claims_.held(), 1U);
  EXPECT_EQ(claims_.counters().unclaimed, 1U);
  claims_.claim(7, flow(1));
  EXPECT_EQ(delivered_, (std::vector<Delivered>{{7, 1, 11}}));
}

TEST_F(ClaimsTest, HeldRepliesAreBoundedAndCounted) {
  for (uint32_t i = 0; i < 20; ++i) claims_.on_reply(reply(1, i), 0);
  EXPECT_EQ(claims_.held(), limits_.held);
  EXPECT_EQ(claims_.counters().hold_overflow, 12U);
}

TEST_F(ClaimsTest, ClaimedSessionsAreBoundedAndCounted) {
  for (uint16_t port = 1; port <= 10; ++port) claims_.claim(7, flow(port));
  EXPECT_EQ(claims_.sessions(), limits_.sessions);
  EXPECT_EQ(claims_.counters().claims_refused, 6U);
}

TEST_F(ClaimsTest, APeerThatReturnsInTimeGetsWhatCameMeanwhile) {
  claims_.claim(7, flow(1));
  claims_.drop_peer(7, 0);
  claims_.on_reply(reply(1, 10), kSecond);
  claims_.expire(2 * kSecond);
  EXPECT_TRUE(delivered_.empty());
  claims_.claim(9, flow(1));
  EXPECT_EQ(delivered_, (std::vector<Delivered>{{9, 1, 10}}));
  claims_.expire(10 * kSecond);
  claims_.on_reply(reply(1, 11), 10 * kSecond);
  EXPECT_EQ(delivered_.back(), (Delivered{9, 1, 11}));
  EXPECT_EQ(claims_.counters().claims_forgotten, 0U);
}

TEST_F(ClaimsTest, APeerThatStaysAwayIsForgotten) {
  claims_.claim(7, flow(1));
  claims_.claim_range(7, range("10.1.0.0", 16));
  claims_.drop_peer(7, 0);
  EXPECT_FALSE(claims_.idle());
  claims_.expire(3 * kSecond + 1);
  EXPECT_TRUE(claims_.idle());
  EXPECT_EQ(claims_.counters().claims_forgotten, 1U);
}

TEST_F(ClaimsTest, OnlyTheOwnerEndsAClaim) {
  claims_.claim(7, flow(1));
  claims_.unclaim(8, flow(1));
  EXPECT_EQ(claims_.sessions(), 1U);
  claims_.unclaim(7, flow(1));
  EXPECT_EQ(claims_.sessions(), 0U);
}

TEST_F(ClaimsTest, ASessionBeatsARangeAndTheLongerPrefixWins) {
  claims_.claim_range(1, range("10.1.0.0", 16));
  claims_.claim_range(2, range("10.1.0.0", 24));
  claims_.claim(3, flow(5));
  claims_.on_reply(reply(4, 0), 0);
  claims_.on_reply(reply(5, 0), 0);
  EXPECT_EQ(delivered_, (std::vector<Delivered>{{2, 4, 0}, {3, 5, 0}}));
}

TEST_F(ClaimsTest, ARangeTakesWhatWasHeldForIt) {
  claims_.on_reply(reply(1, 10), 0);
  claims_.on_reply(reply(2, 20), 0);
  claims_.claim_range(7, range("10.1.0.1", 32, 0));
  EXPECT_EQ(delivered_.size(), 2U);
  EXPECT_EQ(claims_.held(), 0U);
}

TEST_F(ClaimsTest, AClaimRepeatedByTheSamePeerIsNoNewOne) {
  claims_.claim(7, flow(1));
  claims_.claim(7, flow(1));
  EXPECT_EQ(claims_.sessions(), 1U);
  EXPECT_EQ(claims_.counters().claims_moved, 0U);
  claims_.claim(8, flow(1));
  EXPECT_EQ(claims_.counters().claims_moved, 1U);
}

// Each claim used to look at all held replies; 60,000 of them took minutes.
TEST(HeldReplies, TakingOneFlowDoesNotCostAllOthers) {
  HeldReplies held(60'000);
  for (uint16_t port = 0; port < 60'000; ++port) ASSERT_TRUE(held.add(reply(port, 1), port));
  size_t taken = 0;
  for (uint16_t port = 60'000; port-- > 0;) {
    held.take(flow(port), [&](const wire::HeaderRecord&) { ++taken; });
  }
  EXPECT_EQ(taken, 60'000U);
  EXPECT_STREQ(held.check_invariants(), "");
}

TEST(HeldReplies, AnyOrderOfAddTakeAndExpireKeepsTheLists) {
  HeldReplies held(50);
  uint32_t random = 12345;
  for (int64_t now = 0; now < 20'000; ++now) {
    random = random * 1664525 + 1013904223;
    const auto port = static_cast<uint16_t>(random >> 24U & 15U);
    if ((random >> 16U & 7U) < 5) {
      held.add(reply(port, 0), now);
    } else if ((random >> 16U & 7U) < 7) {
      held.take(flow(port), [](const wire::HeaderRecord&) {});
    } else {
      held.expire(now - 20);
    }
    ASSERT_STREQ(held.check_invariants(), "") << "at " << now;
  }
}

}  // namespace
}  // namespace mirrorlab::intercept
