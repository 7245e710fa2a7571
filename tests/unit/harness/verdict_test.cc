// The precedence of verdicts: no failure hides behind the box, and the box is blamed on no engine.
#include "harness/cli/verdict.h"

#include <gtest/gtest.h>

#include "harness/cli/judge.h"

namespace mirrorlab::cli {
namespace {

const Failure kSeen{"check isolated: 1 packets", Proof::seen};
const Failure kCertain{"check order: 1 turns", Proof::certain};
const Failure kDoubtful{"check exact: 1 of 2 sessions in part", Proof::doubtful};
const std::string kLost = "the taps lost 3 packets";
const std::string kBox = "the box stood still for 1500 ms";

TEST(Verdict, NothingFailed) {
  EXPECT_EQ(decide({}, {}).verdict, "passed");
  EXPECT_EQ(decide({}, {"", kBox}).verdict, "passed") << "it was hard, and it went well";
  EXPECT_EQ(decide({}, {kLost, ""}).verdict, "inconclusive") << "what was lost may be the proof";
}
TEST(Verdict, WithoutDoubtsEveryFailureFails) {
  for (const auto& f : {kSeen, kCertain, kDoubtful}) {
    EXPECT_EQ(decide({f}, {}).verdict, "failed");
    EXPECT_EQ(decide({f}, {}).reason, f.text);
  }
}
TEST(Verdict, AStarvedBoxExcusesOnlyWhatItMayHaveCaused) {
  EXPECT_EQ(decide({kDoubtful}, {"", kBox}).verdict, "inconclusive");
  EXPECT_EQ(decide({kCertain}, {"", kBox}).verdict, "failed");
  EXPECT_EQ(decide({kSeen}, {"", kBox}).verdict, "failed");
  EXPECT_EQ(decide({kDoubtful, kCertain}, {"", kBox}).verdict, "failed");
  EXPECT_EQ(decide({kDoubtful, kCertain}, {"", kBox}).reason, kCertain.text)
      << "the failure that stands is the one to be told";
}
TEST(Verdict, LostEvidenceExcusesAllButWhatWasSeen) {
  EXPECT_EQ(decide({kDoubtful}, {kLost, ""}).verdict, "inconclusive");
  EXPECT_EQ(decide({kCertain}, {kLost, ""}).verdict, "inconclusive");
  EXPECT_EQ(decide({kSeen}, {kLost, kBox}).verdict, "failed");
  EXPECT_EQ(decide({kDoubtful, kSeen}, {kLost, ""}).reason, kSeen.text);
}
TEST(Verdict, AnInconclusiveRunSaysWhyAndWhatFailed) {
  const auto v = decide({kDoubtful}, {"", kBox});
  EXPECT_NE(v.reason.find(kBox), std::string::npos);
  EXPECT_NE(v.reason.find(kDoubtful.text), std::string::npos);
}
TEST(Verdict, KindsOfProof) {
  EXPECT_EQ(proof_of_check("isolated"), Proof::seen);
  EXPECT_EQ(proof_of_check("harmless"), Proof::seen);
  for (const char* name : {"true_streams", "no_extra", "explained", "order", "engine_account",
                           "engine_figures", "ledger", "recordings", "a new check"}) {
    EXPECT_EQ(proof_of_check(name), Proof::certain) << name;
  }
  for (const char* name : {"complete", "exact", "closes", "nothing_left", "clients", "drained"}) {
    EXPECT_EQ(proof_of_check(name), Proof::doubtful) << name;
  }
  EXPECT_EQ(proof_of_condition("leaked_packets"), Proof::seen);
  EXPECT_EQ(proof_of_condition("turns.violations"), Proof::certain);
  EXPECT_EQ(proof_of_condition("latency.online.p99"), Proof::doubtful);
}

// From the checks of a run to its verdict.
report::Result with_check(const std::string& name) {
  report::Result r;
  r.verified.checks = {{name, false, "1 of 2", {}}};
  return r;
}
TEST(Judge, APartialMirrorOnAStarvedBoxIsInconclusive) {
  report::Result r = with_check("exact");
  judge({}, {}, r, kBox);
  EXPECT_EQ(r.verdict, "inconclusive");
  EXPECT_EQ(report::exit_code(r), 3);
  EXPECT_FALSE(r.verified.checks[0].passed) << "what failed is still told";
}
TEST(Judge, AnAlteredStreamOnAStarvedBoxHasFailed) {
  report::Result r = with_check("true_streams");
  judge({}, {}, r, kBox);
  EXPECT_EQ(r.verdict, "failed");
}
TEST(Judge, TurnsThatSilenceReleasedEarlyAreDoubtfulOnAStarvedBox) {
  const auto verdict = [](double early, double by_quiet, const std::string& box) {
    report::Result r = with_check("order");
    r.verified.metrics = {{"turns.violations", early},
                          {"copy.turn_released_by_quiet", by_quiet},
                          {"copy.turn_released_by_timeout", 1}};
    judge({}, {}, r, box);
    return r.verdict;
  };
  EXPECT_EQ(verdict(4, 3, kBox), "inconclusive");
  EXPECT_EQ(verdict(4, 3, ""), "failed") << "the box is not to blame";
  EXPECT_EQ(verdict(5, 3, kBox), "failed") << "one of them by no rule";
}
TEST(Judge, ALeakFailsThoughTheTapsLostPackets) {
  report::Result r = with_check("isolated");
  r.verified.inconclusive = kLost;
  judge({}, {}, r);
  EXPECT_EQ(r.verdict, "failed");
  r = with_check("true_streams");
  r.verified.inconclusive = kLost;
  judge({}, {}, r);
  EXPECT_EQ(r.verdict, "inconclusive");
}
TEST(Judge, WhatTheBoxDroppedBetweenHostsIsADoubt) {
  report::Result r;
  EXPECT_EQ(add_box_metrics({}, {}, r), "");
  r.verified.metrics["box.interface_drops"] = 4;
  EXPECT_NE(add_box_metrics({}, {}, r).find("dropped 4 packets"), std::string::npos);
  BoxStrain strain;
  strain.oom_kills = 1;
  EXPECT_NE(add_box_metrics(strain, {}, r).find("memory ran out"), std::string::npos);
  EXPECT_EQ(r.verified.metrics.at("box.oom_kills"), 1);
}
}  // namespace
}  // namespace mirrorlab::cli
