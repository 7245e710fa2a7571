#include "harness/verify/tap_filter.h"

#include <linux/if_packet.h>
#include <net/if_arp.h>

#include <array>

namespace mirrorlab::verify {

namespace {
constexpr uint32_t kTcp = 6;
constexpr uint32_t kWhole = 0x40000;
constexpr std::array<uint32_t, 4> kExtensions = {0, 43, 44, 60};  // RFC 8200, before TCP

// Jumps are written with a mark, which is made an offset when the ends are known.
enum Mark : uint8_t { next, six, ports, headers, whole, drop, marks };

struct Program {
  std::vector<sock_filter> code;
  std::array<size_t, marks> at{};
  void add(uint32_t operation, uint32_t value) {
    code.push_back(BPF_STMT(static_cast<uint16_t>(operation), value));
  }
  void branch(uint32_t test, uint32_t value, Mark yes, Mark no) {
    code.push_back({static_cast<uint16_t>(BPF_JMP | test | BPF_K), yes, no, value});
  }
  void go(Mark mark) { code.push_back({BPF_JMP | BPF_JA, mark, 0, 0}); }
  void label(Mark mark) { at[mark] = code.size(); }
  void resolve() {
    for (size_t i = 0; i < code.size(); ++i) {
      const auto offset = [&](uint8_t mark) { return mark == next ? 0 : at[mark] - i - 1; };
      if (code[i].code == (BPF_JMP | BPF_JA)) {
        code[i].k = static_cast<uint32_t>(offset(code[i].jt));
        code[i].jt = 0;
      } else if (BPF_CLASS(code[i].code) == BPF_JMP) {
        code[i].jt = static_cast<uint8_t>(offset(code[i].jt));
        code[i].jf = static_cast<uint8_t>(offset(code[i].jf));
      }
    }
  }
};
}  // namespace

std::vector<sock_filter> tap_filter(const std::vector<uint16_t>& whole_ports, uint32_t kept) {
  Program p;
  p.add(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_HATYPE));
  p.branch(BPF_JEQ, ARPHRD_LOOPBACK, drop, next);
  p.add(BPF_LD | BPF_B | BPF_ABS, 0);
  p.add(BPF_ALU | BPF_AND | BPF_K, 0xf0);
  p.branch(BPF_JEQ, 0x60, six, next);
  p.branch(BPF_JEQ, 0x40, next, drop);
  p.add(BPF_LD | BPF_B | BPF_ABS, 9);
  p.branch(BPF_JEQ, kTcp, next, headers);
  p.add(BPF_LD | BPF_H | BPF_ABS, 6);
  p.branch(BPF_JSET, 0x1fff, headers, next);  // a later fragment has no ports
  p.add(BPF_LDX | BPF_B | BPF_MSH, 0);
  p.add(BPF_LD | BPF_H | BPF_IND, 2);
  p.go(ports);
  p.label(six);
  p.add(BPF_LD | BPF_B | BPF_ABS, 6);
  for (const uint32_t extension : kExtensions) p.branch(BPF_JEQ, extension, whole, next);
  p.branch(BPF_JEQ, kTcp, next, headers);
  p.add(BPF_LD | BPF_H | BPF_ABS, 42);
  p.label(ports);
  if (whole_ports.size() > kMaxWholePorts) {
    p.go(whole);
  } else {
    p.add(BPF_MISC | BPF_TAX, 0);
    p.add(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_PKTTYPE));
    p.branch(BPF_JEQ, PACKET_OUTGOING, headers, next);
    p.add(BPF_MISC | BPF_TXA, 0);
    for (const uint16_t port : whole_ports) p.branch(BPF_JEQ, port, whole, next);
  }
  p.label(headers);
  p.add(BPF_RET | BPF_K, kept);
  p.label(whole);
  p.add(BPF_RET | BPF_K, kWhole);
  p.label(drop);
  p.add(BPF_RET | BPF_K, 0);
  p.resolve();
  return std::move(p.code);
}

}  // namespace mirrorlab::verify
