// A minimal subset that still fails, within a budget.
#include "harness/cli/minimize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace mirrorlab::cli {
namespace {
using Subset = std::vector<size_t>;

bool holds(const Subset& s, const Subset& needed) { return std::ranges::includes(s, needed); }

TEST(Minimize, FindsExactlyWhatIsNeeded) {
  for (const Subset& needed : std::vector<Subset>{{0}, {99}, {3, 50}, {0, 1, 2}, {7, 40, 41, 98}}) {
    std::set<Subset> asked;
    const auto m = minimize(100, 10'000, [&](const Subset& s) {
      EXPECT_TRUE(asked.insert(s).second) << "asked twice";
      EXPECT_TRUE(std::ranges::is_sorted(s));
      return holds(s, needed);
    });
    EXPECT_EQ(m.kept, needed);
    EXPECT_TRUE(m.minimal);
    EXPECT_EQ(m.tests, asked.size());
  }
}
TEST(Minimize, ASingleCulpritOfManyIsFoundInFewRuns) {
  const auto m = minimize(1000, 40, [&](const Subset& s) { return holds(s, {777}); });
  EXPECT_EQ(m.kept, Subset{777});
  EXPECT_LE(m.tests, 25U);
}
TEST(Minimize, NothingIsNeededWhenItFailsWithout) {
  const auto m = minimize(50, 10, [](const Subset&) { return true; });
  EXPECT_TRUE(m.kept.empty());
  EXPECT_EQ(m.tests, 1U);
  EXPECT_TRUE(minimize(0, 10, [](const Subset&) { return false; }).kept.empty());
}
TEST(Minimize, EverythingIsKeptWhenAllIsNeeded) {
  const auto m = minimize(8, 1000, [](const Subset& s) { return s.size() == 8; });
  EXPECT_EQ(m.kept.size(), 8U);
  EXPECT_TRUE(m.minimal);
}
TEST(Minimize, EitherOfTwoWillDo) {
  const auto m = minimize(20, 1000, [](const Subset& s) {
    return std::ranges::find(s, 4U) != s.end() || std::ranges::find(s, 15U) != s.end();
  });
  EXPECT_EQ(m.kept.size(), 1U);
}
TEST(Minimize, StopsWhenTheBudgetIsOverAndSaysSo) {
  size_t runs = 0;
  const auto m = minimize(64, 5, [&](const Subset& s) {
    ++runs;
    return holds(s, {1, 30, 60});
  });
  EXPECT_EQ(runs, 5U);
  EXPECT_FALSE(m.minimal);
  EXPECT_TRUE(holds(m.kept, {1, 30, 60}));
}
}  // namespace
}  // namespace mirrorlab::cli
