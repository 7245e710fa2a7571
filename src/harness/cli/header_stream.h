// Header records out of the packets of one header connection, intercept to copy engine: the test
// host's replies, as far as they leave it. For breakpoints; the verifier does not rest on it.
//
// Takes segments in any order and twice. What waits for a missing one is bounded; beyond the bound,
// or when the bytes are no frames (another engine's, or encrypted), the stream is given up.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "wire/header_return.h"
#include "wire/packet.h"

namespace mirrorlab::cli {

class HeaderStream {
 public:
  using Use = std::function<void(const wire::HeaderRecord&)>;
  static constexpr size_t kMaxBytes = size_t{1} << 20U;

  // A packet from the intercept; `use` is called for each record that it completes.
  void take(const wire::TcpPacket& packet, const Use& use);
  [[nodiscard]] bool given_up() const { return given_up_; }

 private:
  void append(wire::Bytes bytes);
  void join_early();
  void read_frames(const Use& use);

  bool begun_ = false;
  bool given_up_ = false;
  wire::Seq next_;                                                 // of the byte behind `bytes_`
  std::vector<uint8_t> bytes_;                                     // not read yet
  std::vector<std::pair<wire::Seq, std::vector<uint8_t>>> early_;  // behind a gap
  size_t early_bytes_ = 0;
};

}  // namespace mirrorlab::cli
