// The place of death of a lost session, and how far the taps saw its first lost byte come.
#include "harness/verify/death.h"

#include <gtest/gtest.h>

#include "harness/report/lost_lines.h"
#include "unit/harness/good_evidence.h"

namespace mirrorlab::verify {
namespace {

// Its second request was sent three times and never arrived.
Evidence lost_on_the_way() {
  Evidence e = with_test({{0, kOne, 0}});
  e.copy = account(1, 0, 3 * kLength, kLength, "test_unreachable");
  e.session_log = {log_entry("test_unreachable", 2 * kLength)};
  TapWriter sent(e.online, 2'000'000'000);
  for (int i = 0; i < 3; ++i) {
    sent.packet(kClient, kTest, kIsn + 1 + kLength, kAnswerZero, flag::kAck, kTwo, false, true);
  }
  StageCount stage;
  stage.link = "online-test";
  stage.listed = {
      {{kClient, kTest}, "loss"}, {{kClient, kTest}, "loss"}, {{kOther, kTest}, "queue"}};
  e.hops.ways = {{"online", "test", {stage}, 0, 0}};
  return e;
}

TEST(Death, SaysWhereInTheStreamAndHowFarItCame) {
  const Report r = verify(lost_on_the_way());
  ASSERT_EQ(r.deaths.size(), 1U);
  const Death& d = r.deaths[0];
  EXPECT_EQ(d.client, kClient);
  EXPECT_EQ(d.reason, "test_unreachable");
  EXPECT_EQ(d.hop, "online>test");
  ASSERT_EQ(d.ranges.size(), 1U);
  EXPECT_EQ(d.ranges[0], (Interval{kLength, 3 * kLength}));
  EXPECT_EQ(d.left_online, 3U);
  EXPECT_EQ(d.reached_test, 0U);
  EXPECT_EQ(d.last_seen(), std::string("online host, leaving"));
  EXPECT_EQ(d.dropped_by, std::vector<std::string>{"loss on online-test"});
  const std::string words = in_words(d);
  for (const char* part :
       {"10.1.0.7:40000 > 10.1.255.1:80", "test_unreachable", "3 times", "loss on online-test"}) {
    EXPECT_NE(words.find(part), std::string::npos) << part << " is not in " << words;
  }
}
TEST(Death, IsALineOfJsonForEachLostSession) {
  const Report r = verify(lost_on_the_way());
  const std::string text = report::lost_lines(r);
  const auto line = nlohmann::json::parse(text.substr(0, text.find('\n')));
  EXPECT_EQ(line["reason"], "test_unreachable");
  EXPECT_EQ(line["ranges"][0][0], kLength);
  EXPECT_EQ(line["last_seen"], "online host, leaving");
  EXPECT_EQ(line["fate"], "partial");
  EXPECT_EQ(report::lost_lines(verify(good())), "");
}
TEST(Death, AReasonOnTheWayNeedsAPacketThatLeft) {
  Evidence e = lost_on_the_way();
  e.online = PacketLog();
  TapWriter online(e.online);
  write_connection(online, kOnline, kGood);
  const Report r = verify(e);
  EXPECT_FALSE(passes(r, "explained"));
  EXPECT_NE(find_check(r, "explained").detail.find("ever left the online host"), std::string::npos)
      << find_check(r, "explained").detail;
  e.copy["inject"] = {{"errors", {{"ENETUNREACH", 3U}}}};
  EXPECT_TRUE(passes(verify(e), "explained")) << "the kernel took none of them";
}
}  // namespace
}  // namespace mirrorlab::verify
