// What several runs of an engine count together.
#include <gtest/gtest.h>

#include "harness/cli/engines.h"

namespace mirrorlab::cli {
namespace {
using nlohmann::json;

TEST(EngineRuns, NumbersAddUpAndPeaksDoNot) {
  const auto sum = add_up({json::parse(R"({"account": {"a": 3, "balances": true},
                                            "peak_rss_bytes": 50, "cpu_s": 0.5, "drained": true})"),
                           json::parse(R"({"account": {"a": 4, "balances": false, "late": {"x": 1}},
                                            "peak_rss_bytes": 70, "cpu_s": 0.25, "drained": true})")});
  EXPECT_EQ(sum["account"]["a"], 7);
  // Why unsigned: the verifier takes nothing else for a count.
  EXPECT_TRUE(sum["account"]["a"].is_number_unsigned());
  EXPECT_EQ(sum["account"]["balances"], false);
  EXPECT_EQ(sum["account"]["late"]["x"], 1);
  EXPECT_EQ(sum["peak_rss_bytes"], 70);
  EXPECT_EQ(sum["cpu_s"], 0.75);
  EXPECT_EQ(sum["drained"], true);
  EXPECT_EQ(sum["runs"], 2);
  EXPECT_EQ(sum["runs_without_figures"], 0);
}
TEST(EngineRuns, AKilledRunIsCounted) {
  const auto sum = add_up({json(), json::parse(R"({"a": 1})")});
  EXPECT_EQ(sum["a"], 1);
  EXPECT_EQ(sum["runs"], 2);
  EXPECT_EQ(sum["runs_without_figures"], 1);
}
TEST(EngineRuns, NoFiguresAtAllAreNull) { EXPECT_TRUE(add_up({json(), json()}).is_null()); }
}  // namespace
}  // namespace mirrorlab::cli
