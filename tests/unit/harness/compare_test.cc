// Our engines and others in one table.
#include "harness/cli/compare.h"

#include <gtest/gtest.h>

#include "harness/scenario/scenario_file.h"

namespace mirrorlab::cli {
namespace {

report::Outcome outcome(uint64_t mirrored) {
  report::Outcome o;
  o.name = "loss";
  o.variant = "ip=v4";
  o.verdict = "passed";
  o.json = {{"online", {{"requests", 200}, {"sessions", 10}}},
            {"mirror", {{"sessions_exact", mirrored / 20}}},
            {"metrics", {{"requests.mirrored", mirrored}}},
            {"engines",
             {{"copy", {{"cpu_s", 0.004}, {"peak_rss_bytes", 3 << 20}}},
              {"intercept", {{"cpu_s", 0.002}, {"peak_rss_bytes", 2 << 20}}}}},
            {"latency_ms", {{"online", {{"p50", 0.5}, {"p99", 1.25}}}}}};
  return o;
}

TEST(Compare, EveryScenarioHasALineOfEach) {
  scenario::EnginesFile others;
  others.name = "others";
  const auto text = comparison({outcome(200), outcome(100)}, others);
  EXPECT_NE(text.find("loss [ip=v4]                 mirrorlab      100.0 %   100.0 %       200"
                      "    2.00 + 1.00         3 + 2     0.50 / 1.25\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("loss [ip=v4]                 others          50.0 %    50.0 %"),
            std::string::npos)
      << text;
}

TEST(Compare, ARunWithoutFiguresSaysWhy) {
  report::Outcome nothing;
  nothing.name = "loss";
  nothing.reason = "their-copy ended with 1";
  scenario::EnginesFile others;
  others.name = "others";
  EXPECT_NE(comparison({outcome(200), nothing}, others).find("error: their-copy ended with 1"),
            std::string::npos);
}

}  // namespace
}  // namespace mirrorlab::cli
