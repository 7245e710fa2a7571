// The injector with routes of the test's making and a kernel that refuses what the test says.
#include "os/injector.h"

#include <gtest/gtest.h>
#include <linux/if_ether.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <map>

namespace mirrorlab::os {
namespace {

constexpr int kDevice = 7;
const wire::Endpoint kTest = *wire::Endpoint::parse("10.2.0.2:80");

// What the system call was given, and what it answers: an errno for each call to come, or 0.
struct Kernel {
  std::deque<int> errors;
  unsigned takes = 1000;  // messages per call
  std::vector<std::vector<uint8_t>> raw;
  std::vector<std::vector<uint8_t>> frames;
  size_t calls = 0;
};
Kernel* kernel = nullptr;

int send_many(int, mmsghdr* messages, unsigned count, int) {
  ++kernel->calls;
  if (!kernel->errors.empty()) {
    const int error = kernel->errors.front();
    kernel->errors.pop_front();
    if (error != 0) {
      errno = error;
      return -1;
    }
  }
  const unsigned n = std::min(count, kernel->takes);
  for (unsigned i = 0; i < n; ++i) {
    const auto& m = messages[i].msg_hdr;
    const auto* bytes = static_cast<const uint8_t*>(m.msg_iov[0].iov_base);
    const bool frame = m.msg_namelen == sizeof(sockaddr_ll);
    (frame ? kernel->frames : kernel->raw).emplace_back(bytes, bytes + m.msg_iov[0].iov_len);
  }
  return static_cast<int>(n);
}

class ScriptedRoutes : public RouteLookup {
 public:
  ScriptedRoutes(NextHop& hop, size_t& asked, size_t& resolved)
      : hop_(hop), asked_(asked), resolved_(resolved) {}
  NextHop find(const wire::IpAddress&) override {
    ++asked_;
    return hop_;
  }
  void resolve(const wire::IpAddress&) override { ++resolved_; }

 private:
  NextHop& hop_;
  size_t& asked_;
  size_t& resolved_;
};

class InjectorTest : public testing::Test {
 protected:
  void SetUp() override {
    kernel = &kernel_;
    hop_ = {true, kDevice, 1500, true, false, false, {2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};
    open(InjectWay::packet);
  }
  void open(InjectWay way) {
    Injector::Parts parts{std::make_unique<ScriptedRoutes>(hop_, asked_, resolved_), send_many};
    auto opened = Injector::open(way, 1500, std::move(parts));
    if (!opened) GTEST_SKIP() << opened.error();
    sender_ = std::move(*opened);
    flush(1);
  }
  void flush(Nanos now) { sender_->flush(now); }
  static wire::TcpHeader header(uint32_t seq = 1) {
    wire::TcpHeader h;
    h.src = *wire::Endpoint::parse("10.9.0.1:4000");
    h.dst = kTest;
    h.seq = wire::Seq(seq);
    h.flags = wire::tcp_flag::kAck;
    return h;
  }
  void send(uint32_t seq, size_t bytes, uint8_t flags = wire::tcp_flag::kAck) {
    auto h = header(seq);
    h.flags = flags;
    std::vector<uint8_t> payload(bytes);
    for (size_t i = 0; i < bytes; ++i) payload[i] = static_cast<uint8_t>(seq + i);
    sender_->send(h, payload);
  }
  static VnetHeader vnet(const std::vector<uint8_t>& frame) {
    VnetHeader v;
    std::memcpy(&v, frame.data(), sizeof v);
    return v;
  }
  static wire::TcpPacket packet(const std::vector<uint8_t>& frame) {
    return *wire::parse_ip_packet(wire::Bytes(frame).subspan(sizeof(VnetHeader) + 14));
  }
  Kernel kernel_;
  NextHop hop_;
  size_t asked_ = 0;
  size_t resolved_ = 0;
  std::unique_ptr<PacketSender> sender_;
};

TEST_F(InjectorTest, FramesAreAddressedAndTheirChecksumIsLeftToTheDevice) {
  send(1, 100);
  flush(1);
  ASSERT_EQ(kernel_.frames.size(), 1U);
  const auto& frame = kernel_.frames[0];
  EXPECT_EQ(vnet(frame).flags, VnetHeader::kNeedsChecksum);
  EXPECT_EQ(vnet(frame).gso_type, 0);
  EXPECT_EQ(vnet(frame).checksum_start, 14 + 20);
  EXPECT_EQ(vnet(frame).checksum_offset, 16);
  EXPECT_EQ(frame[sizeof(VnetHeader) + 5], 2);      // to
  EXPECT_EQ(frame[sizeof(VnetHeader) + 6 + 5], 1);  // from
  EXPECT_EQ(packet(frame).payload.size(), 100U);
  EXPECT_EQ(sender_->counters().by_link, 1U);
}

TEST_F(InjectorTest, SuccessiveFullSegmentsLeaveAsOneSuperPacket) {
  send(1, 1000);
  send(1001, 1000);
  send(2001, 1000);
  send(3001, 10, wire::tcp_flag::kAck | wire::tcp_flag::kPsh);
  send(3011, 10);
  flush(1);
  ASSERT_EQ(kernel_.frames.size(), 2U);
  const auto v = vnet(kernel_.frames[0]);
  EXPECT_EQ(v.gso_type, VnetHeader::kTcp4);
  EXPECT_EQ(v.gso_size, 1000);
  EXPECT_EQ(v.header_bytes, 14 + 20 + 20);
  const auto whole = packet(kernel_.frames[0]);
  ASSERT_EQ(whole.payload.size(), 3010U);
  EXPECT_FALSE(whole.truncated());
  EXPECT_TRUE(whole.header.has(wire::tcp_flag::kPsh));
  for (size_t i = 0; i < 3010; ++i) ASSERT_EQ(whole.payload[i], static_cast<uint8_t>(1 + i)) << i;
  EXPECT_EQ(sender_->counters().packets, 5U);
  EXPECT_EQ(sender_->counters().frames, 2U);
}

TEST_F(InjectorTest, OtherSegmentsAreNotPutTogether) {
  send(1, 1000);
  send(1002, 1000);  // a hole
  send(2002, 1001);  // larger than the ones before
  auto h = header(3003);
  h.ack = wire::Seq(9);
  sender_->send(h, std::vector<uint8_t>(1001));
  h.seq = wire::Seq(4004);
  h.src.port = 4001;
  sender_->send(h, std::vector<uint8_t>(1001));
  h.seq = wire::Seq(5005);
  sender_->send(h, {});  // a pure ack
  h.flags |= wire::tcp_flag::kPsh;
  sender_->send(h, std::vector<uint8_t>(10));
  h.seq = wire::Seq(5015);
  sender_->send(h, std::vector<uint8_t>(10));  // after a push
  flush(1);
  EXPECT_EQ(kernel_.frames.size(), 8U);
}

TEST_F(InjectorTest, ASuperPacketIsNeverLargerThanIpAllows) {
  for (uint32_t i = 0; i < 100; ++i) send(1 + i * 1460, 1460);
  flush(1);
  size_t bytes = 0;
  for (const auto& frame : kernel_.frames) {
    EXPECT_FALSE(packet(frame).truncated());
    EXPECT_LE(frame.size(), sizeof(VnetHeader) + 14 + 65535);
    bytes += packet(frame).payload.size();
  }
  EXPECT_EQ(bytes, 146'000U);
  EXPECT_LE(kernel_.frames.size(), 4U);
}

TEST_F(InjectorTest, PacketsAboveTheMtuOfTodayAreCutOnTheLink) {
  hop_.mtu = 600;
  open(InjectWay::packet);
  send(1, 1400);
  flush(1);
  ASSERT_EQ(kernel_.frames.size(), 1U);
  EXPECT_EQ(vnet(kernel_.frames[0]).gso_size, 560);
  EXPECT_EQ(sender_->counters().cut, 1U);
}

TEST_F(InjectorTest, PacketsAboveTheMtuOfTodayAreCutForRawSockets) {
  hop_.mtu = 600;
  open(InjectWay::raw);
  send(1, 1400, wire::tcp_flag::kAck | wire::tcp_flag::kPsh | wire::tcp_flag::kFin);
  flush(1);
  ASSERT_EQ(kernel_.raw.size(), 3U);
  uint32_t next = 1;
  for (const auto& bytes : kernel_.raw) {
    const auto p = *wire::parse_ip_packet(bytes);
    EXPECT_LE(bytes.size(), 600U);
    EXPECT_TRUE(p.checksum_valid());
    EXPECT_EQ(p.header.seq.raw(), next);
    next += static_cast<uint32_t>(p.payload.size());
    EXPECT_EQ(p.header.has(wire::tcp_flag::kFin), next == 1401);
  }
  EXPECT_EQ(next, 1401U);
  EXPECT_EQ(sender_->counters().cut, 1U);
}

TEST_F(InjectorTest, AFullDeviceOrSocketKeepsTheQueueAndIsTriedAgain) {
  for (const auto way : {InjectWay::packet, InjectWay::raw}) {
    open(way);
    for (const int error : {ENOBUFS, ENOMEM, EAGAIN}) {
      kernel_ = {};
      kernel_.errors = {error, error};
      send(1, 10);
      flush(10);
      const auto wait = sender_->wait();
      EXPECT_EQ(wait.fd >= 0, error == EAGAIN);
      EXPECT_EQ(wait.until != kNever, error != EAGAIN);
      flush(20);
      if (error != EAGAIN) EXPECT_GT(sender_->wait().until - 20, wait.until - 10) << "backs off";
      flush(30);
      EXPECT_EQ(kernel_.raw.size() + kernel_.frames.size(), 1U) << error;
      EXPECT_EQ(sender_->wait().until, kNever);
    }
    EXPECT_EQ(sender_->counters().deferred, 6U);
    EXPECT_EQ(sender_->counters().packets, 3U);
  }
}

TEST_F(InjectorTest, AnyOtherErrorCostsOnePacketAndIsCounted) {
  for (const auto way : {InjectWay::packet, InjectWay::raw}) {
    open(way);
    for (const int error : {EMSGSIZE, ENETUNREACH, ENETDOWN, EHOSTUNREACH, ENXIO, EPERM, EINVAL}) {
      kernel_ = {};
      kernel_.errors = {error};
      send(1, 10);
      send(20, 10);
      flush(10);
      EXPECT_EQ(kernel_.raw.size() + kernel_.frames.size(), 1U) << error;
      EXPECT_EQ(sender_->counters().errors[static_cast<size_t>(error)], 1U);
    }
  }
}

// A kernel that says the same error for a while: how many packets it cost, and what was sent.
struct Spell {
  uint64_t packets, deferred, cost;
  bool backed_off;
};

class ErrorSpell : public InjectorTest,
                   public testing::WithParamInterface<std::tuple<InjectWay, bool, int>> {
 protected:
  // As the engine does: a packet each millisecond, and a flush unless a later time was asked for.
  Spell live_through(int error) {
    constexpr int kPackets = 100;
    kernel_ = {};
    kernel_.errors.assign(100'000, error);
    Nanos longest = 0;
    const auto turn = [&](uint32_t i) {
      const Nanos now = Nanos{i} * kNanosPerMilli;
      auto h = header(i * 100);
      if (std::get<1>(GetParam())) {
        h.src = *wire::Endpoint::parse("[fd00:9::1]:4000");
        h.dst = *wire::Endpoint::parse("[fd00:2::2]:80");
      }
      sender_->send(h, std::vector<uint8_t>(10));
      const auto wait = sender_->wait();
      if (wait.until == kNever || wait.until <= now) flush(now);
      if (sender_->wait().until != kNever) longest = std::max(longest, sender_->wait().until - now);
    };
    for (uint32_t i = 1; i <= kPackets; ++i) turn(i);
    const size_t calls = kernel_.calls;
    kernel_.errors.clear();
    for (uint32_t i = kPackets + 1; i <= 2 * kPackets; ++i) turn(i);
    flush(3 * kPackets * kNanosPerMilli);
    EXPECT_LE(calls, 2 * kPackets);
    EXPECT_LE(longest, kMaxSendRetry);
    const auto& c = sender_->counters();
    return {c.packets, c.deferred, c.errors[static_cast<size_t>(error)],
            calls < static_cast<size_t>(kPackets)};
  }
  static std::vector<uint32_t> sequence(const Kernel& k) {
    std::vector<uint32_t> seen;
    for (const auto& frame : k.frames) seen.push_back(packet(frame).header.seq.raw());
    for (const auto& raw : k.raw) {
      seen.push_back(wire::parse_ip_packet(wire::Bytes(raw))->header.seq.raw());
    }
    return seen;
  }
};

TEST_P(ErrorSpell, IsCountedAndWhatComesAfterItLeavesInOrder) {
  const auto [way, v6, error] = GetParam();
  open(way);
  if (IsSkipped()) return;
  const Spell spell = live_through(error);
  const auto seen = sequence(kernel_);
  EXPECT_TRUE(std::ranges::is_sorted(seen));
  EXPECT_EQ(spell.packets + spell.cost, 200U) << "each is sent or counted";
  EXPECT_EQ(spell.cost, must_wait(error) ? 0U : 100U);
  EXPECT_EQ(spell.deferred > 0, must_wait(error));
  if (error == ENOBUFS || error == ENOMEM) EXPECT_TRUE(spell.backed_off);
  EXPECT_EQ(seen.size(), spell.packets);
  EXPECT_EQ(seen.back(), 200U * 100);
  EXPECT_EQ(sender_->wait().fd, -1);
  EXPECT_EQ(sender_->wait().until, kNever);
}

std::string name_of(const testing::TestParamInfo<ErrorSpell::ParamType>& one) {
  const auto [way, v6, error] = one.param;
  return std::string(way == InjectWay::packet ? "packet" : "raw") + (v6 ? "V6" : "V4") +
         strerrorname_np(error);
}
INSTANTIATE_TEST_SUITE_P(Every, ErrorSpell,
                         testing::Combine(testing::Values(InjectWay::packet, InjectWay::raw),
                                          testing::Bool(),
                                          testing::Values(EAGAIN, ENOBUFS, ENOMEM, EMSGSIZE,
                                                          ENETUNREACH, EHOSTUNREACH, ENETDOWN,
                                                          ENXIO, EPERM)),
                         name_of);

TEST_F(InjectorTest, AnErrorHasTheRouteAskedAgainButNotAllTheTime) {
  const size_t before = asked_;
  send(1, 10);
  for (int i = 0; i < 100; ++i) {
    kernel_.errors = {ENETDOWN};
    send(1, 10);
    flush(i);
  }
  EXPECT_LE(asked_, before + 1);
  kernel_.errors = {ENETDOWN};
  send(1, 10);
  flush(Injector::kSoon + 1);
  EXPECT_EQ(asked_, before + 2);
}

TEST_F(InjectorTest, WithoutARouteNoSystemCallIsMadeUntilItIsBack) {
  hop_.routed = false;
  open(InjectWay::packet);
  const size_t calls = kernel_.calls;
  for (int i = 0; i < 10; ++i) send(1, 10);
  flush(2);
  EXPECT_EQ(kernel_.calls, calls);
  EXPECT_EQ(sender_->counters().errors[ENETUNREACH], 10U);
  hop_.routed = true;
  flush(Injector::kSoon + 2);
  send(1, 10);
  flush(Injector::kSoon + 2);
  EXPECT_EQ(kernel_.frames.size(), 1U);
}

// Left to the kernel they would wait there, and come back to the client as ICMP errors.
TEST_F(InjectorTest, ToANeighbourThatIsNotFoundNothingIsSentUntilItIs) {
  for (const InjectWay way : {InjectWay::packet, InjectWay::raw}) {
    kernel_ = {};
    resolved_ = 0;
    hop_.by_link = false;
    hop_.unresolved = true;
    open(way);
    sender_->expect(kTest.address);
    EXPECT_EQ(resolved_, 1U);
    for (int i = 0; i < 10; ++i) send(1, 10);
    flush(2);
    EXPECT_EQ(kernel_.calls, 0U);
    EXPECT_EQ(sender_->counters().errors[EHOSTUNREACH], 10U);
    flush(Injector::kSoon + 2);
    send(1, 10);
    EXPECT_EQ(resolved_, 1U);
    flush(Injector::kResolve + 2);
    send(1, 10);
    EXPECT_EQ(resolved_, 2U);
    hop_.by_link = true;
    hop_.unresolved = false;
    flush(Injector::kResolve + Injector::kSoon + 2);
    send(1, 10);
    flush(Injector::kResolve + Injector::kSoon + 2);
    EXPECT_EQ(kernel_.frames.size() + kernel_.raw.size(), 1U);
  }
}

TEST_F(InjectorTest, WhereThereIsNoEthernetNeighbourPacketsLeaveByRawSockets) {
  hop_.by_link = false;
  open(InjectWay::packet);
  send(1, 10);
  flush(2);
  EXPECT_EQ(kernel_.raw.size(), 1U);
  hop_.by_link = true;
  flush(Injector::kSoon + 2);
  send(11, 10);
  flush(Injector::kSoon + 2);
  EXPECT_EQ(kernel_.frames.size(), 1U);
}

TEST_F(InjectorTest, ANeighbourNotHeardOfLatelyIsAskedByOnePacketOfTheKernelsOwn) {
  hop_.unconfirmed = true;
  open(InjectWay::packet);
  for (uint32_t i = 0; i < 5; ++i) send(100 * i, 10);
  flush(2);
  EXPECT_EQ(kernel_.raw.size(), 1U);
  EXPECT_EQ(kernel_.frames.size(), 4U);
}

TEST_F(InjectorTest, AFullQueueIsBoundedAndCounted) {
  kernel_.errors.assign(10, ENOBUFS);
  size_t sent = 0;
  for (; !sender_->full(); ++sent) send(static_cast<uint32_t>(sent) * 2000, 1400);
  EXPECT_GT(sent, 1000U);
  flush(1);
  for (int i = 0; i < 5000; ++i) send(7, 1400);
  flush(1);
  const auto& c = sender_->counters();
  EXPECT_GT(c.overflow, 0U);
  kernel_.errors.clear();
  flush(2);
  EXPECT_EQ(sender_->counters().packets + sender_->counters().overflow, sent + 5000);
}

TEST_F(InjectorTest, PartOfABatchIsNotSentTwice) {
  kernel_.takes = 3;
  for (uint32_t i = 0; i < 10; ++i) send(i * 100, 10);
  flush(1);
  ASSERT_EQ(kernel_.frames.size(), 10U);
  for (uint32_t i = 0; i < 10; ++i) EXPECT_EQ(packet(kernel_.frames[i]).header.seq.raw(), i * 100);
}

}  // namespace
}  // namespace mirrorlab::os
