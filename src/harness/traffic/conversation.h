// A captured TCP connection as a play with two parts: what either end said, after how much of what
// the other had said, and how long it took over it. For `kind: pcap` and `service: replay`.
//
// `after` comes from the acknowledgement numbers: what a packet acknowledges, its sender had. So
// the parts cannot wait for each other in a circle. Of bytes that were captured twice the first
// ones count. Only whole conversations can be played: from the SYN on, with every byte of both
// ends.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "harness/traffic/capture_file.h"
#include "wire/flow.h"

namespace mirrorlab::traffic {

enum class CueKind : uint8_t { send, close, reset };

// What one end does next.
struct Cue {
  CueKind kind = CueKind::send;
  uint64_t after = 0;  // bytes of the other end; one more than it has: its close
  uint64_t begin = 0;  // of the own stream: what is sent
  uint64_t end = 0;
  int64_t pause_ns = 0;  // since `after` was there and the cue before was done
};

struct Conversation {
  wire::Endpoint client, server;  // in the capture
  int64_t start_ns = 0;           // of its SYN, since the capture began
  struct Part {
    std::string bytes;
    std::vector<Cue> cues;  // sends in stream order, at most one close or reset behind them
  };
  Part from_client, from_server;
};

struct Conversations {
  std::vector<Conversation> all;             // in the order of their SYNs
  std::map<std::string, uint64_t> left_out;  // why, and how many
  // Conversations that are played, and what became of the others, in words.
  [[nodiscard]] std::string summary() const;
};

[[nodiscard]] Conversations conversations_of(const CaptureFile& file);

// Conversations of a file, or of all captures (*.pcap, *.pcapng) in a directory; none that can be
// played is an error, too.
using SharedConversations = std::shared_ptr<const Conversations>;
[[nodiscard]] tl::expected<SharedConversations, std::string> load_conversations(
    const std::string& path);

// Which conversation a connection plays is told by the client's port, so that a service knows it
// before the first byte, and the mirrored twin, which has the same port, plays the same one.
inline constexpr uint16_t kFirstPlayPort = 20000;
inline constexpr uint64_t kMaxConversations = 40000;
[[nodiscard]] uint16_t play_port(uint64_t user, uint64_t conversations);
[[nodiscard]] uint64_t played_on(uint16_t port, uint64_t conversations);

}  // namespace mirrorlab::traffic
