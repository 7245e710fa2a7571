// The packets of a run in one notation, and a digest of them: two runs are the same when these are.
#pragma once

#include <cstdint>
#include <string>

#include "sim/event_queue.h"
#include "sim/packet.h"

namespace mirrorlab::sim {

class Trace {
 public:
  // With `keep` the lines are kept, else only the digest.
  explicit Trace(bool keep) : keep_(keep) {}
  void packet(Nanos now, Hop hop, const wire::TcpHeader& header, uint32_t length,
              const char* fate = "");
  void note(Nanos now, const std::string& text);
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] uint64_t digest() const { return digest_; }

 private:
  void add(uint64_t word);
  bool keep_;
  std::string text_;
  uint64_t digest_ = 0;
};

}  // namespace mirrorlab::sim
