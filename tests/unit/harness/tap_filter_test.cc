// The kernel's program of a tap, run by a small machine of our own: libpcap's has no way to say
// what device a packet is on.
#include "harness/verify/tap_filter.h"

#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>

#include <optional>

#include "wire/bytes.h"

namespace mirrorlab::verify {
namespace {

constexpr uint32_t kKept = 100;
constexpr uint32_t kWhole = 0x40000;

struct Seen {
  std::vector<uint8_t> packet;  // from the IP header
  uint32_t kind = PACKET_HOST;
  uint32_t device = ARPHRD_ETHER;
};

// A packet of `packet` as the program reads it; nothing behind its end.
std::optional<uint32_t> load(const Seen& seen, uint16_t size, uint32_t at) {
  if (at == static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_HATYPE)) return seen.device;
  if (at == static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_PKTTYPE)) return seen.kind;
  const size_t bytes = size == BPF_B ? 1 : size == BPF_H ? 2 : 4;
  if (at + bytes > seen.packet.size()) return std::nullopt;
  uint32_t value = 0;
  for (size_t i = 0; i < bytes; ++i) value = value << 8U | seen.packet[at + i];
  return value;
}

// The bytes that are kept, as the kernel would run it: 0 where a load is behind the end.
uint32_t kept(const std::vector<sock_filter>& program, const Seen& seen) {
  uint32_t a = 0, x = 0;
  for (size_t pc = 0; pc < program.size(); ++pc) {
    const sock_filter& f = program[pc];
    std::optional<uint32_t> loaded;
    switch (f.code) {
      case BPF_LD | BPF_W | BPF_ABS:
      case BPF_LD | BPF_H | BPF_ABS:
      case BPF_LD | BPF_B | BPF_ABS:
      case BPF_LD | BPF_H | BPF_IND:
        loaded = load(seen, BPF_SIZE(f.code), f.k + (BPF_MODE(f.code) == BPF_IND ? x : 0));
        if (!loaded) return 0;
        a = *loaded;
        break;
      case BPF_LDX | BPF_B | BPF_MSH:
        loaded = load(seen, BPF_B, f.k);
        if (!loaded) return 0;
        x = (*loaded & 0xfU) * 4;
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        a &= f.k;
        break;
      case BPF_JMP | BPF_JA:
        pc += f.k;
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        pc += a == f.k ? f.jt : f.jf;
        break;
      case BPF_JMP | BPF_JSET | BPF_K:
        pc += (a & f.k) != 0 ? f.jt : f.jf;
        break;
      case BPF_MISC | BPF_TAX:
        x = a;
        break;
      case BPF_MISC | BPF_TXA:
        a = x;
        break;
      case BPF_RET | BPF_K:
        return f.k;
      default:
        ADD_FAILURE() << "no such operation: " << f.code;
        return 0;
    }
  }
  ADD_FAILURE() << "it does not return";
  return 0;
}

std::vector<uint8_t> ipv4(uint16_t port, uint8_t protocol = 6, uint16_t fragment = 0,
                          uint8_t words = 5) {
  const size_t ip_bytes = words * size_t{4};
  std::vector<uint8_t> p(ip_bytes + 20);
  p[0] = static_cast<uint8_t>(0x40U | words);
  p[6] = static_cast<uint8_t>(fragment >> 8U);
  p[7] = static_cast<uint8_t>(fragment);
  p[9] = protocol;
  p[ip_bytes + 2] = static_cast<uint8_t>(port >> 8U);
  p[ip_bytes + 3] = static_cast<uint8_t>(port);
  return p;
}

std::vector<uint8_t> ipv6(uint16_t port, uint8_t next = 6) {
  std::vector<uint8_t> p(60);
  p[0] = 0x60;
  p[6] = next;
  p[42] = static_cast<uint8_t>(port >> 8U);
  p[43] = static_cast<uint8_t>(port);
  return p;
}

const std::vector<sock_filter> kProgram = tap_filter({80, 8080}, kKept);

TEST(TapFilter, KeepsWholeWhatComesInToOneOfThePorts) {
  EXPECT_EQ(kept(kProgram, {ipv4(80)}), kWhole);
  EXPECT_EQ(kept(kProgram, {ipv4(8080)}), kWhole);
  EXPECT_EQ(kept(kProgram, {ipv4(8080, 6, 0, 15)}), kWhole) << "behind IP options";
  EXPECT_EQ(kept(kProgram, {ipv4(80, 6, 0x2000)}), kWhole) << "a first fragment has the ports";
  EXPECT_EQ(kept(kProgram, {ipv6(80)}), kWhole);
}

TEST(TapFilter, KeepsTheHeadersOfAllElse) {
  EXPECT_EQ(kept(kProgram, {ipv4(81)}), kKept);
  EXPECT_EQ(kept(kProgram, {ipv6(81)}), kKept);
  EXPECT_EQ(kept(kProgram, {ipv4(80, 17)}), kKept) << "UDP";
  EXPECT_EQ(kept(kProgram, {ipv4(80, 6, 0x0001)}), kKept) << "a later fragment has no ports";
  EXPECT_EQ(kept(kProgram, {ipv4(80), PACKET_OUTGOING}), kKept);
  EXPECT_EQ(kept(kProgram, {ipv6(80), PACKET_OUTGOING}), kKept);
}

TEST(TapFilter, KeepsIpv6WithExtensionHeadersWhole) {
  for (const uint8_t extension : std::initializer_list<uint8_t>{0, 43, 44, 60}) {
    EXPECT_EQ(kept(kProgram, {ipv6(81, extension)}), kWhole) << int{extension};
  }
  EXPECT_EQ(kept(kProgram, {ipv6(80, 58)}), kKept) << "ICMPv6";
}

TEST(TapFilter, LeavesOutLoopbackAndWhatIsNoIp) {
  EXPECT_EQ(kept(kProgram, {ipv4(80), PACKET_HOST, ARPHRD_LOOPBACK}), 0U);
  EXPECT_EQ(kept(kProgram, {{0x00, 0x01, 0x08, 0x00}}), 0U) << "ARP";
  EXPECT_EQ(kept(kProgram, {{}}), 0U);
  EXPECT_EQ(kept(kProgram, {{0x45, 0, 0, 20}}), 0U) << "cut";
}

TEST(TapFilter, WithoutPortsHeadersAreKeptAndBeyondTheMostEverything) {
  EXPECT_EQ(kept(tap_filter({}, kKept), {ipv4(80)}), kKept);
  std::vector<uint16_t> ports;
  for (uint16_t port = 1; port <= kMaxWholePorts; ++port) ports.push_back(port);
  const auto most = tap_filter(ports, kKept);
  EXPECT_EQ(kept(most, {ipv4(1)}), kWhole);
  EXPECT_EQ(kept(most, {ipv4(kMaxWholePorts)}), kWhole);
  EXPECT_EQ(kept(most, {ipv4(kMaxWholePorts + 1)}), kKept);
  EXPECT_EQ(kept(most, {ipv6(1), PACKET_HOST, ARPHRD_LOOPBACK}), 0U) << "a long jump";
  ports.push_back(999);
  const auto beyond = tap_filter(ports, kKept);
  EXPECT_EQ(kept(beyond, {ipv4(5555)}), kWhole);
  EXPECT_EQ(kept(beyond, {ipv4(5555, 17)}), kKept);
}

}  // namespace
}  // namespace mirrorlab::verify
