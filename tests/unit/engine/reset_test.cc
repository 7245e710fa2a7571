// S8: the client's reset happens at the same stream position as online (RFC 5961 section 3).
#include <gtest/gtest.h>

#include "unit/engine/kit/script.h"

namespace mirrorlab::engine::kit {
namespace {

Config no_pace() {
  Config c = Script::config();
  c.pace = Pace::none;
  return c;
}

TEST(Reset, FollowsTheBytesBeforeIt) {
  Script t;
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    client R. 101:101(0) ack 1
    quiet 30ms                        # not before they are acked
    host . 1:1(0) ack 101
    engine R. 101:101(0) ack 1
    end mirrored captured 100
    # Nothing acks a reset, so a lost one is made good unasked.
    +200ms engine R. 101:101(0) ack 1
    +400ms engine R. 101:101(0) ack 1
    quiet 10s
  )");
}

TEST(Reset, IsNotRepeatedToATestHostThatHasReset) {
  Script t;
  t.open();
  t.play(R"(
    client R. 1:1(0) ack 1
    engine R. 1:1(0) ack 1
    end mirrored
    host R. 1:1(0) ack 1
    quiet 10s
  )");
}

TEST(Reset, IsNotRepeatedIntoTheNextConnectionOfThePort) {
  Script t(no_pace());
  t.open(1);
  t.share_port(2, 1);
  t.play(R"(
    client R. 1:1(0) ack 1
    engine R. 1:1(0) ack 1
    end mirrored
    client/2 S 0:0(0) isn 90000 <mss 1000>
    engine/2 S 0:0(0)
    host/2 S. 0:0(0) ack 1 <mss 1000>
    engine/2 . 1:1(0) ack 1
    quiet 10s
  )");
}

TEST(Reset, WaitsForTheAnswerTheClientHadSeen) {
  Script t(no_pace());
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    host . 1:1(0) ack 101
    client . 101:101(0) ack 501
    client R. 101:101(0) ack 501
    quiet 100ms
    host P. 1:501(500) ack 101
    engine R. 101:101(0) ack 501
    end mirrored
  )");
}

TEST(Reset, RepeatedIsOne) {
  Script t;
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    client R. 101:101(0) ack 1
    client R 101:101(0)
    client R 101:101(0)
    host . 1:1(0) ack 101
    engine R. 101:101(0) ack 1
    end mirrored
    client R 101:101(0)
  )");
}

TEST(Reset, AfterTheFin) {
  Script t;
  t.open();
  t.play(R"(
    client F. 1:1(0) ack 1
    engine F. 1:1(0) ack 1
    client R 2:2(0)
    host . 1:1(0) ack 2
    engine R. 2:2(0) ack 1
    end mirrored
  )");
}

TEST(Reset, AfterBothHaveClosedNeedsNone) {
  Script t(no_pace());
  t.open();
  t.play(R"(
    client F. 1:1(0) ack 1
    engine F. 1:1(0) ack 1
    client R 2:2(0)
    host F. 1:1(0) ack 2
    end mirrored
  )");
  t.take_sent();
}

TEST(Reset, BehindTheStreamIsVoid) {
  Script t;
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    client R 51:51(0)                 # the online host takes it only at the byte it expects
    client P. 101:201(100) ack 1
    engine P. 101:201(100) ack 1
  )");
}

TEST(Reset, AheadOfTheStreamIsVoidWhenTheClientGoesOn) {
  Script t;
  t.open();
  t.play(R"(
    client R 101:101(0)
    client P. 1:201(200) ack 1
    engine P. 1:201(200) ack 1
    quiet 50ms
  )");
}

TEST(Reset, MayOvertakeWhatWasSentBeforeIt) {
  Script t;
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    host . 1:1(0) ack 101
    client R. 301:301(0) ack 1
    +5ms client . 201:201(0) ack 1
    client P. 201:301(100) ack 1
    +5ms client P. 101:201(100) ack 1
    engine P. 101:201(100) ack 1
    engine P. 201:301(100) ack 1
    host . 1:1(0) ack 301
    engine R. 301:301(0) ack 1
    end mirrored captured 300
  )");
}

TEST(Reset, AheadOfTheStreamIsVoidWhenTheClientSpeaksLater) {
  Script t;
  t.open();
  t.play(R"(
    client R 201:201(0)
    +150ms client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    host . 1:1(0) ack 101
    quiet 10s
    client P. 101:201(100) ack 1
    engine P. 101:201(100) ack 1
    host . 1:1(0) ack 201
    quiet 10s
  )");
}

TEST(Reset, AheadOfAFinIsVoid) {
  Script t;
  t.open();
  t.play(R"(
    client R 102:102(0)
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    host . 1:1(0) ack 101
    client F. 101:101(0) ack 1
    engine F. 101:101(0) ack 1
  )");
}

TEST(Reset, AheadOfTheStreamMeansMissedBytesWhenItDoesNot) {
  Script t;
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    host . 1:1(0) ack 101
    client R 201:201(0)
    +2s engine R. 101:101(0) ack 1
    end capture_gap captured 200 mirrored 100 lost 100
  )");
}

TEST(Reset, AfterAChallengeAckItComesAtTheRightByte) {
  Script t;
  t.open();
  t.play(R"(
    client P. 101:201(100) ack 1      # its first 100 bytes are lost on the way to the online host
    client R 201:201(0)
    client R 1:1(0)                   # answers the challenge ack: the online host took nothing
    engine R. 1:1(0) ack 1
    end mirrored captured 0
  )");
}

TEST(Reset, FarAheadIsNotBelieved) {
  Script t;
  t.open();
  t.play(R"(
    client R 3000001:3000001(0)
    client R 2000000001:2000000001(0)
    quiet 10s
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
  )");
  EXPECT_EQ(t.counters().packets_implausible, 2U);
}

TEST(Reset, WhileTheHandshakeIsUnderWay) {
  Script t;
  t.play(R"(
    client S 0:0(0) <mss 1000>
    engine S 0:0(0)
    client R 1:1(0)
    host S. 0:0(0) ack 1
    engine R. 1:1(0) ack 1
    end mirrored captured 0
  )");
}

TEST(Reset, OfAConnectionNobodyKnowsIsIgnored) {
  Script t;
  t.play(R"(
    client R 1:1(0)
    client F. 1:1(0) ack 1
    quiet 1s
  )");
  EXPECT_EQ(t.account().sessions_captured, 0U);
}

}  // namespace
}  // namespace mirrorlab::engine::kit
