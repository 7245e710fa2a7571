// Replies that come alone are read at once; those that come in crowds are gathered.
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

TEST_F(ReplyIntakeTest, AfterACrowdTheNextAreWaitedForTogether) {
  come(5);
  turn();
  EXPECT_EQ(script_.taken, 5U);
  const auto crowd_at = loop_->now();
  come(1);
  come(2);
  turn_until_read();
  EXPECT_EQ(script_.taken, 8U);
  EXPECT_EQ(script_.reads, 2U);
  EXPECT_GE(loop_->now() - crowd_at, 150'000);
}

TEST_F(ReplyIntakeTest, WhenTheCrowdIsOverEachIsReadAtOnceAgain) {
  come(5);
  turn();
  turn_until_read();  // in vain
  come(1);
  turn();
  EXPECT_EQ(script_.taken, 6U);
  turn();
  turn();
  EXPECT_EQ(script_.reads, 3U);
}

}  // namespace
}  // namespace mirrorlab::intercept
