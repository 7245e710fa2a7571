// "Did you mean": near names are found, far ones are not guessed.
#include "harness/scenario/suggest.h"

#include <gtest/gtest.h>

#include <vector>

namespace mirrorlab::scenario {
namespace {

const std::vector<std::string> kKnown{"delay", "jitter", "loss", "reorder"};

TEST(Suggestion, OneSlipIsFound) {
  for (const char* slip : {"dealy", "delya", "dely", "delayy", "delax"}) {
    EXPECT_EQ(suggestion(slip, kKnown), " (did you mean `delay`?)") << slip;
  }
}

TEST(Suggestion, TheNearestWins) {
  EXPECT_EQ(suggestion("los", kKnown), " (did you mean `loss`?)");
}

TEST(Suggestion, FarNamesGetTheList) {
  EXPECT_EQ(suggestion("bandwidth", kKnown), " (known: delay, jitter, loss, reorder)");
}

TEST(Suggestion, NothingKnownNothingSaid) { EXPECT_EQ(suggestion("x", {}), ""); }

TEST(Suggestion, LongListsAreNotPrinted) {
  const std::vector<std::string> many(25, "something-else");
  EXPECT_EQ(suggestion("x", many), "");
}

TEST(Suggestion, HugeNamesCostLittle) {
  EXPECT_EQ(suggestion(std::string(1 << 20, 'a'), kKnown),
            " (known: delay, jitter, loss, reorder)");
}

}  // namespace
}  // namespace mirrorlab::scenario
