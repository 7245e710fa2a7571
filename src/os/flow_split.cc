#include "os/flow_split.h"

namespace mirrorlab::os {

namespace {
constexpr uint32_t kPortFactor = 0x9e3779b1;
constexpr uint32_t kFactor = 0x85ebca6b;
}  // namespace

bool FlowSplit::mine(const wire::Endpoint& client) const {
  return count == 1 || owner_of(client, count) == index;
}

uint32_t owner_of(const wire::Endpoint& client, uint32_t count) {
  const auto bytes = client.address.bytes();
  uint32_t hash = 0;
  for (size_t i = 0; i < bytes.size(); i += 4) hash ^= wire::load32(&bytes[i]);
  hash ^= client.port * kPortFactor;
  return (hash * kFactor >> 16U) % count;
}

std::vector<sock_filter> fanout_program(uint32_t count) {
  const auto load = [](uint16_t size, uint32_t at) -> sock_filter {
    return BPF_STMT(static_cast<uint16_t>(BPF_LD | size | BPF_ABS), at);
  };
  constexpr sock_filter to_x = BPF_STMT(BPF_MISC | BPF_TAX, 0);
  constexpr sock_filter xor_x = BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0);
  std::vector<sock_filter> code = {
      load(BPF_B, 0),
      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xf0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x60, 5, 0),
      // IPv4: the source address is kept in M[0], the port is behind a header of any length.
      load(BPF_W, 12),
      BPF_STMT(BPF_ST, 0),
      BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
      BPF_STMT(BPF_LD | BPF_H | BPF_IND, 0),
      BPF_STMT(BPF_JMP | BPF_JA, 12),
      // IPv6
      load(BPF_W, 8),
      to_x,
      load(BPF_W, 12),
      xor_x,
      to_x,
      load(BPF_W, 16),
      xor_x,
      to_x,
      load(BPF_W, 20),
      xor_x,
      BPF_STMT(BPF_ST, 0),
      load(BPF_H, 40),
      // Both: the port is in A.
      BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, kPortFactor),
      BPF_STMT(BPF_LDX | BPF_MEM, 0),
      xor_x,
      BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, kFactor),
      BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 16),
      BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, count),
      BPF_STMT(BPF_RET | BPF_A, 0),
  };
  return code;
}

}  // namespace mirrorlab::os
