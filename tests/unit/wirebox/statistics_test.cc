// What chance does has the distribution the words promise: chi-square tests with fixed seeds, so
// the outcome is the same in every run. A test is failed above the 99.9 % point of its
// distribution.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <vector>

#include "harness/wirebox/fate.h"
#include "unit/wirebox/frames.h"

namespace mirrorlab::wirebox {
namespace {
using os::kNanosPerMicro;
using os::kNanosPerMilli;
using os::kNanosPerSecond;

// The 99.9 % point of chi-square (Wilson and Hilferty's approximation, 1931).
double limit(size_t degrees) {
  const auto n = static_cast<double>(degrees);
  return n * std::pow(1 - 2 / (9 * n) + 3.0902 * std::sqrt(2 / (9 * n)), 3);
}
// Counts against equal expectations.
double chi_square(const std::vector<uint64_t>& counts) {
  double sum = 0;
  for (const uint64_t n : counts) sum += static_cast<double>(n);
  const double expected = sum / static_cast<double>(counts.size());
  double chi = 0;
  for (const uint64_t n : counts) {
    chi += (static_cast<double>(n) - expected) * (static_cast<double>(n) - expected) / expected;
  }
  return chi;
}
void expect_even(const std::vector<uint64_t>& counts, const char* what) {
  EXPECT_LT(chi_square(counts), limit(counts.size() - 1)) << what;
  EXPECT_GT(*std::ranges::min_element(counts), 20U) << what << ": too few to tell";
}
// Two decisions about the same packet know nothing of each other (one degree of freedom).
void expect_independent(const std::array<std::array<double, 2>, 2>& n, const char* what) {
  const double all = n[0][0] + n[0][1] + n[1][0] + n[1][1];
  double chi = 0;
  for (const size_t i : {0U, 1U}) {
    for (const size_t k : {0U, 1U}) {
      const double expected = (n[i][0] + n[i][1]) * (n[0][k] + n[1][k]) / all;
      chi += (n[i][k] - expected) * (n[i][k] - expected) / expected;
    }
  }
  EXPECT_LT(chi, limit(1)) << what;
}
std::vector<Fate> fates(const Settings& s, uint64_t count, uint64_t flow = 7,
                        Direction direction = Direction::a_to_b, uint64_t seed = 20) {
  const FateTeller teller(seed, "online-test", direction);
  std::vector<Fate> all;
  BurstState burst;
  for (uint64_t i = 0; i < count; ++i) all.push_back(teller.tell({flow, i}, s, burst));
  return all;
}

TEST(Statistics, TheMeasureItselfCanFail) {
  EXPECT_NEAR(limit(1), 10.8, 0.4);
  EXPECT_NEAR(limit(19), 43.8, 0.3);
  EXPECT_GT(chi_square({100, 100, 100, 200}), limit(3));
  EXPECT_LT(chi_square({100, 104, 98, 99}), limit(3));
}
TEST(Statistics, LossIsTheShareAskedForInEveryStretchAndFlow) {
  for (const double loss : {0.01, 0.1, 0.5}) {
    std::vector<uint64_t> by_stretch(20), by_flow(20);
    const auto one = fates({.loss = loss}, 100'000);
    for (size_t i = 0; i < one.size(); ++i) by_stretch[i / 5000] += one[i].lost;
    for (uint64_t flow = 0; flow < 20; ++flow) {
      for (const Fate& f : fates({.loss = loss}, 5000, flow)) by_flow[flow] += f.lost;
    }
    for (const auto& counts : {by_stretch, by_flow}) {
      expect_even(counts, "loss");
      double sum = 0;
      for (const uint64_t n : counts) sum += static_cast<double>(n);
      EXPECT_NEAR(sum / 1e5, loss, 4 * std::sqrt(loss * (1 - loss) / 1e5));
    }
  }
}
TEST(Statistics, LossHasNoMemoryWithoutBursts) {
  std::array<std::array<double, 2>, 2> n{};
  const auto all = fates({.loss = 0.2}, 100'000);
  for (size_t i = 1; i < all.size(); ++i) ++n[all[i - 1].lost][all[i].lost];
  expect_independent(n, "one packet and the next");
}
TEST(Statistics, BurstsHaveEveryLengthUpToTheLongestEquallyOften) {
  for (const double burst : {2.0, 5.0}) {
    const auto longest = static_cast<size_t>(2 * burst - 1);
    std::vector<uint64_t> lengths(longest);
    uint64_t joined = 0, lost = 0;
    constexpr uint64_t kCount = 1'000'000;
    size_t run = 0;
    for (const Fate& f : fates({.loss = 0.01, .burst = burst}, kCount)) {
      lost += f.lost;
      if (!f.lost && run > 0) ++(run <= longest ? lengths[run - 1] : joined);
      run = f.lost ? run + 1 : 0;
    }
    // So rare that two which touch hardly count.
    EXPECT_LT(static_cast<double>(joined), 0.02 * static_cast<double>(lost));
    expect_even(lengths, "burst lengths");
    EXPECT_NEAR(static_cast<double>(lost) / kCount, 0.01, 0.0008);
  }
}
TEST(Statistics, JitterIsEven) {
  std::vector<uint64_t> bins(20);
  for (const Fate& f : fates({.jitter = 1}, 40'000)) {
    ++bins[std::min<size_t>(static_cast<size_t>((f.jitter + 1) * 10), 19)];
  }
  expect_even(bins, "jitter");
}
TEST(Statistics, ReorderDistancesAndFlippedBitsAreEven) {
  std::vector<uint64_t> distances(3), bits(96);
  uint64_t reordered = 0, corrupted = 0;
  for (const Fate& f : fates({.reorder = 0.2, .corrupt = 0.2}, 100'000)) {
    if (f.overtaken_by > 0) ++distances[f.overtaken_by - 1];
    if (f.corrupted) ++bits[f.corrupt_bit % bits.size()];
    reordered += f.overtaken_by > 0;
    corrupted += f.corrupted;
  }
  expect_even(distances, "distance");
  expect_even(bits, "bit");
  EXPECT_NEAR(static_cast<double>(reordered), 20'000, 4 * std::sqrt(16'000));
  EXPECT_NEAR(static_cast<double>(corrupted), 20'000, 4 * std::sqrt(16'000));
}
TEST(Statistics, NoDecisionKnowsOfAnother) {
  const Settings s{.loss = 0.2, .reorder = 0.2, .duplicate = 0.2, .corrupt = 0.2};
  const auto there = fates(s, 100'000);
  const auto back = fates(s, 100'000, 7, Direction::b_to_a);
  const auto other = fates(s, 100'000, 8);
  const auto seed = fates(s, 100'000, 7, Direction::a_to_b, 21);
  std::map<const char*, std::array<std::array<double, 2>, 2>> tables;
  for (size_t i = 0; i < there.size(); ++i) {
    const Fate& f = there[i];
    ++tables["loss and duplication"][f.lost][f.duplicated];
    ++tables["loss and corruption"][f.lost][f.corrupted];
    ++tables["loss and reorder"][f.lost][f.overtaken_by > 0];
    ++tables["duplication and corruption"][f.duplicated][f.corrupted];
    ++tables["there and back"][f.lost][back[i].lost];
    ++tables["one flow and another"][f.lost][other[i].lost];
    ++tables["one seed and another"][f.lost][seed[i].lost];
  }
  for (const auto& [what, table] : tables) expect_independent(table, what);
}
TEST(Statistics, ARateIsThatRateWhateverThePacketSizes) {
  constexpr uint64_t kRate = 50'000'000;
  Bench b({.rate_bits = kRate, .queue_bytes = 100'000});
  const auto began = b.now;
  uint64_t offered = 0;
  for (uint32_t i = 0; b.now < began + kNanosPerSecond; ++i) {
    const auto made = tcp_frame(kClientText, kServerText, i, std::string(scatter(i) % 1400, 'x'));
    offered += made.bytes.size();
    b.take(made);
    b.move_to(b.now + 60 * kNanosPerMicro);
  }
  uint64_t bytes = 0;
  for (const Sent& s : b.sent) bytes += s.bytes.size();
  EXPECT_GT(offered, kRate / 8 * 2) << "more than fits";
  EXPECT_NEAR(static_cast<double>(bytes), kRate / 8.0, kRate / 8.0 * 0.002);
  // And never faster, not even for a moment: any stretch takes its bytes' time.
  uint64_t stretch = 0;
  for (size_t i = 1; i < b.sent.size(); ++i) {
    stretch += b.sent[i].bytes.size();
    ASSERT_GE(static_cast<double>(b.sent[i].at - b.sent[0].at) + 1000,
              static_cast<double>(stretch) * 8e9 / kRate * 0.999)
        << i;
  }
}
TEST(Statistics, AQueueHoldsItsBytes) {
  const size_t frame = tcp_frame(kClientText, kServerText, 0, std::string(946, 'x')).bytes.size();
  ASSERT_EQ(frame, 1000U);
  Bench b({.rate_bits = 8'000'000, .queue_bytes = 20'000});  // 1 ms a frame
  for (uint32_t i = 0; i < 100; ++i) {
    b.take(tcp_frame(kClientText, kServerText, i, std::string(946, 'x')));
  }
  EXPECT_EQ(b.way.counters().dropped[static_cast<size_t>(Cause::queue)], 80U);
  b.move_to(b.now + kNanosPerSecond);
  EXPECT_EQ(b.sent.size(), 20U);
}
TEST(Statistics, DelayAndJitterOfPacketsApartLieWhereTheyShould) {
  Bench b({.delay = 10 * kNanosPerMilli, .jitter = 4 * kNanosPerMilli});
  std::vector<uint64_t> bins(16);
  for (uint32_t i = 0; i < 4000; ++i) {
    const auto began = b.now;
    b.take(tcp_frame(kClientText, kServerText, i, "x"));
    b.move_to(b.now + 20 * kNanosPerMilli);  // none waits for the one before it
    const auto took = b.sent.back().at - began;
    ASSERT_GE(took, 6 * kNanosPerMilli);
    ASSERT_LE(took, 14 * kNanosPerMilli);
    ++bins[std::min<size_t>(static_cast<size_t>((took - 6 * kNanosPerMilli) * 2 / kNanosPerMilli),
                            15)];
  }
  expect_even(bins, "delay");
}
}  // namespace
}  // namespace mirrorlab::wirebox
