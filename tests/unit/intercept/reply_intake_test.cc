// Replies that are rare are read at once; frequent ones are gathered.
#include "intercept/driver/reply_intake.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>

namespace mirrorlab::intercept {
namespace {

struct Script {
  os::Fd readable{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  size_t waiting = 0;
  size_t reads = 0;
  size_t taken = 0;
  size_t comes_late = 0;  // replies, after a read and before the wait
  bool gathers = false;
};

class ScriptedReplies : public ReplySource {
 public:
  explicit ScriptedReplies(Script& script) : script_(script) {}
  int fd() const override { return script_.readable.get(); }
  tl::expected<void, std::string> read(const Take& take) override {
    uint64_t ignored = 0;
    [[maybe_unused]] const auto n = ::read(fd(), &ignored, sizeof ignored);
    ++script_.reads;
    const std::array<uint8_t, 1> no_packet{};
    for (; script_.waiting > 0; --script_.waiting, ++script_.taken) take(no_packet, 1);
    return {};
  }
  bool listen() override {
    script_.waiting += std::exchange(script_.comes_late, 0);
    return script_.waiting == 0;
  }
  bool gathers() const override { return script_.gathers; }
  ReplyCounters counters() override { return {}; }

 private:
  Script& script_;
};

class ReplyIntakeTest : public testing::Test {
 protected:
  ReplyIntakeTest() {
    Interception::Sources sources;
    sources.push_back(std::make_unique<ScriptedReplies>(script_));
    intake_ = std::make_unique<ReplyIntake>(*loop_, std::move(sources), server_);
    EXPECT_TRUE(intake_->start());
    turn();  // looks once whether something waits
    script_.reads = 0;
  }
  void come(size_t replies) {
    script_.waiting += replies;
    const uint64_t one = 1;
    ASSERT_EQ(::write(script_.readable.get(), &one, sizeof one), 8);
  }
  // A turn that waits for nothing.
  void turn() { ASSERT_TRUE(loop_->turn(0)); }
  // Turns until the source was looked at again.
  void turn_until_read() {
    const size_t before = script_.reads;
    const auto limit = os::steady_now() + 10 * os::kNanosPerSecond;
    while (script_.reads == before) {
      ASSERT_LT(os::steady_now(), limit);
      ASSERT_TRUE(loop_->turn(os::kNanosPerMilli));
    }
  }
  // Until what comes next is waited for; so many replies that it is so for a tenth of a second.
  void be_busy() {
    const auto limit = os::steady_now() + 10 * os::kNanosPerSecond;
    for (bool waits = false; !waits;) {
      ASSERT_LT(os::steady_now(), limit);
      come(100);
      const size_t before = script_.reads;
      turn();
      waits = script_.reads == before;
      if (waits) turn_until_read();
    }
    script_.reads = script_.taken = 0;
  }
  // Until the replies before it are forgotten.
  void pause() {
    const auto until = os::steady_now() + 40 * GatherPace::kWindow;
    while (os::steady_now() < until) ASSERT_TRUE(loop_->turn(os::kNanosPerMilli));
    script_.reads = script_.taken = 0;
  }
  Script script_;
  std::unique_ptr<os::EventLoop> loop_ = std::move(*os::EventLoop::create());
  HeaderServer server_{*loop_, nullptr, {}, {}};
  std::unique_ptr<ReplyIntake> intake_;
};

TEST_F(ReplyIntakeTest, AReplyThatComesAloneIsReadAtOnce) {
  for (size_t i = 1; i <= 3; ++i) {
    come(1);
    turn();
    EXPECT_EQ(script_.taken, i);
  }
  EXPECT_EQ(script_.reads, 3U);
}

TEST_F(ReplyIntakeTest, FrequentRepliesAreWaitedForTogether) {
  be_busy();
  come(1);
  turn();
  EXPECT_EQ(script_.reads, 0U);
  const auto came_at = loop_->now();
  come(2);
  turn_until_read();
  EXPECT_EQ(script_.taken, 3U);
  EXPECT_GE(loop_->now() - came_at, GatherPace::kShortest);
}

TEST_F(ReplyIntakeTest, AfterAPauseEachIsReadAtOnceAgain) {
  be_busy();
  come(5);
  turn_until_read();
  pause();
  come(1);
  turn();
  come(1);
  turn();
  EXPECT_EQ(script_.taken, 2U);
}

TEST_F(ReplyIntakeTest, WhatGathersItselfIsReadAtOnce) {
  script_.gathers = true;
  for (int i = 0; i < 100; ++i) {
    come(10);
    turn();
    EXPECT_EQ(script_.waiting, 0U);
  }
}

TEST_F(ReplyIntakeTest, WhatComesWhileTheSourceIsGoingToBeWaitedForIsReadAtOnce) {
  script_.comes_late = 1;  // and nothing tells
  come(1);
  turn();
  EXPECT_EQ(script_.taken, 2U);
}

}  // namespace
}  // namespace mirrorlab::intercept
