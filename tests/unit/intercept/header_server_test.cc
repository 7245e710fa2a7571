// The header return server over loopback, with peers of every kind.
#include "intercept/driver/header_server.h"

#include <gtest/gtest.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstdio>
#include <fstream>
#include <functional>

#include "os/stream_socket.h"

namespace mirrorlab::intercept {
namespace {

using os::CloseReason;
using os::HeaderChannel;

wire::HeaderRecord reply(uint16_t port) {
  wire::HeaderRecord r;
  r.flow = {{*wire::IpAddress::parse("10.1.0.1"), port}, {*wire::IpAddress::parse("10.2.0.2"), 80}};
  return r;
}

os::SharedKey key_of(const std::string& content) {
  const std::string path = testing::TempDir() + "mirrorlab-key-" + content.substr(0, 4);
  std::ofstream(path) << content;
  auto key = os::SharedKey::load(path);
  std::remove(path.c_str());
  return *key;
}

// A copy engine's end, turned by hand.
struct Peer {
  std::unique_ptr<HeaderChannel> channel;
  std::vector<wire::HeaderRecord> records;
  void turn(os::Nanos now) {
    channel->on_writable(now);
    channel->on_readable(
        [&](const wire::Frame& frame) {
          auto taken = wire::for_each_item(frame, wire::take_record,
                                           [&](const auto& record) { records.push_back(record); });
          EXPECT_TRUE(taken);
        },
        now);
    channel->on_writable(now);
  }
};

class HeaderServerTest : public testing::Test {
 protected:
  void start(const os::SharedKey* key, const ServerLimits& limits = {}) {
    loop_ = std::move(*os::EventLoop::create());
    server_ = std::make_unique<HeaderServer>(*loop_, key, limits, ClaimLimits{});
    ASSERT_TRUE(server_->listen(*wire::Endpoint::parse("127.0.0.1:0")));
    loop_->after_batch([this](os::Nanos now) { server_->flush(now); });
  }
  void TearDown() override { server_.reset(); }
  os::Fd connect() {
    auto fd = os::start_connect(server_->bound());
    EXPECT_TRUE(fd);
    return std::move(*fd);
  }
  Peer join(const os::SharedKey* key) {
    Peer peer{std::make_unique<HeaderChannel>(connect(), HeaderChannel::Role::client, key,
                                              os::steady_now()),
              {}};
    turn_until([&] { return peer.channel->ready() || peer.channel->failed(); }, &peer);
    return peer;
  }
  bool turn_until(const std::function<bool()>& reached, Peer* peer = nullptr) {
    const auto limit = os::steady_now() + 10 * os::kNanosPerSecond;
    while (!reached()) {
      if (os::steady_now() > limit) return false;
      EXPECT_TRUE(loop_->turn(os::kNanosPerMilli));
      if (peer != nullptr) peer->turn(os::steady_now());
    }
    return true;
  }
  uint64_t closed(CloseReason reason) const {
    return server_->counters().closed[static_cast<size_t>(reason)];
  }
  std::unique_ptr<os::EventLoop> loop_;
  std::unique_ptr<HeaderServer> server_;
};

TEST_F(HeaderServerTest, RepliesGoToTheEngineThatClaimedThem) {
  start(nullptr);
  Peer a = join(nullptr);
  Peer b = join(nullptr);
  ASSERT_TRUE(a.channel->ready() && b.channel->ready());
  wire::append_flow(a.channel->item(wire::FrameType::claim), reply(1).flow);
  wire::append_range(b.channel->item(wire::FrameType::claim_range),
                     {*wire::IpAddress::parse("10.1.0.0"), 16, reply(1).flow.server});
  a.turn(os::steady_now());
  b.turn(os::steady_now());
  ASSERT_TRUE(turn_until(
      [&] { return server_->claims().sessions() == 1 && server_->claims().ranges() == 1; }));
  server_->on_reply(reply(1), loop_->now());
  server_->on_reply(reply(2), loop_->now());
  server_->flush(loop_->now());
  EXPECT_TRUE(turn_until([&] { return !a.records.empty(); }, &a));
  EXPECT_TRUE(turn_until([&] { return !b.records.empty(); }, &b));
  EXPECT_EQ(a.records, std::vector{reply(1)});
  EXPECT_EQ(b.records, std::vector{reply(2)});
}

TEST_F(HeaderServerTest, RightKeyIsLetInAndOthersAreToldWhyNot) {
  const auto right = key_of("one key that both sides know");
  const auto wrong = key_of("two keys that differ somewhere");
  start(&right);
  EXPECT_TRUE(join(&right).channel->ready());
  EXPECT_EQ(join(&wrong).channel->close_reason(), CloseReason::refused);
  EXPECT_EQ(join(nullptr).channel->close_reason(), CloseReason::key_required);
  EXPECT_TRUE(turn_until([&] { return server_->counters().peers_closed == 3; }));
  EXPECT_EQ(closed(CloseReason::wrong_key), 1U);
}

TEST_F(HeaderServerTest, AnEngineWithAKeyRefusesAnInterceptWithout) {
  const auto key = key_of("one key that only one side knows");
  start(nullptr);
  EXPECT_EQ(join(&key).channel->close_reason(), CloseReason::key_missing);
}

TEST_F(HeaderServerTest, MalformedFramesCostTheirSenderTheConnectionAndNobodyElse) {
  start(nullptr);
  Peer good = join(nullptr);
  Peer bad = join(nullptr);
  auto& out = bad.channel->item(wire::FrameType::claim);
  out.insert(out.end(), {9, 9, 9});  // no family 9
  bad.turn(os::steady_now());
  EXPECT_TRUE(turn_until([&] { return closed(CloseReason::malformed_frame) == 1; }));
  EXPECT_EQ(server_->peers(), 1U);
  const os::Fd stranger = connect();
  ASSERT_EQ(::send(stranger.get(), "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL), 18);
  EXPECT_TRUE(turn_until([&] { return closed(CloseReason::malformed_frame) == 2; }));
  EXPECT_EQ(server_->peers(), 1U);
}

TEST_F(HeaderServerTest, FramesBeforeTheHelloAreRefused) {
  start(nullptr);
  const os::Fd stranger = connect();
  std::vector<uint8_t> frame;
  const size_t begin = wire::begin_frame(frame, wire::FrameType::claim);
  wire::append_flow(frame, reply(1).flow);
  wire::end_frame(frame, begin, 1);
  ASSERT_GT(::send(stranger.get(), frame.data(), frame.size(), MSG_NOSIGNAL), 0);
  EXPECT_TRUE(turn_until([&] { return closed(CloseReason::early_frame) == 1; }));
  EXPECT_EQ(server_->claims().sessions(), 0U);
}

TEST_F(HeaderServerTest, StrangersAreBoundedInNumber) {
  start(nullptr, {.peers = 8, .strangers = 2});
  std::vector<os::Fd> strangers;
  for (int i = 0; i < 5; ++i) strangers.push_back(connect());
  EXPECT_TRUE(turn_until([&] { return server_->counters().peers_refused == 3; }));
  EXPECT_EQ(server_->counters().peers_accepted, 2U);
}

// The server's loop does not turn while the peers here stand still: by its clock they would be
// silent, and closed for it, where this test takes long (a loaded machine, a sanitizer).
TEST_F(HeaderServerTest, ASlowPeerLosesItsOwnRecordsOnly) {
  start(nullptr, {.queued = 1U << 18U});
  Peer slow = join(nullptr);
  Peer quick = join(nullptr);
  wire::append_flow(slow.channel->item(wire::FrameType::claim), reply(1).flow);
  wire::append_flow(quick.channel->item(wire::FrameType::claim), reply(2).flow);
  slow.turn(os::steady_now());
  quick.turn(os::steady_now());
  ASSERT_TRUE(turn_until([&] { return server_->claims().sessions() == 2; }));
  // The bounded queue and the socket's buffers hold less than this.
  for (size_t sent = 0; sent < 4'000'000 && server_->counters().overflow == 0; ++sent) {
    server_->on_reply(reply(1), loop_->now());
    if (sent % 512 == 0) server_->flush(loop_->now());
  }
  EXPECT_GT(server_->counters().overflow, 0U);
  server_->on_reply(reply(2), loop_->now());
  server_->flush(loop_->now());
  pollfd readable{quick.channel->fd(), POLLIN, 0};
  ASSERT_EQ(::poll(&readable, 1, 10'000), 1);
  quick.turn(os::steady_now());
  EXPECT_EQ(quick.records, std::vector{reply(2)});
  EXPECT_EQ(server_->peers(), 2U);
}

TEST_F(HeaderServerTest, WhatWaitsInASocketIsNotSilence) {
  start(nullptr);
  Peer speaks = join(nullptr);
  Peer silent = join(nullptr);
  ASSERT_EQ(server_->peers(), 2U);
  const auto later = loop_->now() + 2 * os::HeaderChannel::kSilence;
  wire::append_flow(speaks.channel->item(wire::FrameType::claim), reply(1).flow);
  speaks.turn(os::steady_now());
  // Acknowledged means: in the server's socket.
  const auto limit = os::steady_now() + 10 * os::kNanosPerSecond;
  for (int on_the_way = 1; on_the_way != 0;) {
    ASSERT_EQ(::ioctl(speaks.channel->fd(), SIOCOUTQ, &on_the_way), 0);
    ASSERT_LT(os::steady_now(), limit);
  }
  server_->tick(later);
  EXPECT_EQ(server_->peers(), 1U);
  EXPECT_EQ(closed(CloseReason::silent), 1U);
  EXPECT_EQ(server_->claims().sessions(), 1U);
}

TEST_F(HeaderServerTest, ClaimsOfAPeerThatLeavesAreStillLive) {
  start(nullptr);
  {
    Peer peer = join(nullptr);
    wire::append_flow(peer.channel->item(wire::FrameType::claim), reply(1).flow);
    peer.turn(os::steady_now());
    ASSERT_TRUE(turn_until([&] { return server_->claims().sessions() == 1; }));
  }
  ASSERT_TRUE(turn_until([&] { return server_->peers() == 0; }));
  EXPECT_FALSE(server_->claims().idle());
  server_->on_reply(reply(1), loop_->now());
  Peer again = join(nullptr);
  wire::append_flow(again.channel->item(wire::FrameType::claim), reply(1).flow);
  EXPECT_TRUE(turn_until([&] { return again.records.size() == 1; }, &again));
}

}  // namespace
}  // namespace mirrorlab::intercept
