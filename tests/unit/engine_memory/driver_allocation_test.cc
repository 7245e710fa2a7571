// In steady state neither the copy engine nor the header server takes memory from the system for a
// packet: captured bytes go through the real intake, core, injector and header return; the network
// is a test host behind the injector's system call, and a TCP connection over lo.
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include "engine/driver/copy_engine.h"
#include "intercept/driver/header_server.h"
#include "os/packet_intake.h"
#include "unit/engine_memory/kit/allocations.h"
#include "unit/engine_memory/kit/answering_host.h"

namespace mirrorlab::engine {
namespace {
using test::AnsweringHost;
using wire::tcp_flag::kAck;
using wire::tcp_flag::kFin;
using wire::tcp_flag::kPsh;
using wire::tcp_flag::kSyn;

constexpr uint32_t kClients = AnsweringHost::kClients;
constexpr uint32_t kRequest = 100;
const wire::Endpoint kOnline = *wire::Endpoint::parse("10.1.0.1:80");
const wire::Endpoint kTest = *wire::Endpoint::parse("10.2.0.2:80");

// What the clients send, as a capture reads it.
struct Clients {
  static constexpr size_t kRoom = 256;
  std::vector<uint8_t> bytes = std::vector<uint8_t>(size_t{kClients} * kRoom);
  std::array<size_t, kClients> length{};
  bool waiting = false;
  bool wasteful = false;  // a deliberate fault: memory for every packet
  os::Fd readable{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
};

class ClientsSource : public os::PacketSource {
 public:
  explicit ClientsSource(Clients& clients) : clients_(clients) {}
  int fd() const override { return clients_.readable.get(); }
  bool read(const Take& take) override {
    uint64_t ignored = 0;
    [[maybe_unused]] const auto n = ::read(clients_.readable.get(), &ignored, sizeof ignored);
    if (!std::exchange(clients_.waiting, false)) return false;
    for (size_t i = 0; i < kClients; ++i) {
      const wire::Bytes packet{&clients_.bytes[i * Clients::kRoom], clients_.length[i]};
      intake_.take(packet, packet.size(), os::ChecksumState::verify, take);
      if (clients_.wasteful) wasted_ = std::make_unique<int>(1);
    }
    intake_.hand_over(take);
    return false;
  }
  const os::CaptureCounters& counters() override { return intake_.counters(); }

 private:
  Clients& clients_;
  os::PacketIntake intake_;
  std::unique_ptr<int> wasted_;
};

class OneRoute : public os::RouteLookup {
 public:
  os::NextHop find(const wire::IpAddress&) override {
    return {true, 1, 1500, true, false, false, {2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};
  }
  void resolve(const wire::IpAddress&) override {}
};

class DriverAllocation : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(server_.listen(*wire::Endpoint::parse("127.0.0.1:0")));
    loop_->after_batch([this](os::Nanos now) { server_.flush(now); });
    CopyOptions options;
    options.core.mappings.push_back({kOnline, kTest});
    options.core.pace = Pace::none;
    options.intercepts.push_back(server_.bound());
    CopyParts parts = copy_parts();
    parts.notice = nullptr;
    parts.source = [this](const os::CaptureOptions&) -> Made<os::PacketSource> {
      return std::make_unique<ClientsSource>(clients_);
    };
    parts.sender = [](os::InjectWay way, size_t max_packet) -> Made<os::PacketSender> {
      return os::Injector::open(way, max_packet,
                                {std::make_unique<OneRoute>(), AnsweringHost::send_many});
    };
    auto made = CopyEngine::create(*loop_, options, parts, nullptr);
    if (!made) GTEST_SKIP() << made.error();  // packet sockets are root's
    engine_ = std::move(*made);
    engine_->start(loop_->now());
    turn_until([this] { return engine_->link_up() && server_.peers() == 1; });
  }
  void turn_until(const std::function<bool()>& reached) {
    const auto limit = os::steady_now() + 20 * os::kNanosPerSecond;
    while (!reached()) {
      ASSERT_LT(os::steady_now(), limit)
          << host_.syns << ' ' << host_.requests << ' ' << host_.acks << ' ' << host_.fins;
      ASSERT_TRUE(loop_->turn(os::kNanosPerMilli));
    }
  }
  // A packet of each client.
  void capture(uint8_t flags, uint32_t seq, uint32_t length, uint32_t ack) {
    wire::TcpHeader h;
    h.src.address = wire::IpAddress::v4(0x0a090001U);
    h.dst = kOnline;
    h.flags = flags;
    h.window = 65535;
    h.seq = wire::Seq(isn_ + seq);
    h.ack = wire::Seq(isn_ + 7'000'000 + ack);
    if ((flags & kSyn) != 0) h.options.mss = 1460;
    for (size_t i = 0; i < kClients; ++i) {
      h.src.port = static_cast<uint16_t>(AnsweringHost::kFirstPort + i);
      uint8_t* to = &clients_.bytes[i * Clients::kRoom];
      clients_.length[i] = wire::write_packet(h, {payload_.data(), length}, to);
    }
    clients_.waiting = true;
    const uint64_t one = 1;
    ASSERT_EQ(::write(clients_.readable.get(), &one, sizeof one), 8);
  }
  // Captures it, and goes on until the test host has had `what` of each client.
  void step(uint64_t& what, uint8_t flags, uint32_t seq, uint32_t length, uint32_t ack) {
    const uint64_t enough = what + kClients;
    capture(flags, seq, length, ack);
    turn_until([&] { return what >= enough; });
  }
  void open() {
    isn_ += 1'000'000;
    asked_ = said_ = 1;
    step(host_.syns, kSyn, 0, 0, 0);
  }
  void turn() {
    step(host_.requests, kAck | kPsh, asked_, kRequest, said_);
    asked_ += kRequest;
    said_ += AnsweringHost::kAnswer;
  }
  void close() {
    step(host_.fins, kAck | kFin, asked_, 0, said_);
    turn_until([this] { return engine_->core().account().sessions_live == 0; });
  }
  void lives(int count) {
    for (int i = 0; i < count; ++i) {
      open();
      for (int request = 0; request < 3; ++request) turn();
      close();
    }
  }
  static uint64_t taken_by(const std::function<void()>& work) {
    const uint64_t before = test::allocations();
    work();
    return test::allocations() - before;
  }

  std::unique_ptr<os::EventLoop> loop_ = std::move(*os::EventLoop::create());
  intercept::HeaderServer server_{*loop_, nullptr, {}, {}};
  AnsweringHost host_{[this](const wire::HeaderRecord& r) { server_.on_reply(r, loop_->now()); }};
  Clients clients_;
  std::array<uint8_t, kRequest> payload_{};
  std::unique_ptr<CopyEngine> engine_;
  uint32_t isn_ = 0;
  uint32_t asked_ = 1, said_ = 1;  // numbers relative to isn_
};

TEST_F(DriverAllocation, PacketsTakeNoMemoryOnceThePoolsHaveGrown) {
  lives(3);
  open();
  for (int i = 0; i < 5; ++i) turn();
  // Fifty packets of each client. Why not none: on a busy box time goes on to slots of the timer
  // wheel that were never used, each of which grows once; and what an answer was late for is sent
  // again.
  EXPECT_LT(taken_by([this] {
              for (int i = 0; i < 50; ++i) turn();
            }),
            kClients);
  close();
  EXPECT_GE(host_.requests, 64U * kClients);
  EXPECT_EQ(engine_->core().account().sessions_mirrored, 4U * kClients);
  EXPECT_EQ(engine_->core().check_invariants(), "");
}

// New connections in the place of old ones take none either, but that the table of claims is built
// anew once in a thousand or more, and slots of the timer wheel grow.
TEST_F(DriverAllocation, ConnectionsTakeNextToNone) {
  lives(5);
  constexpr int kLives = 20;
  EXPECT_LE(taken_by([this] { lives(kLives); }), kLives * kClients / 100);
  EXPECT_EQ(engine_->core().account().sessions_mirrored, (5U + kLives) * kClients);
}

TEST_F(DriverAllocation, MemoryForEveryPacketIsSeen) {
  lives(3);
  clients_.wasteful = true;
  EXPECT_GE(taken_by([this] { lives(1); }), 5U * kClients);
}

}  // namespace
}  // namespace mirrorlab::engine
