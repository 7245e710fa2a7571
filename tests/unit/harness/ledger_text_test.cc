#include "harness/report/ledger_text.h"

#include <gtest/gtest.h>

#include "harness/report/text.h"

namespace mirrorlab::report {
namespace {
using verify::Balance;

verify::Ledger ledger() {
  verify::LedgerLine good;
  good.hop = "online > test";
  good.what = "mirrored packets";
  good.counts = "tap / tap";
  good.in = 1204;
  good.out = 1191;
  good.dropped = {{"loss", 13}};
  verify::Ledger l;
  l.lines = {good};
  return l;
}
TEST(LedgerText, SaysThatItBalancesAndWhatDied) {
  EXPECT_EQ(ledger_summary(ledger()), "1 hops balance; 13 packets dropped, each at a named place");
  const std::string table = ledger_table(ledger());
  for (const char* part : {"online > test", "1,204", "1,191", "-13 loss"}) {
    EXPECT_NE(table.find(part), std::string::npos) << part << " is not in:\n" << table;
  }
}
TEST(LedgerText, PointsAtWhatDoesNot) {
  verify::Ledger l = ledger();
  l.lines[0].balance = Balance::unbalanced;
  l.lines[0].unaccounted = 2;
  EXPECT_EQ(ledger_summary(l).substr(0, 29), "1 of 1 hops do not balance; 1");
  EXPECT_NE(ledger_table(l).find("2 vanished  <- UNBALANCED"), std::string::npos);
  l.lines[0].unaccounted = -2;
  EXPECT_NE(ledger_table(l).find("2 out of nothing  <- UNBALANCED"), std::string::npos);
  l.lines[0].balance = Balance::open;
  l.lines[0].remark = "copy was killed";
  EXPECT_NE(ledger_table(l).find("(open: copy was killed)"), std::string::npos);
}
TEST(LedgerText, TheWholeTableIsShownWhenItDoesNotBalanceOrIsAskedFor) {
  Result r;
  r.name = "shop";
  r.verdict = "passed";
  r.verified.metrics = {{"online.sessions", 1}};
  r.verified.ledger = ledger();
  EXPECT_EQ(to_text(r).find("counted by"), std::string::npos);
  r.whole_ledger = true;
  EXPECT_NE(to_text(r).find("counted by"), std::string::npos);
  r.whole_ledger = false;
  r.verified.ledger.lines[0].balance = Balance::unbalanced;
  EXPECT_NE(to_text(r).find("counted by"), std::string::npos);
}
TEST(LedgerText, ResultJsonHasEveryHop) {
  Result r;
  r.verified.ledger = ledger();
  const auto j = to_json(r);
  EXPECT_EQ(j["ledger"]["unbalanced"], 0);
  const auto& hop = j["ledger"]["hops"][0];
  EXPECT_EQ(hop["in"], 1204);
  EXPECT_EQ(hop["dropped"][0]["name"], "loss");
  EXPECT_EQ(hop["balance"], "balanced");
  EXPECT_FALSE(j["latency_ms"].contains("online_without_mirror"));
  r.control = Control{1, 1, 2, 3};
  EXPECT_EQ(to_json(r)["latency_ms"]["online_without_mirror"]["p99"], 3);
}
}  // namespace
}  // namespace mirrorlab::report
