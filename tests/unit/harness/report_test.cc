// What a reader of the report gets: failures first, figures with units, the command to see it
// again.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <set>

#include "harness/report/text.h"
#include "harness/scenario/expression.h"

namespace mirrorlab::report {
namespace {

Result passed() {
  Result r;
  r.name = "shop";
  r.path = "shop.yaml";
  r.seed = 42;
  r.verdict = "passed";
  r.reproduce = "mirrorlab run shop.yaml --seed 42";
  r.duration_s = {{"traffic", 2.0}};
  r.verified.metrics = {{"online.sessions", 100},    {"online.requests", 2500},
                        {"online.bytes", 2097152},   {"sessions.exact", 100},
                        {"requests.mirrored", 2500}, {"bytes.mirrored", 2097152},
                        {"duration.traffic", 2}};
  r.copy = {{"cpu_s", 0.05}, {"peak_rss_bytes", 1048576}};
  return r;
}

TEST(ReportText, SaysWhatWasDoneMirroredAndWhatItCost) {
  const std::string t = to_text(passed());
  for (const char* part :
       {"shop: PASSED  (seed 42, 2.0 s)", "2,500 requests, 2.0 MiB", "(1,250 requests/s)",
        "100 of 100 sessions byte for byte", "lost       nothing",
        "copy 2.00 CPU s per 100,000 requests, 1.0 MiB at its peak", "mirrorlab run shop.yaml"}) {
    EXPECT_NE(t.find(part), std::string::npos) << part << " is not in:\n" << t;
  }
}
TEST(ReportText, FailuresComeFirst) {
  Result r = passed();
  r.verdict = "failed";
  r.reason = "sessions.exact == 100% does not hold";
  r.expectations = {{"sessions.exact == 100%", false, "99 of 100"}};
  r.verified.checks = {{"explained", false, "1 session lost without a reason that holds", {}}};
  r.verified.lost = {{"unexplained", "copy", 1, 2048}};
  r.verified.problems = {"10.1.0.1:4000: only 5 of 10 stream bytes reached the test host"};
  const std::string t = to_text(r);
  size_t last = 0;
  for (const char* part :
       {"FAILED", "why ", "but it was 99 of 100", "check      explained failed", "10.1.0.1:4000",
        "done ", "1 sessions lost 2.0 KiB in the copy engine: unexplained"}) {
    const size_t at = t.find(part);
    ASSERT_NE(at, std::string::npos) << part << " is not in:\n" << t;
    EXPECT_GT(at, last) << part << " comes too early in:\n" << t;
    last = at;
  }
}
TEST(ReportText, EveryLossReasonHasWords) {
  for (const char* reason :
       {"capture_gap", "test_closed_first", "copy_outage", "never_captured", "unexplained"}) {
    EXPECT_EQ(reason_words(reason).find("of the engine's own"), std::string::npos) << reason;
  }
}
TEST(ReportText, Numbers) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(12345678), "12,345,678");
  EXPECT_EQ(size_text(1023), "1023 B");
  EXPECT_EQ(size_text(1536), "1.5 KiB");
  EXPECT_EQ(milliseconds_text(0.314), "0.31 ms");
  EXPECT_EQ(milliseconds_text(25), "25 ms");
  EXPECT_EQ(milliseconds_text(2500), "2.50 s");
}
TEST(ReportJson, ARunThatNeverBeganHasAllFieldsToo) {
  Result r;
  r.verdict = "skipped";
  const auto j = to_json(r);
  for (const char* key : {"schema_version", "scenario", "variant", "seed", "verdict", "reason",
                          "duration_s", "online", "test", "mirror", "lost", "isolation",
                          "latency_ms", "engines", "expectations", "artifacts"}) {
    EXPECT_TRUE(j.contains(key)) << key;
  }
}

// docs/VERIFIER.md lists the metrics that conditions may name, no more and no fewer.
TEST(Documentation, ListsEveryMetricWithItsUnitAndBase) {
  std::ifstream in(std::string(MIRRORLAB_SOURCE_DIR) + "/docs/VERIFIER.md");
  ASSERT_TRUE(in);
  std::set<std::string> documented;
  bool metrics = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("## ")) metrics = line == "## Metrics";
    if (metrics && line.starts_with("| ") && !line.starts_with("| metric ")) {
      documented.insert(line);
    }
  }
  static constexpr std::array kUnits{"count", "bytes", "ms", "s"};
  for (const auto& metric : scenario::metric_names()) {
    const std::string begin = "| " + std::string(metric.name) + " | " +
                              kUnits[static_cast<size_t>(metric.measure)] + " | ";
    const std::string end = metric.base.empty() ? " |  |" : " | " + std::string(metric.base) + " |";
    const auto row = std::ranges::find_if(documented, [&](const std::string& line) {
      return line.starts_with(begin) && line.ends_with(end);
    });
    EXPECT_NE(row, documented.end()) << "docs/VERIFIER.md lacks a row `" << begin << "..." << end;
    if (row != documented.end()) documented.erase(row);
  }
  EXPECT_TRUE(documented.empty()) << "no such metric: " << *documented.begin();
}
}  // namespace
}  // namespace mirrorlab::report
