// The owner of a client as the program computes it, and as the kernel does.
#include "os/flow_split.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <random>

#include "os/fd.h"
#include "os/port_filter.h"
#include "wire/packet.h"

namespace mirrorlab::os {
namespace {

std::vector<uint8_t> packet(const wire::Endpoint& client, size_t ip_options) {
  wire::TcpHeader h;
  h.src = client;
  h.dst = {client.address, 80};
  std::vector<uint8_t> bytes(wire::kMaxHeaderBytes);
  bytes.resize(wire::write_packet(h, {}, bytes.data()));
  if (client.address.is_v4() && ip_options > 0) {
    bytes.insert(bytes.begin() + 20, ip_options, 1);
    bytes[0] = static_cast<uint8_t>(0x45 + ip_options / 4);
  }
  return bytes;
}

// The kernel runs the program as a socket filter: what it returns is how much of a datagram it lets
// through, so the owner's number is made a length.
class FlowSplitTest : public testing::Test {
 protected:
  FlowSplitTest() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends.data()), 0);
    out_.reset(ends[0]);
    in_.reset(ends[1]);
  }
  void use(uint32_t count) {
    auto code = fanout_program(count);
    code.insert(code.end() - 1, BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 1));
    ASSERT_TRUE(attach_filter(in_.get(), code));
  }
  uint32_t by_kernel(const std::vector<uint8_t>& bytes) {
    std::array<uint8_t, 2048> buffer;
    EXPECT_GT(::send(out_.get(), bytes.data(), bytes.size(), 0), 0);
    return static_cast<uint32_t>(::recv(in_.get(), buffer.data(), buffer.size(), 0) - 1);
  }
  Fd out_, in_;
};

TEST_F(FlowSplitTest, TheKernelComputesTheSame) {
  std::mt19937 random(42);
  for (const uint32_t count : {1U, 2U, 3U, 8U}) {
    use(count);
    for (int i = 0; i < 200; ++i) {
      std::array<uint8_t, 16> raw;
      for (auto& byte : raw) byte = static_cast<uint8_t>(random());
      const auto port = static_cast<uint16_t>(random());
      const wire::Endpoint v4{wire::IpAddress::v4(raw.data()), port};
      const wire::Endpoint v6{wire::IpAddress::v6(raw.data()), port};
      EXPECT_EQ(by_kernel(packet(v4, i % 3 * 4U)), owner_of(v4, count));
      EXPECT_EQ(by_kernel(packet(v6, 0)), owner_of(v6, count));
    }
  }
}

TEST_F(FlowSplitTest, SharesOutOneHostsPortsAndManyHosts) {
  std::array<int, 4> by_port{}, by_address{};
  for (uint16_t i = 0; i < 4000; ++i) {
    const wire::Endpoint port{wire::IpAddress::v4(0x0a000001), static_cast<uint16_t>(30000 + i)};
    const wire::Endpoint address{wire::IpAddress::v4(0x0a000000U + i), 40000};
    ++by_port[owner_of(port, 4)];
    ++by_address[owner_of(address, 4)];
  }
  for (const int n : by_port) EXPECT_NEAR(n, 1000, 200);
  for (const int n : by_address) EXPECT_NEAR(n, 1000, 200);
}

TEST_F(FlowSplitTest, EveryClientIsExactlyOneThreads) {
  for (uint16_t port = 1; port < 100; ++port) {
    const wire::Endpoint client{wire::IpAddress::v4(0x0a000001), port};
    int owners = 0;
    for (uint32_t i = 0; i < 3; ++i) owners += FlowSplit{i, 3}.mine(client) ? 1 : 0;
    EXPECT_EQ(owners, 1);
  }
}

}  // namespace
}  // namespace mirrorlab::os
