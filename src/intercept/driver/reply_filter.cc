#include "intercept/driver/reply_filter.h"

#include <array>
#include <charconv>
#include <cstddef>

#include "wire/flow.h"

namespace mirrorlab::intercept {

namespace {
constexpr uint32_t kTcp = 6;
constexpr std::array<uint32_t, 4> kExtensions = {0, 43, 44, 60};  // RFC 8200, before TCP
constexpr int kMaxExtensions = 3;

// Jumps name a label; all of them go by JA, whose offset has 32 bits.
class Assembler {
 public:
  enum Label : uint8_t { v6, tcp_v6, ports, accept, reject, labels };

  explicit Assembler(uint32_t base) : base_(base) {}
  void place(Label label) { at_[label] = code_.size(); }
  void add(uint16_t code, uint32_t k = 0) { code_.push_back(BPF_STMT(code, k)); }
  void load(uint16_t size, uint32_t at) {
    add(static_cast<uint16_t>(BPF_LD | size | BPF_ABS), base_ + at);
  }
  void load_from_x(uint16_t size, uint32_t at) {
    add(static_cast<uint16_t>(BPF_LD | size | BPF_IND), base_ + at);
  }
  void load_ip_header_length() { add(BPF_LDX | BPF_B | BPF_MSH, base_); }
  void go(Label label) {
    jumps_.push_back({code_.size(), label});
    code_.push_back(BPF_JUMP(BPF_JMP | BPF_JA, 0, 0, 0));
  }
  void go_if(uint16_t test, uint32_t value, Label label) { branch(test, value, 0, 1, label); }
  void go_unless(uint16_t test, uint32_t value, Label label) { branch(test, value, 1, 0, label); }
  // Skips the next `n` instructions if equal.
  void skip_if(uint32_t value, uint8_t n) {
    code_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, n, 0));
  }
  std::vector<sock_filter> finish() {
    for (const auto& jump : jumps_) {
      code_[jump.from].k = static_cast<uint32_t>(at_[jump.to] - jump.from - 1);
    }
    return std::move(code_);
  }

 private:
  struct Jump {
    size_t from;
    Label to;
  };
  void branch(uint16_t test, uint32_t value, uint8_t yes, uint8_t no, Label label) {
    code_.push_back(BPF_JUMP(static_cast<uint16_t>(BPF_JMP | test | BPF_K), value, yes, no));
    go(label);
  }
  uint32_t base_;
  std::vector<sock_filter> code_;
  std::vector<Jump> jumps_;
  std::array<size_t, labels> at_{};
};

struct Network {
  wire::IpAddress address;
  unsigned bits = 0;
};

Network network_of(const std::string& text) {
  const auto slash = text.find('/');
  Network n{*wire::IpAddress::parse(text.substr(0, slash))};
  n.bits = static_cast<unsigned>(n.address.bytes().size() * 8);
  if (slash != std::string::npos) {
    std::from_chars(text.data() + slash + 1, text.data() + text.size(), n.bits);
  }
  return n;
}

// Rejects what goes to this network; `at`: where the destination is.
void pass(Assembler& a, const Network& network, uint32_t at) {
  const unsigned words = (network.bits + 31) / 32;
  // Each word: load, mask, compare, jump on; all are equal: reject.
  for (unsigned i = 0; i < words; ++i) {
    const unsigned bits = std::min(network.bits - 32 * i, 32U);
    const uint32_t mask = bits == 32 ? UINT32_MAX : ~(UINT32_MAX >> bits);
    a.load(BPF_W, at + 4 * i);
    a.add(BPF_ALU | BPF_AND | BPF_K, mask);
    a.skip_if(wire::load32(&network.address.bytes()[4 * i]) & mask, 1);
    // Over what is left of this network: four instructions a word, and the reject.
    a.add(BPF_JMP | BPF_JA, 4 * (words - 1 - i) + 1);
  }
  a.go(Assembler::reject);
}

void walk_extensions(Assembler& a) {
  a.add(BPF_LDX | BPF_W | BPF_IMM, 0);
  a.load(BPF_B, 6);
  for (int i = 0; i < kMaxExtensions; ++i) {
    a.go_if(BPF_JEQ, kTcp, Assembler::tcp_v6);
    for (size_t e = 0; e < kExtensions.size(); ++e) {
      a.skip_if(kExtensions[e], static_cast<uint8_t>(kExtensions.size() - e));
    }
    a.go(Assembler::reject);
    a.load_from_x(BPF_B, 40);
    a.add(BPF_ST, 0);
    a.load_from_x(BPF_B, 41);
    a.add(BPF_ALU | BPF_ADD | BPF_K, 1);
    a.add(BPF_ALU | BPF_LSH | BPF_K, 3);
    a.add(BPF_ALU | BPF_ADD | BPF_X);
    a.add(BPF_MISC | BPF_TAX);
    a.add(BPF_LD | BPF_W | BPF_MEM, 0);
  }
  a.go_unless(BPF_JEQ, kTcp, Assembler::reject);
}
}  // namespace

std::vector<sock_filter> reply_filter(FilterUse use, const std::vector<uint16_t>& ports,
                                      const std::vector<std::string>& passed) {
  const bool tc = use == FilterUse::tc;
  Assembler a(tc ? static_cast<uint32_t>(SKF_NET_OFF) : 0);
  std::vector<Network> networks;
  for (const auto& text : passed) networks.push_back(network_of(text));
  if (tc) {
    a.add(BPF_LD | BPF_H | BPF_ABS, static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_PROTOCOL));
    a.go_if(BPF_JEQ, 0x86dd, Assembler::v6);
    a.go_unless(BPF_JEQ, 0x0800, Assembler::reject);
  } else {
    a.load(BPF_B, 0);
    a.add(BPF_ALU | BPF_RSH | BPF_K, 4);
    a.go_if(BPF_JEQ, 6, Assembler::v6);
    a.go_unless(BPF_JEQ, 4, Assembler::reject);
  }
  a.load(BPF_B, 9);
  a.go_unless(BPF_JEQ, kTcp, Assembler::reject);
  for (const auto& n : networks) {
    if (n.address.is_v4()) pass(a, n, 16);
  }
  a.load(BPF_H, 6);
  a.go_if(BPF_JSET, 0x1fff, Assembler::accept);
  a.load_ip_header_length();
  a.load_from_x(BPF_H, 0);
  a.go(Assembler::ports);
  a.place(Assembler::v6);
  for (const auto& n : networks) {
    if (!n.address.is_v4()) pass(a, n, 24);
  }
  walk_extensions(a);
  a.place(Assembler::tcp_v6);
  a.load_from_x(BPF_H, 40);
  a.place(Assembler::ports);
  for (const uint16_t port : ports) a.go_if(BPF_JEQ, port, Assembler::accept);
  a.place(Assembler::reject);
  a.add(BPF_RET | BPF_K, 0);
  a.place(Assembler::accept);
  a.add(BPF_RET | BPF_K, tc ? UINT32_MAX : kReplySnap);
  return a.finish();
}

std::string bytecode_text(const std::vector<sock_filter>& program) {
  std::string text = std::to_string(program.size());
  for (const auto& i : program) {
    text += "," + std::to_string(i.code) + " " + std::to_string(i.jt) + " " + std::to_string(i.jf) +
            " " + std::to_string(i.k);
  }
  return text;
}

}  // namespace mirrorlab::intercept
