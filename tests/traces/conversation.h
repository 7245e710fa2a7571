// The TCP conversations of a capture: what the client sent, packet by packet, and what the online
// side answered to it.
#pragma once

#include <map>
#include <vector>

#include "support/capture_file.h"
#include "support/test_host.h"

namespace mirrorlab::testing {

struct Conversation {
  wire::Endpoint client;
  wire::Endpoint online;
  struct Packet {
    int64_t time_ns = 0;
    size_t index = 0;  // in the capture
  };
  std::vector<Packet> from_client;
  std::vector<Answer> answers;  // in the order of `after`

  // What the client's packets say its streams are: first received wins. One for each captured SYN
  // (or for what came before any), by offset from the byte after it.
  struct Stream {
    wire::Seq zero;
    bool whole = false;
    std::map<int64_t, uint8_t> bytes;
  };
  std::vector<Stream> streams;
};

struct Conversations {
  std::vector<Conversation> all;
  size_t no_tcp = 0;     // IP packets of other protocols
  size_t fragments = 0;  // IP fragments: not reassembled, as in the engine
  size_t malformed = 0;  // packets that are cut or contradict themselves
};
[[nodiscard]] Conversations conversations_of(const CaptureFile& file);

}  // namespace mirrorlab::testing
