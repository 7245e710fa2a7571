// What the report of the links says of a replay.
#include "harness/cli/link_report.h"

#include <gtest/gtest.h>

namespace mirrorlab::cli {
namespace {

wirebox::Figures replayed(size_t planned, uint64_t there, uint64_t back) {
  wirebox::Figures f;
  f.planned = planned;
  f.counters[0].planned = there;
  f.counters[1].planned = back;
  return f;
}

TEST(LinkReport, AReplayOfAllFaultsNeedsNoWords) {
  EXPECT_EQ(replay_shortfall({replayed(5, 3, 2), replayed(0, 0, 0)}, 0), "");
}

TEST(LinkReport, AReplayInPartSaysHowMuchIsMissing) {
  const auto words = replay_shortfall({replayed(5, 3, 1), replayed(4, 2, 0)}, 0);
  EXPECT_NE(words.find("3 of 9 packets with a fault never came by"), std::string::npos) << words;
}

TEST(LinkReport, FaultsWithoutNamesAreNoReplay) {
  const auto words = replay_shortfall({replayed(5, 3, 2)}, 7);
  EXPECT_NE(words.find("7 faults of the first run have no names"), std::string::npos) << words;
}

}  // namespace
}  // namespace mirrorlab::cli
