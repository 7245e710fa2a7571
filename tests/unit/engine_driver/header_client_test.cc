// The copy engine's end of the header return against a server that is turned by hand.
#include "engine/driver/header_client.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "os/stream_socket.h"

namespace mirrorlab::engine {
namespace {

using os::HeaderChannel;

wire::HeaderRecord reply(uint16_t port) {
  wire::HeaderRecord r;
  r.flow = {{*wire::IpAddress::parse("10.1.0.1"), port}, {*wire::IpAddress::parse("10.2.0.2"), 80}};
  return r;
}

class HeaderClientTest : public testing::Test {
 protected:
  HeaderClientTest() {
    loop_ = std::move(*os::EventLoop::create());
    listener_ = std::move(*os::listen_on(*wire::Endpoint::parse("127.0.0.1:0")));
    at_ = os::local_endpoint(listener_.get());
    client_ = std::make_unique<HeaderClient>(
        *loop_, at_, nullptr,
        [this](std::span<const wire::HeaderRecord> records, os::Nanos now) {
          for (const wire::HeaderRecord& r : records) {
            records_.push_back(r);
            client_->claim(r.flow, true);
            client_->flush(now);  // as a full sender makes the engine do
          }
          most_at_once_ = std::max(most_at_once_, records.size());
        },
        [this](bool up, os::Nanos) { ups_.push_back(up); });
    client_->start(loop_->now());
  }
  // Accepts the next connection and says hello.
  void accept() {
    server_.reset();
    turn_until([&] {
      os::Fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (fd) {
        server_ = std::make_unique<HeaderChannel>(std::move(fd), HeaderChannel::Role::server,
                                                  nullptr, loop_->now());
        server_->start();
      }
      return server_ != nullptr;
    });
  }
  bool turn_until(const std::function<bool()>& reached) {
    const auto limit = os::steady_now() + 10 * os::kNanosPerSecond;
    while (!reached()) {
      if (os::steady_now() > limit) return false;
      if (server_) {
        server_->on_writable(loop_->now());
        server_->on_readable(
            [&](const wire::Frame& frame) {
              if (frame.type == wire::FrameType::claim) claims_ += frame.count;
            },
            loop_->now());
        server_->on_writable(loop_->now());
      }
      EXPECT_TRUE(loop_->turn(os::kNanosPerMilli));
    }
    return true;
  }
  std::unique_ptr<os::EventLoop> loop_;
  os::Fd listener_;
  wire::Endpoint at_;
  std::unique_ptr<HeaderChannel> server_;
  std::unique_ptr<HeaderClient> client_;
  std::vector<wire::HeaderRecord> records_;
  std::vector<bool> ups_;
  size_t claims_ = 0;
  size_t most_at_once_ = 0;
};

TEST_F(HeaderClientTest, ConnectsTakesRecordsAndClaims) {
  accept();
  ASSERT_TRUE(turn_until([&] { return client_->up(); }));
  wire::append_record(server_->item(wire::FrameType::headers), reply(1));
  wire::append_record(server_->item(wire::FrameType::headers), reply(2));
  EXPECT_TRUE(turn_until([&] { return claims_ == 2; }));
  EXPECT_EQ(records_, (std::vector{reply(1), reply(2)}));
  EXPECT_EQ(most_at_once_, 2U);
}

TEST_F(HeaderClientTest, ConnectsAgainAfterEveryBreak) {
  for (int round = 1; round <= 3; ++round) {
    accept();
    ASSERT_TRUE(turn_until([&] { return client_->up(); }));
    server_.reset();
    ASSERT_TRUE(turn_until([&] { return !client_->up(); }));
  }
  EXPECT_EQ(ups_, (std::vector<bool>{true, false, true, false, true, false}));
  EXPECT_EQ(client_->counters().breaks, 3U);
  EXPECT_FALSE(client_->last_failure().empty());
}

TEST_F(HeaderClientTest, ABreakInTheMiddleOfReadingIsNoHarm) {
  accept();
  ASSERT_TRUE(turn_until([&] { return client_->up(); }));
  for (uint16_t i = 0; i < 200; ++i) {
    wire::append_record(server_->item(wire::FrameType::headers), reply(i));
  }
  server_->on_writable(loop_->now());
  // Closing with unread claims resets the connection: writing fails while records are taken.
  const linger hard{1, 0};
  ::setsockopt(server_->fd(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  server_.reset();
  EXPECT_TRUE(turn_until([&] { return !client_->up(); }));
}

TEST_F(HeaderClientTest, WithoutAnInterceptItGoesOnTryingAndSaysWhy) {
  listener_.reset();
  ASSERT_TRUE(turn_until([&] { return client_->counters().attempts_failed >= 3; }));
  EXPECT_NE(client_->last_failure().find("mirror-intercept running"), std::string::npos)
      << client_->last_failure();
  EXPECT_FALSE(client_->up());
}

}  // namespace
}  // namespace mirrorlab::engine
