// Reasons of losses, and the engine's account: believed only as far as the evidence goes.
#include <gtest/gtest.h>

#include "harness/verify/verify.h"
#include "unit/harness/good_evidence.h"

namespace mirrorlab::verify {
namespace {

// --- losses and their reasons
// ---------------------------------------------------------------------
Evidence lossy(const std::string& reason, uint64_t reported = 2 * kLength) {
  Evidence e = with_test({{0, kOne, 0}});
  e.copy = account(1, 0, 3 * kLength, kLength, reason);
  e.session_log = {log_entry(reason, reported)};
  return e;
}
TEST(Losses, ALossWithAReasonIsExplained) {
  const Report r = verify(lossy("test_reset"));
  EXPECT_FALSE(passes(r, "exact"));
  EXPECT_TRUE(passes(r, "explained"));
  EXPECT_TRUE(passes(r, "engine_account"));
  ASSERT_EQ(r.lost.size(), 1U);
  EXPECT_EQ(r.lost[0].reason, "test_reset");
  EXPECT_EQ(r.metrics.at("lost.sessions.test_reset"), 1);
  EXPECT_EQ(r.metrics.at("lost.bytes.test_reset"), 2 * kLength);
}
TEST(Losses, ALargerLossThanReportedIsUnexplained) {
  const Report r = verify(lossy("test_reset", 2 * kLength - 1));
  EXPECT_FALSE(passes(r, "explained"));
  EXPECT_EQ(r.lost[0].reason, "unexplained");
}
TEST(Losses, ALossReportedAsMirroredIsUnexplained) {
  EXPECT_FALSE(passes(verify(lossy("none")), "explained"));
}
TEST(Losses, AnotherSessionsReasonDoesNotExplain) {
  Evidence e = lossy("test_reset");
  e.session_log = {log_entry("test_reset", 2 * kLength, 0x55555555)};
  EXPECT_FALSE(passes(verify(e), "explained"));
  e.session_log = {log_entry("test_reset", 2 * kLength, kIsn + 1, kOther)};
  EXPECT_FALSE(passes(verify(e), "explained"));
}
TEST(Losses, ACaptureGapNeedsALossInCapture) {
  Evidence e = lossy("capture_gap");
  EXPECT_FALSE(passes(verify(e), "explained"));
  e.copy["capture"]["kernel_drops"] = 1;
  EXPECT_TRUE(passes(verify(e), "explained"));
  EXPECT_EQ(verify(e).lost[0].hop, "capture");
}
// The engine captured the first of three requests, then its capture lost what came.
Evidence without_end() {
  Evidence e = with_test({{0, kOne, 0}});
  e.copy = account(1, 0, kLength, kLength, "capture_gap");
  e.copy["capture"]["kernel_drops"] = 3U;
  e.session_log = {log_entry("capture_gap", 0)};
  e.session_log[0]["bytes_captured"] = kLength;
  e.session_log[0]["bytes_mirrored"] = kLength;
  e.session_log[0]["end_captured"] = false;
  return e;
}
TEST(Losses, AnEndThatWasNeverCapturedIsExplained) {
  const Report r = verify(without_end());
  EXPECT_TRUE(passes(r, "explained")) << find_check(r, "explained").detail;
  EXPECT_EQ(r.metrics.at("lost.bytes.capture_gap"), 2 * kLength);
}
TEST(Losses, AnEndThatWasNeverCapturedNeedsALossInCapture) {
  Evidence e = without_end();
  e.copy["capture"]["kernel_drops"] = 0;
  EXPECT_FALSE(passes(verify(e), "explained"));
}
TEST(Losses, AnEngineThatSawTheEndKnewWhatWasBeforeIt) {
  Evidence e = without_end();
  e.session_log[0]["end_captured"] = true;
  EXPECT_FALSE(passes(verify(e), "explained"));
}
TEST(Losses, BytesBeforeTheMissedEndAreTheEnginesToReport) {
  Evidence e = without_end();
  e.session_log[0]["bytes_captured"] = kLength + 1;
  EXPECT_FALSE(passes(verify(e), "explained"));
}
// The engine's capture lost the first of three requests; it joined at the second, and mirrored
// that.
Evidence without_beginning() {
  Evidence e = online_only();
  TapWriter test(e.test);
  write_connection(test, kTest, {{kLength, kTwo, 0}, {2 * kLength, kThree, 100}}, kClient,
                   Ending::fin, kIsn, kLength);
  e.copy = account(1, 1, 2 * kLength, 2 * kLength);
  e.copy["counters"]["joined_midstream"] = 1U;
  e.copy["capture"]["kernel_drops"] = 3U;
  e.session_log = {log_entry("none", 0, kIsn + 1 + kLength)};
  e.session_log[0]["bytes_captured"] = 2 * kLength;
  return e;
}
TEST(Losses, ABeginningThatWasNeverCapturedIsExplained) {
  Report r = verify(without_beginning());
  EXPECT_TRUE(passes(r, "explained")) << find_check(r, "explained").detail;
  EXPECT_TRUE(passes(r, "engine_account")) << find_check(r, "engine_account").detail;
  EXPECT_EQ(r.metrics.at("lost.bytes.before_capture"), kLength);
  Evidence e = without_beginning();
  e.copy["capture"]["kernel_drops"] = 0;
  r = verify(e);
  EXPECT_FALSE(passes(r, "explained"));
  EXPECT_FALSE(passes(r, "engine_account"));
}
TEST(Losses, AConnectionOfWhichTheCaptureLostEveryPacket) {
  Evidence e = online_only();
  e.copy = account(0, 0, 0, 0);
  e.copy["capture"]["kernel_drops"] = 4;
  const Report r = verify(e);
  EXPECT_TRUE(passes(r, "explained")) << find_check(r, "explained").detail;
  EXPECT_EQ(r.lost[0].reason, "never_captured");
  EXPECT_EQ(r.lost[0].hop, "capture");
  e.copy["capture"]["kernel_drops"] = 3U;  // fewer than it had
  EXPECT_FALSE(passes(verify(e), "explained"));
}
TEST(Losses, ReasonsThatTheEvidenceContradicts) {
  for (const char* reason : {"before_capture", "not_whole", "handshake_refused",
                             "handshake_timeout", "superseded", "idle_timeout", "shutdown"}) {
    EXPECT_FALSE(passes(verify(lossy(reason)), "explained")) << reason;
  }
}
TEST(Losses, ReasonsThatTheEvidenceBearsOut) {
  Evidence e = lossy("shutdown");
  e.drained = false;
  EXPECT_TRUE(passes(verify(e), "explained"));

  e = lossy("superseded");
  TapWriter online(e.online, 3'000'000'000);
  write_connection(online, kOnline, {{0, kTwo, 0}}, kClient, Ending::fin, 77);
  EXPECT_EQ(verify(e).metrics.at("lost.sessions.superseded"), 1);

  e = online_only();
  e.copy = account(1, 0, 3 * kLength, 0, "handshake_refused");
  e.session_log = {log_entry("handshake_refused", 3 * kLength)};
  EXPECT_TRUE(passes(verify(e), "explained"));
}
TEST(Losses, ATestServiceThatDidNotCloseContradictsTestClosedFirst) {
  Evidence e = lossy("test_closed_first");
  e.services[0].test_recording = Recording{{recorded({kOne}, {100})}};
  EXPECT_FALSE(passes(verify(e), "explained"));
  e.services[0].test_recording->connections[0].close = "service";
  EXPECT_TRUE(passes(verify(e), "explained"));
}
TEST(Losses, SessionsRefusedAtTheirFirstPacketAreExplainedByTheAccount) {
  Evidence e = online_only();
  e.copy = account(1, 0, 3 * kLength, 0, "session_limit");
  EXPECT_TRUE(passes(verify(e), "explained"));
  TapWriter online(e.online, 3'000'000'000);
  write_connection(online, kOnline, kGood, kOther);
  const Report r = verify(e);
  EXPECT_EQ(r.metrics.at("lost.unexplained"), 1) << "the account owns up to one, not to two";
}
TEST(Losses, AnOutageExplainsWhatItsTimeFits) {
  Evidence e = with_test({{0, kOne, 0}});
  e.copy = account(0, 0, 0, 0);
  e.outages = {{"copy", 1'003'500'000, 1'500'000'000}};
  const Report r = verify(e);
  EXPECT_TRUE(passes(r, "explained")) << find_check(r, "explained").detail;
  EXPECT_EQ(r.lost[0].reason, "copy_outage");
  e.outages = {{"copy", 900'000'000, 950'000'000}};  // over before the session began
  EXPECT_FALSE(passes(verify(e), "explained"));
  e.outages = {{"intercept", 1'003'500'000, 1'500'000'000}};  // is no excuse
  EXPECT_FALSE(passes(verify(e), "explained"));
}

// --- the engines' account
// ---------------------------------------------------------------------------
TEST(Losses, CatchesAMiscountedAccount) {
  for (const char* field : {"sessions_captured", "sessions_mirrored", "bytes_mirrored",
                            "bytes_captured", "sessions_live", "bytes_pending"}) {
    Evidence e = good();
    e.copy["account"][field] = e.copy["account"][field].get<uint64_t>() + 1;
    EXPECT_EQ(failing(verify(e)), "engine_account") << field;
  }
  Evidence e = good();
  e.copy["account"]["balances"] = false;
  EXPECT_EQ(failing(verify(e)), "engine_account");
  e.copy = nullptr;
  EXPECT_EQ(failing(verify(e)), "engine_account");
}
TEST(Losses, CatchesAnAccountThatBalancesButOvercounts) {
  Evidence e = with_test({{0, kOne, 0}});
  e.session_log = {log_entry("test_reset", 2 * kLength)};
  EXPECT_FALSE(passes(verify(e), "engine_account")) << "one mirrored session claimed, none exact";
  e = good();
  e.copy = account(2, 2, 3 * kLength, 3 * kLength);
  EXPECT_EQ(failing(verify(e)), "engine_account");
  e.copy = account(1, 1, 3 * kLength + 1, 3 * kLength + 1);
  EXPECT_EQ(failing(verify(e)), "engine_account");
  e.copy = account(0, 0, 0, 0);
  EXPECT_EQ(failing(verify(e)), "engine_account") << "a session it never captured";
}
}  // namespace
}  // namespace mirrorlab::verify
