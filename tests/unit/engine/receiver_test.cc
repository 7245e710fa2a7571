// S6, S7: the receiving side: acks, out-of-order records, PAWS, what is not acceptable, policies.
#include <gtest/gtest.h>

#include "unit/engine/kit/script.h"

namespace mirrorlab::engine::kit {
namespace {

TEST(Receiver, AcksInOrderDataAtOnce) {
  Script t;
  t.open();
  t.play(R"(
    host P. 1:101(100) ack 1
    engine . 1:1(0) ack 101 win 65535
  )");
  EXPECT_EQ(t.counters().answer_bytes, 100U);
}

TEST(Receiver, AnswersAHoleWithDupAckAndSack) {  // RFC 2018
  Script t;
  t.open();
  t.play(R"(
    host . 1001:2001(1000) ack 1
    engine . 1:1(0) ack 1 <sack 1001:2001>
    host . 3001:4001(1000) ack 1
    engine . 1:1(0) ack 1 <sack 3001:4001 1001:2001>
    host . 2001:3001(1000) ack 1
    engine . 1:1(0) ack 1 <sack 1001:4001>
    host . 1:1001(1000) ack 1
    engine . 1:1(0) ack 4001 <>
  )");
  EXPECT_EQ(t.counters().answer_bytes, 4000U);
}

TEST(Receiver, SendsNoSackWhereItWasNotNegotiated) {
  Script t;
  t.open(1, "mss 1000", "mss 1000");
  t.play(R"(
    host . 1001:2001(1000) ack 1
    engine . 1:1(0) ack 1 <>
  )");
}

TEST(Receiver, KeepsFourRangesTheLatestFirst) {
  Script t;
  t.open();
  t.play(R"(
    host . 101:201(100) ack 1
    engine . 1:1(0) ack 1 <sack 101:201>
    host . 301:401(100) ack 1
    engine . 1:1(0) ack 1 <sack 301:401 101:201>
    host . 501:601(100) ack 1
    engine . 1:1(0) ack 1 <sack 501:601 301:401 101:201>
    host . 701:801(100) ack 1
    engine . 1:1(0) ack 1 <sack 701:801 501:601 301:401 101:201>
    host . 901:1001(100) ack 1
    engine . 1:1(0) ack 1 <sack 901:1001 701:801 501:601 301:401>
    host . 1:101(100) ack 1            # the oldest was forgotten: the host sends it again
    engine . 1:1(0) ack 101
    host . 101:301(200) ack 1
    engine . 1:1(0) ack 401
  )");
}

TEST(Receiver, AcksARetransmissionAgain) {
  Script t;
  t.open();
  t.play(R"(
    host P. 1:101(100) ack 1
    engine . 1:1(0) ack 101
    host P. 1:101(100) ack 1
    engine . 1:1(0) ack 101
    host P. 51:151(100) ack 1          # in part new
    engine . 1:1(0) ack 151
  )");
  EXPECT_EQ(t.counters().answer_bytes, 150U);
}

TEST(Receiver, RemembersAFinOutOfOrder) {
  Script t;
  t.open();
  t.play(R"(
    host F. 101:201(100) ack 1
    engine . 1:1(0) ack 1 <sack 101:202>
    host . 1:101(100) ack 1
    engine . 1:1(0) ack 202
    client F. 1:1(0) ack 202
    engine F. 1:1(0) ack 202
    host . 202:202(0) ack 2
    end mirrored answer 200
  )");
}

TEST(Receiver, RemembersABareFinOutOfOrder) {
  Script t;
  t.open();
  t.play(R"(
    host F. 101:101(0) ack 1
    engine . 1:1(0) ack 1
    host . 1:101(100) ack 1
    engine . 1:1(0) ack 102
  )");
}

TEST(Receiver, RecordsOutsideTheWindowAreAckedAndDropped) {  // RFC 9293 3.10.7.4
  Script t;
  t.open(1, "mss 1000", "mss 1000");
  t.play(R"(
    host P. 100001:100101(100) ack 1
    engine . 1:1(0) ack 1 <>
    host P. -99999:-99899(100) ack 1
    engine . 1:1(0) ack 1
    host P. 1:101(100) ack 5000        # an ack for what was never sent
    engine . 1:1(0) ack 1
    host P. 1:101(100) ack -200000     # and one older than any window
    engine . 1:1(0) ack 1
  )");
  EXPECT_EQ(t.counters().header_records_unacceptable, 4U);
  EXPECT_EQ(t.counters().answer_bytes, 0U);
}

TEST(Receiver, AKeepAliveOfTheHostIsAnswered) {
  Script t;
  t.open();
  t.play(R"(
    host P. 1:101(100) ack 1
    engine . 1:1(0) ack 101
    host . 100:100(0) ack 1
    engine . 1:1(0) ack 101
    host . 100:101(1) ack 1
    engine . 1:1(0) ack 101
  )");
}

TEST(Receiver, PawsDropsOldDuplicates) {  // RFC 7323 5.3
  Script t;
  t.open(1, "mss 1000,TS", "mss 1000,TS val 100 ecr 0");
  t.play(R"(
    host P. 1:101(100) ack 1 <TS val 120 ecr 0>
    engine . 1:1(0) ack 101 <TS val 11 ecr 120>
    host P. 101:201(100) ack 1 <TS val 90 ecr 0>
    engine . 1:1(0) ack 101 <TS val 11 ecr 120>
    host P. 101:201(100) ack 1 <TS val 121 ecr 0>
    engine . 1:1(0) ack 201 <TS val 11 ecr 121>
  )");
  EXPECT_EQ(t.counters().header_records_unacceptable, 1U);
}

TEST(Receiver, EchoesTheTimestampOfTheInOrderSegment) {  // RFC 7323 4.3
  Script t;
  t.open(1, "mss 1000,TS", "mss 1000,TS val 100 ecr 0");
  t.play(R"(
    host . 101:201(100) ack 1 <TS val 130 ecr 0>
    engine . 1:1(0) ack 1 <TS val 11 ecr 100>
    host . 1:101(100) ack 1 <TS val 120 ecr 0>
    engine . 1:1(0) ack 201 <TS val 11 ecr 120>
  )");
}

TEST(Receiver, TimestampsMayWrap) {
  Script t;
  t.open(1, "mss 1000,TS", "mss 1000,TS val 4294967290 ecr 0");
  t.play(R"(
    host P. 1:101(100) ack 1 <TS val 5 ecr 0>
    engine . 1:1(0) ack 101 <TS val 11 ecr 5>
  )");
}

TEST(Receiver, AnswersOverFourGibibytesAndSequenceWrap) {
  Script t;
  t.play(R"(
    client S 0:0(0) <mss 1000,wscale 14>
    engine S 0:0(0)
    host S. 0:0(0) isn 4294967200 ack 1 <mss 1000,wscale 14>
    engine . 1:1(0) ack 1
    client . 1:1(0) ack 1
  )");
  int64_t at = 1;
  for (int i = 0; i < 300; ++i) {
    const int64_t end = at + (int64_t{1} << 24) - 1;
    t.play("host P. " + std::to_string(at) + ":" + std::to_string(end) + "(16777215) ack 1");
    t.play("engine . 1:1(0) ack " + std::to_string(end));
    at = end;
  }
  EXPECT_EQ(t.counters().answer_bytes, uint64_t{300} * ((1U << 24) - 1));
}

Config client_policy() {
  Config c = Script::config();
  c.ack = AckPolicy::client;
  c.wait_for_answers = false;
  return c;
}

TEST(AckPolicyClient, ALongerAnswerIsLetThroughOnceTheClientHasGoneOn) {
  Config c = client_policy();
  c.wait_for_answers = true;
  c.pace = Pace::none;
  Script t(c);
  t.open(1, "mss 1000,wscale 0", "mss 1000,wscale 0");
  t.play(R"(
    client P. 1:101(100) ack 1 win 1000
    engine P. 1:101(100) ack 1 win 1000
    host . 1:1001(1000) ack 101            # more than the 400 bytes the client got, and not all
    client . 101:101(0) ack 401 win 1000
    engine . 101:101(0) ack 401 win 1000
    client P. 101:201(100) ack 401 win 1000
    engine . 101:101(0) ack 1001 win 1000  # nobody will ever ack the rest for the client
    quiet 20ms
    host P. 1001:1501(500) ack 101
    engine . 101:101(0) ack 1501 win 1000
    +25ms engine P. 101:201(100) ack 1501 win 1000
  )");
}

TEST(AckPolicyClient, AcksAsFarAsTheClientDid) {
  Script t(client_policy());
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    host P. 1:1001(1000) ack 101
    quiet 100ms
    client . 101:101(0) ack 501 win 3000
    engine . 101:101(0) ack 501 win 3000
    client . 101:101(0) ack 1001
    engine . 101:101(0) ack 1001
    quiet 5s
  )");
}

TEST(AckPolicyClient, TheHoldLimitBeginsAnewWithTheClientsProgress) {
  Script t(client_policy());
  t.open();
  t.play(R"(
    host P. 1:1001(1000) ack 1
    +400ms client . 1:1(0) ack 401
    engine . 1:1(0) ack 401
    +400ms client . 1:1(0) ack 801
    engine . 1:1(0) ack 801
    +500ms engine . 1:1(0) ack 1001       # it acked no more: the rest is
    quiet 5s
  )");
}

TEST(AckPolicyClient, ARetransmissionIsNotAnsweredWithADuplicateAck) {
  Script t(client_policy());
  t.open();
  t.play(R"(
    host P. 1:1001(1000) ack 1
    +200ms host P. 1:1001(1000) ack 1
    +300ms engine . 1:1(0) ack 1001
  )");
}

TEST(AckPolicyClient, ASlowReaderIsASlowReader) {
  Script t(client_policy());
  t.open();
  t.play(R"(
    client . 1:1(0) ack 1 win 2
    engine . 1:1(0) ack 1 win 2
    host P. 1:257(256) ack 1
    client . 1:1(0) ack 257 win 0
    engine . 1:1(0) ack 257 win 0
    quiet 3s
    client . 1:1(0) ack 257 win 500       # it read
    engine . 1:1(0) ack 257 win 500
  )");
}

TEST(AckPolicyClient, AWindowClosedFartherOnIsNoneForTheAnswerBefore) {
  Script t(client_policy());
  t.open();
  t.play(R"(
    client . 1:1(0) ack 1
    client . 1:1(0) ack 257 win 0
    engine . 1:1(0) ack 1 win 2           # 2 << 7: as far as the client has read
    host P. 1:257(256) ack 1
    engine . 1:1(0) ack 257 win 0
  )");
}

TEST(AckPolicyClient, AClientThatIsGoneKeepsNoWindowClosed) {
  Script t(client_policy());
  t.open();
  t.play(R"(
    client . 1:1(0) ack 1 win 2
    engine . 1:1(0) ack 1 win 2
    host P. 1:257(256) ack 1
    client . 1:1(0) ack 257 win 0
    engine . 1:1(0) ack 257 win 0
    +119s host . 256:256(0) ack 1         # window probes
    engine . 1:1(0) ack 257 win 0
    +1s host . 256:256(0) ack 1
    engine . 1:1(0) ack 257 win 65535
  )");
}

TEST(AckPolicyClient, AClosedClientHoldsNothingBack) {
  Script t(client_policy());
  t.open();
  t.play(R"(
    client F. 1:1(0) ack 1 win 0
    engine F. 1:1(0) ack 1 win 65535
    host P. 1:1001(1000) ack 2
    engine . 2:2(0) ack 1001
  )");
}

TEST(AckPolicyClient, OutOfOrderIsAnsweredAtOnce) {
  Script t(client_policy());
  t.open();
  t.play(R"(
    host P. 1001:2001(1000) ack 1
    engine . 1:1(0) ack 1 <sack 1001:2001>
  )");
}

}  // namespace
}  // namespace mirrorlab::engine::kit
