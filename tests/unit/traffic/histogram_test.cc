#include "harness/traffic/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "harness/traffic/random.h"

namespace mirrorlab::traffic {
namespace {

TEST(Histogram, EmptyGivesZero) {
  const Histogram h;
  EXPECT_EQ(h.percentile(0.5), 0);
  EXPECT_EQ(h.count(), 0U);
}
TEST(Histogram, SmallValuesAreExact) {
  Histogram h;
  for (int64_t v = 0; v < 64; ++v) h.add(v);
  EXPECT_EQ(h.percentile(0.5), 31);
  EXPECT_EQ(h.percentile(1), 63);
  EXPECT_EQ(h.max(), 63);
}
TEST(Histogram, PercentilesAreWithinOnePercent) {
  Histogram h;
  Random random(7);
  std::vector<int64_t> values;
  for (int i = 0; i < 20000; ++i) {
    const auto v = static_cast<int64_t>(random.next() >> random.between(24, 62));
    values.push_back(v);
    h.add(v);
  }
  std::ranges::sort(values);
  for (const double p : {0.01, 0.25, 0.5, 0.9, 0.99, 0.999}) {
    const auto at = static_cast<size_t>(std::ceil(p * static_cast<double>(values.size()))) - 1;
    const auto exact = static_cast<double>(values[at]);
    EXPECT_NEAR(h.percentile(p), exact, exact * 0.01 + 0.5) << p;
  }
}
TEST(Histogram, ValuesOutOfRangeAreKeptAtTheEnds) {
  Histogram h;
  h.add(-5);
  h.add(INT64_MAX);
  EXPECT_EQ(h.percentile(0.5), 0);
  EXPECT_EQ(h.max(), INT64_MAX);
  EXPECT_GT(h.percentile(1), 1e12);
}
}  // namespace
}  // namespace mirrorlab::traffic
