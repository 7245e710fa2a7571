#include "os/port_filter.h"

#include <sys/socket.h>

#include <array>

#include "os/error.h"

namespace mirrorlab::os {

namespace {
constexpr uint8_t kTcp = 6;
constexpr std::array<uint8_t, 4> kExtensions = {0, 43, 44, 60};  // RFC 8200, before TCP

// Jumps name their target; the offsets are filled in when all is written.
class Assembler {
 public:
  enum Target : uint8_t { next, v6, match, accept, reject, targets };

  void label(Target t) { at_[t] = code_.size(); }
  void load(uint16_t size, uint32_t offset) {
    code_.push_back(BPF_STMT(static_cast<uint16_t>(BPF_LD | size | BPF_ABS), offset));
    marks_.push_back({next, next});
  }
  void raw(sock_filter f) {
    code_.push_back(f);
    marks_.push_back({next, next});
  }
  void branch(uint16_t test, uint32_t value, Target yes, Target no) {
    code_.push_back(BPF_JUMP(static_cast<uint16_t>(BPF_JMP | test | BPF_K), value, 0, 0));
    marks_.push_back({yes, no});
  }
  void go(Target t) {
    code_.push_back(BPF_JUMP(BPF_JMP | BPF_JA, 0, 0, 0));
    marks_.push_back({t, t});
  }
  std::vector<sock_filter> finish() {
    for (size_t i = 0; i < code_.size(); ++i) {
      const auto offset = [&](Target t) { return t == next ? 0 : at_[t] - i - 1; };
      if (code_[i].code == (BPF_JMP | BPF_JA)) {
        code_[i].k = static_cast<uint32_t>(offset(marks_[i].yes));
      } else {
        code_[i].jt = static_cast<uint8_t>(offset(marks_[i].yes));
        code_[i].jf = static_cast<uint8_t>(offset(marks_[i].no));
      }
    }
    return std::move(code_);
  }

 private:
  struct Marks {
    Target yes;
    Target no;
  };
  std::vector<sock_filter> code_;
  std::vector<Marks> marks_;
  std::array<size_t, targets> at_{};
};
constexpr uint32_t kAll = 0x40000;  // more than any packet has

using A = Assembler;

std::vector<sock_filter> finish(A& a, size_t refused_bytes) {
  a.label(A::reject);
  a.raw(BPF_STMT(BPF_RET | BPF_K, static_cast<uint32_t>(refused_bytes)));
  a.label(A::accept);
  a.raw(BPF_STMT(BPF_RET | BPF_K, kAll));
  return a.finish();
}

enum class Take : uint8_t { all, plain, strays };

std::vector<sock_filter> packet_filter(const std::vector<uint16_t>& ports, size_t refused_bytes,
                                       Take take = Take::all) {
  const A::Target stray = take == Take::plain ? A::reject : A::accept;
  const uint32_t fragment_bits = take == Take::all ? 0x1fff : 0x3fff;  // and "more fragments"
  A a;
  a.load(BPF_B, 0);
  a.raw(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xf0));
  a.branch(BPF_JEQ, 0x60, A::v6, A::next);
  a.branch(BPF_JEQ, 0x40, A::next, A::reject);
  a.load(BPF_B, 9);
  a.branch(BPF_JEQ, kTcp, A::next, A::reject);
  a.load(BPF_H, 6);
  a.branch(BPF_JSET, fragment_bits, stray, A::next);  // a later fragment has no ports
  a.raw(BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0));
  a.raw(BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2));
  a.go(A::match);
  a.label(A::v6);
  a.load(BPF_B, 6);
  for (const uint8_t extension : kExtensions) a.branch(BPF_JEQ, extension, stray, A::next);
  a.branch(BPF_JEQ, kTcp, A::next, A::reject);
  a.load(BPF_H, 42);
  a.label(A::match);
  for (const uint16_t port : ports) a.branch(BPF_JEQ, port, A::accept, A::next);
  return finish(a, refused_bytes);
}
}  // namespace

std::vector<sock_filter> port_filter(const std::vector<uint16_t>& ports) {
  return packet_filter(ports, 0);
}
std::vector<sock_filter> plain_port_filter(const std::vector<uint16_t>& ports) {
  return packet_filter(ports, 0, Take::plain);
}
std::vector<sock_filter> stray_filter() { return packet_filter({}, 0, Take::strays); }
std::vector<sock_filter> closed_filter() { return {BPF_STMT(BPF_RET | BPF_K, 0)}; }
std::vector<sock_filter> cutting_port_filter(const std::vector<uint16_t>& ports) {
  return packet_filter(ports, kRefusedBytes);
}
std::vector<sock_filter> cutting_segment_filter(const std::vector<uint16_t>& ports) {
  A a;
  a.load(BPF_H, 2);
  for (const uint16_t port : ports) a.branch(BPF_JEQ, port, A::accept, A::next);
  return finish(a, kRefusedBytes);
}

tl::expected<void, std::string> attach_filter(int fd, const std::vector<sock_filter>& filter) {
  auto code = filter;
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  if (::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0) {
    return failure("cannot attach the capture filter");
  }
  return {};
}

}  // namespace mirrorlab::os
