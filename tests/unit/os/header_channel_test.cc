// One header return connection: hello, frames, heartbeat, and what ends it.
#include "os/header_channel.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <fstream>

#include "os/byte_queue.h"

namespace mirrorlab::os {
namespace {

constexpr Nanos kS = kNanosPerSecond;

class HeaderChannelTest : public testing::Test {
 protected:
  HeaderChannelTest() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
    server_ = std::make_unique<HeaderChannel>(Fd(ends[0]), HeaderChannel::Role::server, nullptr, 0);
    client_ = std::make_unique<HeaderChannel>(Fd(ends[1]), HeaderChannel::Role::client, nullptr, 0);
    server_->start();
  }
  void exchange(Nanos now, int rounds = 6) {
    for (int i = 0; i < rounds; ++i) {
      server_->on_writable(now);
      client_->on_readable([&](const wire::Frame& f) { at_client_.push_back(f.count); }, now);
      client_->on_writable(now);
      server_->on_readable([&](const wire::Frame& f) { at_server_.push_back(f.count); }, now);
    }
  }
  wire::FlowKey flow(uint16_t port) {
    return {{*wire::IpAddress::parse("10.1.0.1"), port}, {*wire::IpAddress::parse("10.2.0.2"), 80}};
  }
  std::unique_ptr<HeaderChannel> server_, client_;
  std::vector<uint16_t> at_client_, at_server_;
};

TEST_F(HeaderChannelTest, HelloThenFramesBatchedByType) {
  exchange(0);
  ASSERT_TRUE(server_->ready() && client_->ready());
  for (uint16_t i = 0; i < 3; ++i)
    wire::append_flow(client_->item(wire::FrameType::claim), flow(i));
  wire::append_flow(client_->item(wire::FrameType::unclaim), flow(0));
  exchange(0);
  EXPECT_EQ(at_server_, (std::vector<uint16_t>{3, 1}));
}

TEST_F(HeaderChannelTest, ABacklogOfManyMegabytesArrivesWhole) {
  exchange(0);
  size_t flows = 0;
  for (; client_->queued() < (8U << 20U); ++flows) {
    wire::append_flow(client_->item(wire::FrameType::claim), flow(static_cast<uint16_t>(flows)));
  }
  exchange(0, 2000);
  size_t got = 0;
  for (const uint16_t count : at_server_) got += count;
  EXPECT_EQ(got, flows);
  EXPECT_FALSE(client_->wants_write());
}

TEST_F(HeaderChannelTest, HeartbeatsKeepAQuietConnectionAlive) {
  exchange(0);
  for (Nanos now = kS; now < 60 * kS; now += kS) {
    server_->tick(now);
    client_->tick(now);
    exchange(now, 1);
    ASSERT_FALSE(server_->failed() || client_->failed()) << now / kS << " s";
  }
  EXPECT_TRUE(at_client_.empty() && at_server_.empty());
}

TEST_F(HeaderChannelTest, ANumberedHeartbeatComesBackBehindWhatTheServerHadToSay) {
  exchange(0);
  for (uint16_t i = 0; i < 3; ++i)
    wire::append_flow(server_->item(wire::FrameType::claim), flow(i));
  client_->ask_echo(700);
  exchange(0);
  EXPECT_EQ(at_client_, (std::vector<uint16_t>{3, 700}));
  EXPECT_TRUE(at_server_.empty());
  EXPECT_FALSE(server_->failed() || client_->failed());
}

TEST_F(HeaderChannelTest, ReservedFlagsOfAHelloAreIgnored) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
  HeaderChannel server{Fd(ends[0]), HeaderChannel::Role::server, nullptr, 0};
  const Fd stranger(ends[1]);
  std::vector<uint8_t> hello;
  const size_t begin = wire::begin_frame(hello, wire::FrameType::hello);
  hello.push_back(0x80);
  hello.resize(hello.size() + kNonceBytes + kMacBytes);
  wire::end_frame(hello, begin, 1);
  ASSERT_EQ(::write(stranger.get(), hello.data(), hello.size()),
            static_cast<ssize_t>(hello.size()));
  server.on_readable([](const wire::Frame&) {}, 0);
  EXPECT_TRUE(server.ready()) << server.failure();
}

TEST_F(HeaderChannelTest, SilenceEndsIt) {
  exchange(0);
  client_->tick(HeaderChannel::kSilence - 1);
  EXPECT_FALSE(client_->failed());
  client_->tick(HeaderChannel::kSilence);
  EXPECT_EQ(client_->close_reason(), CloseReason::silent);
}

TEST_F(HeaderChannelTest, AHelloThatDoesNotComeEndsIt) {
  server_->tick(HeaderChannel::kHelloTimeout);
  EXPECT_EQ(server_->close_reason(), CloseReason::hello_timeout);
}

TEST_F(HeaderChannelTest, ASecondHelloEndsIt) {
  exchange(0);
  auto& out = client_->item(wire::FrameType::hello);
  out.insert(out.end(), 65, 0);
  exchange(0, 1);
  EXPECT_EQ(server_->close_reason(), CloseReason::repeated_hello);
}

TEST_F(HeaderChannelTest, ErrorTextsOfStrangersAreMadeFitForALog) {
  auto& out = server_->item(wire::FrameType::error);
  for (const char c : std::string("no\x1b[31m!")) out.push_back(static_cast<uint8_t>(c));
  exchange(0, 1);
  EXPECT_EQ(client_->close_reason(), CloseReason::refused);
  EXPECT_EQ(client_->failure(), "the intercept says: no?[31m!");
}

TEST(ByteQueue, GivesBackWhatWasPutInWhateverThePieces) {
  ByteQueue queue;
  uint8_t in = 0;
  uint8_t out = 0;
  uint32_t random = 7;
  for (int i = 0; i < 20'000; ++i) {
    random = random * 1664525 + 1013904223;
    const size_t n = random >> 24U;
    const auto room = queue.room(n);
    for (size_t k = 0; k < n; ++k) room[k] = in++;
    queue.commit(n);
    const size_t taken = std::min<size_t>(queue.size(), random >> 16U & 0xffU);
    for (size_t k = 0; k < taken; ++k) ASSERT_EQ(queue.bytes()[k], out++);
    queue.consume(taken);
  }
}

TEST(SharedKey, WarnsWhenOthersCanReadTheFile) {
  const std::string path = testing::TempDir() + "mirrorlab-open-key";
  std::ofstream(path) << "sixteen bytes or more of key";
  ::chmod(path.c_str(), 0644);
  EXPECT_NE(SharedKey::load(path)->warning().find("chmod 600"), std::string::npos);
  ::chmod(path.c_str(), 0600);
  EXPECT_EQ(SharedKey::load(path)->warning(), "");
  std::ofstream(path) << "short";
  EXPECT_FALSE(SharedKey::load(path));
  std::remove(path.c_str());
  EXPECT_FALSE(SharedKey::load(path));
}

}  // namespace
}  // namespace mirrorlab::os
