// The fate of a packet is a function of its name and the seed, and of nothing else.
#include "harness/wirebox/fate.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace mirrorlab::wirebox {
namespace {
constexpr uint64_t kPackets = 100'000;

std::vector<bool> losses(const FateTeller& teller, uint64_t flow, const Settings& s,
                         uint64_t count = kPackets) {
  std::vector<bool> lost;
  BurstState burst;
  for (uint64_t i = 0; i < count; ++i) lost.push_back(teller.tell({flow, i}, s, burst).lost);
  return lost;
}
double share(const std::vector<bool>& all) {
  return static_cast<double>(std::count(all.begin(), all.end(), true)) /
         static_cast<double>(all.size());
}

TEST(Fate, SameNameSameFateWhateverHappensBetween) {
  const FateTeller one(7, "online-test", Direction::a_to_b);
  const FateTeller two(7, "online-test", Direction::a_to_b);
  const Settings s{.loss = 0.05, .reorder = 0.1, .duplicate = 0.1, .corrupt = 0.1};
  BurstState a, b, other;
  for (uint64_t i = 0; i < 1000; ++i) {
    const Fate first = one.tell({11, i}, s, a);
    (void)two.tell({12, i}, s, other);  // another flow's packets in between change nothing
    const Fate again = two.tell({11, i}, s, b);
    EXPECT_EQ(first.lost, again.lost);
    EXPECT_EQ(first.duplicated, again.duplicated);
    EXPECT_EQ(first.corrupt_bit, again.corrupt_bit);
    EXPECT_EQ(first.overtaken_by, again.overtaken_by);
  }
}
TEST(Fate, SeedLinkDirectionAndFlowEachMatter) {
  const Settings s{.loss = 0.5};
  std::set<std::vector<bool>> different;
  different.insert(losses(FateTeller(1, "a-b", Direction::a_to_b), 1, s, 64));
  different.insert(losses(FateTeller(2, "a-b", Direction::a_to_b), 1, s, 64));
  different.insert(losses(FateTeller(1, "a-c", Direction::a_to_b), 1, s, 64));
  different.insert(losses(FateTeller(1, "a-b", Direction::b_to_a), 1, s, 64));
  different.insert(losses(FateTeller(1, "a-b", Direction::a_to_b), 2, s, 64));
  EXPECT_EQ(different.size(), 5U);
}
TEST(Fate, LosesTheShareAskedFor) {
  const FateTeller teller(3, "l", Direction::a_to_b);
  for (const double loss : {0.001, 0.01, 0.05, 0.5}) {
    EXPECT_NEAR(share(losses(teller, 5, {.loss = loss})), loss, loss * 0.2) << loss;
  }
  EXPECT_EQ(share(losses(teller, 5, {.loss = 1})), 1);
  EXPECT_EQ(share(losses(teller, 5, {})), 0);
}
TEST(Fate, BurstsKeepTheShareAndHaveTheLengthAskedFor) {
  const FateTeller teller(3, "l", Direction::a_to_b);
  const auto lost = losses(teller, 5, {.loss = 0.05, .burst = 4});
  EXPECT_NEAR(share(lost), 0.05, 0.01);
  uint64_t bursts = 0;
  uint64_t run = 0;
  uint64_t longest = 0;
  for (size_t i = 1; i < lost.size(); ++i) {
    bursts += lost[i] && !lost[i - 1];
    run = lost[i] ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  EXPECT_LE(longest, 21U);  // 7, but bursts may follow each other
  const double mean = share(lost) * kPackets / static_cast<double>(bursts);
  EXPECT_NEAR(mean, 4, 0.5);
}
TEST(Fate, ManyShortFlowsLoseTheShareToo) {
  const FateTeller teller(9, "l", Direction::a_to_b);
  uint64_t lost = 0;
  for (uint64_t flow = 0; flow < 20'000; ++flow) {
    BurstState burst;
    for (uint64_t i = 0; i < 5; ++i) {
      lost += teller.tell({flow, i}, {.loss = 0.05, .burst = 4}, burst).lost;
    }
  }
  EXPECT_NEAR(static_cast<double>(lost) / 100'000, 0.05, 0.005);
}
TEST(Fate, DecisionsAreIndependent) {
  const FateTeller teller(3, "l", Direction::a_to_b);
  BurstState a, b;
  uint64_t both = 0;
  for (uint64_t i = 0; i < kPackets; ++i) {
    const Fate little = teller.tell({5, i}, {.loss = 0.1, .duplicate = 0.1}, a);
    const Fate much = teller.tell({5, i}, {.loss = 0.3, .duplicate = 0.1}, b);
    EXPECT_EQ(little.duplicated, much.duplicated);
    both += little.lost && little.duplicated;
  }
  EXPECT_NEAR(static_cast<double>(both), 1000, 150);
}
TEST(Fate, ReorderAndJitterStayInTheirBounds) {
  const FateTeller teller(3, "l", Direction::a_to_b);
  BurstState burst;
  for (uint64_t i = 0; i < 1000; ++i) {
    const Fate f = teller.tell({5, i}, {.jitter = 1, .reorder = 1}, burst);
    EXPECT_GE(f.overtaken_by, 1);
    EXPECT_LE(f.overtaken_by, 3);
    EXPECT_GE(f.jitter, -1);
    EXPECT_LE(f.jitter, 1);
  }
}
}  // namespace
}  // namespace mirrorlab::wirebox
