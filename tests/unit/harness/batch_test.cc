#include "harness/cli/batch.h"

#include <gtest/gtest.h>

namespace mirrorlab::cli {
namespace {

report::Outcome ended(const std::string& variant, const std::string& verdict,
                      const std::string& reason = "") {
  report::Outcome r;
  r.name = "loss";
  r.path = "scenarios/loss.yaml";
  r.variant = variant;
  r.verdict = verdict;
  r.reason = reason;
  r.code = verdict == "passed" ? 0 : verdict == "failed" ? 1 : 77;
  return r;
}

TEST(Batch, AFailureOutweighsWhatHasNoVerdictAndWhatWasSkipped) {
  EXPECT_EQ(combined_exit_code({0, 77, 1, 3}), 1);
  EXPECT_EQ(combined_exit_code({0, 77, 3}), 3);
  EXPECT_EQ(combined_exit_code({1, 130}), 130);
}

TEST(Batch, SkippedOnlyWhenNothingRan) {
  EXPECT_EQ(combined_exit_code({77, 77}), 77);
  EXPECT_EQ(combined_exit_code({77, 0}), 0);
}

TEST(Batch, VariantsAndSeveralScenariosGetDirectoriesOfTheirOwn) {
  BatchOptions into_o;
  into_o.out = "o";
  scenario::Scenario s;
  s.name = "loss";
  EXPECT_EQ(run_directory({}, s, false), "mirrorlab-out/loss");
  EXPECT_EQ(run_directory(into_o, s, false), "o");
  EXPECT_EQ(run_directory(into_o, s, true), "o/loss");
  s.variant = "ip=v6";
  EXPECT_EQ(run_directory(into_o, s, true), "o/loss/ip=v6");
}

TEST(Batch, TheSummaryNamesTheVariantThatFailed) {
  const auto summary =
      matrix_summary({ended("ip=v4", "passed"), ended("ip=v6", "failed", "sessions.exact == 100%"),
                      ended("ip=v6,x", "skipped", "no wrk")});
  EXPECT_EQ(summary["verdict"], "failed");
  EXPECT_EQ(summary["reason"], "ip=v6: sessions.exact == 100%");
  EXPECT_EQ(summary["variants"].size(), 3U);
  EXPECT_EQ(summary["variants"][1]["result"], "ip=v6/result.json");
}

}  // namespace
}  // namespace mirrorlab::cli
