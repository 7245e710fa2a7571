// One packet notation for reading and printing, after packetdrill's:
//
//   S 0:0(0) win 65535 <mss 1460,sackOK,wscale 7>
//   P. 1:101(100) ack 1 win 512 <TS val 10 ecr 7,sack 201:301>
//
// Sequence numbers are relative to the connection's initial ones and may exceed 32 bits.
// Flags: S F R P . (ack) U E W. Further words: `isn N` sets the sender's initial sequence number,
// `differs` says that the payload is not the stream's (every byte inverted), `cut N` that the
// capture kept N bytes of it. In an expectation, what is not written is not compared; a bare `TS`
// means any timestamps.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mirrorlab::engine::kit {

struct Notation {
  struct Timestamps {
    uint32_t value = 0;
    uint32_t echo = 0;
  };
  uint8_t flags = 0;
  int64_t seq = 0;
  uint32_t length = 0;
  std::optional<int64_t> ack;
  std::optional<uint16_t> window;
  std::optional<uint32_t> isn;
  std::optional<uint32_t> cut;
  bool differs = false;
  bool has_options = false;
  std::optional<uint16_t> mss;
  std::optional<uint8_t> scale;
  bool sack_ok = false;
  bool any_timestamps = false;
  std::optional<Timestamps> timestamps;
  std::vector<std::pair<int64_t, int64_t>> sack;

  [[nodiscard]] std::string print() const;
  // Empty when `got` is what this expectation says, else what differs.
  [[nodiscard]] std::string mismatch(const Notation& got) const;
};

// Empty with `error` set when `text` is not a packet.
[[nodiscard]] std::optional<Notation> parse_notation(std::string_view text, std::string& error);

}  // namespace mirrorlab::engine::kit
