// Threads between a reply source and the loop: order, bounds, failure. Worth a run under TSan.
#include "intercept/driver/reply_worker.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>

#include "wire/packet.h"

namespace mirrorlab::intercept {
namespace {

// Replies come by a socket pair.
class SocketSource : public ReplySource {
 public:
  explicit SocketSource(int fd) : fd_(fd) {}
  [[nodiscard]] int fd() const override { return fd_.get(); }
  tl::expected<void, std::string> read(const Take& take) override {
    std::array<uint8_t, 2048> buffer;
    for (;;) {
      const auto n = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (n == 0) return tl::unexpected(std::string("the source ended"));
      if (n < 0) return {};
      ++counters_.packets;
      take({buffer.data(), static_cast<size_t>(n)}, static_cast<size_t>(n));
    }
  }
  [[nodiscard]] ReplyCounters counters() override { return counters_; }

 private:
  os::Fd fd_;
  ReplyCounters counters_;
};

std::vector<uint8_t> reply(uint32_t seq) {
  wire::TcpHeader header;
  header.src = *wire::Endpoint::parse("10.2.0.2:80");
  header.dst = *wire::Endpoint::parse("10.1.0.1:40000");
  header.seq = wire::Seq(seq);
  header.flags = wire::tcp_flag::kAck;
  std::vector<uint8_t> bytes(wire::kMaxHeaderBytes);
  bytes.resize(wire::write_packet(header, {}, bytes.data()));
  return bytes;
}

class ReplyWorkerTest : public testing::Test {
 protected:
  ReplyWorkerTest() : loop_(*os::EventLoop::create()) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends.data()), 0);
    feed_.reset(ends[0]);
    worker_ = std::make_unique<ReplyWorker>(
        *loop_, std::make_unique<SocketSource>(ends[1]),
        [this](const wire::HeaderRecord& r, os::Nanos) { seqs_.push_back(r.seq.raw()); },
        [this](const std::string& why) { broken_ = why; });
    EXPECT_TRUE(worker_->start());
  }
  bool turn_until(const std::function<bool()>& reached) {
    const auto limit = os::steady_now() + 20 * os::kNanosPerSecond;
    while (!reached()) {
      if (os::steady_now() > limit) return false;
      EXPECT_TRUE(loop_->turn(os::kNanosPerMilli));
    }
    return true;
  }
  std::unique_ptr<os::EventLoop> loop_;
  os::Fd feed_;
  std::vector<uint32_t> seqs_;
  std::string broken_;
  std::unique_ptr<ReplyWorker> worker_;
};

TEST_F(ReplyWorkerTest, RecordsArriveInOrder) {
  constexpr uint32_t kReplies = 2000;
  std::thread sender([this] {
    for (uint32_t i = 0; i < kReplies; ++i) {
      const auto bytes = reply(i);
      EXPECT_EQ(::send(feed_.get(), bytes.data(), bytes.size(), 0),
                static_cast<ssize_t>(bytes.size()));
    }
  });
  EXPECT_TRUE(turn_until([&] { return seqs_.size() == kReplies; }));
  sender.join();
  for (uint32_t i = 0; i < kReplies; ++i) ASSERT_EQ(seqs_[i], i);
  EXPECT_EQ(worker_->figures().replies.packets, kReplies);
}

TEST_F(ReplyWorkerTest, WhatIsNoReplyIsCounted) {
  ASSERT_EQ(::send(feed_.get(), "rubbish", 7, 0), 7);
  EXPECT_TRUE(turn_until([&] { return worker_->figures().parse.malformed == 1; }));
  EXPECT_TRUE(seqs_.empty());
}

TEST_F(ReplyWorkerTest, AFailedSourceIsReported) {
  feed_.reset();
  EXPECT_TRUE(turn_until([&] { return !broken_.empty(); }));
  EXPECT_EQ(broken_, "the source ended");
}

TEST(RecordRing, IsBounded) {
  RecordRing ring(4);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(ring.push({}));
  EXPECT_FALSE(ring.push({}));
  EXPECT_EQ(ring.drain([](const wire::HeaderRecord&) {}), 4U);
  EXPECT_TRUE(ring.push({}));
}

}  // namespace
}  // namespace mirrorlab::intercept
