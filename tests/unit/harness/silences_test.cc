// A session that the copy engine let go in a silence: believed where the taps saw the silence.
#include "harness/verify/silences.h"

#include <gtest/gtest.h>

#include "harness/cli/collect.h"
#include "unit/harness/good_evidence.h"

namespace mirrorlab::verify {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

// One request, two seconds of silence, and two more, of which the engine joined none.
Evidence let_go(int64_t idle_ns = kSecond) {
  Evidence e;
  e.services = {{kOnline, kTest, Protocol::http, {}, {}}};
  for (PacketLog* log : {&e.online, &e.clients}) {
    TapWriter tap(*log);
    write_connection(tap, kOnline, {{0, kOne, 0}}, kClient, Ending::none);
    tap.at(tap.now() + 2 * kSecond);
    tap.packet(kClient, kOnline, kIsn + 1 + kLength, kAnswerZero + 100, flag::kAck, kTwo);
    tap.packet(kClient, kOnline, kIsn + 1 + 2 * kLength, kAnswerZero + 200, flag::kAck, kThree);
    tap.packet(kClient, kOnline, kIsn + 1 + 3 * kLength, kAnswerZero + 300,
               flag::kAck | flag::kFin);
  }
  TapWriter test(e.test);
  write_connection(test, kTest, {{0, kOne, 0}}, kClient, Ending::rst);
  e.copy = account(2, 1, 3 * kLength, kLength, "before_capture");
  e.copy["counters"]["joined_midstream"] = 1U;
  e.session_log = {log_entry("none", 0),
                   log_entry("before_capture", 2 * kLength, kIsn + 1 + kLength)};
  e.idle_timeout_ns = idle_ns;
  return e;
}

TEST(Silences, WhatCameAfterOneIsExplainedByIt) {
  const Report r = verify(let_go());
  EXPECT_TRUE(passes(r, "explained")) << find_check(r, "explained").detail;
  EXPECT_TRUE(passes(r, "engine_account")) << find_check(r, "engine_account").detail;
  ASSERT_EQ(r.lost.size(), 1U);
  EXPECT_EQ(r.lost[0].reason, "idle_timeout");
  EXPECT_EQ(r.lost[0].hop, "copy");
  EXPECT_EQ(r.metrics.at("lost.bytes.idle_timeout"), 2 * kLength);
}

TEST(Silences, AShorterOneExplainsNothing) {
  const Report r = verify(let_go(3 * kSecond));
  EXPECT_FALSE(passes(r, "explained"));
  EXPECT_FALSE(passes(r, "engine_account"));
  EXPECT_EQ(r.lost[0].reason, "unexplained");
}

TEST(Silences, ThereIsNoneWhileTheTestHostTalks) {
  Evidence e = let_go();
  TapWriter test(e.test, 3 * kSecond / 2);
  for (int i = 0; i < 3; ++i) {
    test.packet(kTest, kClient, kAnswerZero, kIsn, flag::kAck, "", false, true);
    test.at(test.now() + kSecond / 2);
  }
  EXPECT_FALSE(passes(verify(e), "explained"));
}

TEST(Silences, WhatWasLostBeforeOneIsNotExplainedByIt) {
  Evidence e = let_go();
  e.test = PacketLog();
  e.copy = account(2, 0, 3 * kLength, 0, "before_capture");
  e.session_log = {log_entry("before_capture", 3 * kLength)};
  EXPECT_FALSE(passes(verify(e), "explained"));
}

TEST(Silences, AReasonOfTheEnginesOwnNeedsOne) {
  Evidence e = let_go();
  e.session_log[1]["reason"] = "idle_timeout";
  EXPECT_TRUE(passes(verify(e), "explained"));
  e.idle_timeout_ns = 3 * kSecond;
  EXPECT_FALSE(passes(verify(e), "explained"));
}

TEST(Silences, ExcuseAsManySessionsAsThereWere) {
  Evidence e = let_go();
  e.copy["account"]["sessions_captured"] = 3U;
  e.copy["account"]["sessions_lost"]["before_capture"] = 2U;
  e.copy["counters"]["joined_midstream"] = 2U;
  EXPECT_FALSE(passes(verify(e), "engine_account"));
}

TEST(Silences, HowLongTheEngineBearsOneIsInItsOptions) {
  using cli::idle_timeout;
  EXPECT_EQ(idle_timeout({"--ack=client", "--idle-timeout", "1.5"}), 1'500'000'000);
  EXPECT_EQ(idle_timeout({"--idle-timeout=2"}), 2 * kSecond);
  EXPECT_EQ(idle_timeout({"-k", "3"}), 3 * kSecond);
  EXPECT_EQ(idle_timeout({"-k4"}), 4 * kSecond);
  EXPECT_EQ(idle_timeout({"--turn-hold", "1"}), std::nullopt);
  EXPECT_EQ(idle_timeout({"--idle-timeout"}), std::nullopt);
}

}  // namespace
}  // namespace mirrorlab::verify
