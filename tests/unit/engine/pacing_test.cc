// S4: the client's think time is kept, or not.
#include <gtest/gtest.h>

#include "unit/engine/kit/script.h"

namespace mirrorlab::engine::kit {
namespace {

constexpr char kRequest[] = R"(
  client P. 1:101(100) ack 1
  engine P. 1:101(100) ack 1
  host . 1:1(0) ack 101
)";

TEST(Pacing, KeepsTheTimeFromAnswerToNextTurn) {
  Script t;
  t.open();
  t.play(kRequest);
  t.play(R"(
    +10ms client . 101:101(0) ack 1001
    +40ms client P. 101:201(100) ack 1001
    +100ms host P. 1:1001(1000) ack 101    # the test host is slower
    engine . 101:101(0) ack 1001
    +40ms engine P. 101:201(100) ack 1001
  )");
}

TEST(Pacing, ATestHostThatWasFasterCostsNothing) {
  Script t;
  t.open();
  t.play(kRequest);
  t.play(R"(
    host P. 1:1001(1000) ack 101
    engine . 101:101(0) ack 1001
    +100ms client . 101:101(0) ack 1001
    +40ms client P. 101:201(100) ack 1001
    engine P. 101:201(100) ack 1001
  )");
}

TEST(Pacing, ThinkTimeBeforeTheFirstTurnAndTheClose) {
  Script t;
  t.play(R"(
    client S 0:0(0) <mss 1000>
    engine S 0:0(0)
    client . 1:1(0) ack 1
    +20ms client P. 1:101(100) ack 1
    +100ms host S. 0:0(0) ack 1 <mss 1000>
    engine P. 1:101(100) ack 1              # one turn's think time counts from an answer
    host P. 1:1001(1000) ack 101
    engine . 101:101(0) ack 1001
    client . 101:101(0) ack 1001
    +30ms client F. 101:101(0) ack 1001
    engine F. 101:101(0) ack 1001
  )");
  t.take_sent();
}

TEST(Pacing, NoneSendsAsSoonAsTheTurnAllows) {
  Config config = Script::config();
  config.pace = Pace::none;
  Script t(config);
  t.open();
  t.play(kRequest);
  t.play(R"(
    +10ms client . 101:101(0) ack 1001
    +40ms client P. 101:201(100) ack 1001
    +100ms host P. 1:1001(1000) ack 101
    engine P. 101:201(100) ack 1001
  )");
}

}  // namespace
}  // namespace mirrorlab::engine::kit
