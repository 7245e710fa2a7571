// One JSON line per ended session. Bounded: what the disk does not take is counted, never fatal.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>

#include "engine/core/sink.h"
#include "os/fd.h"

namespace mirrorlab::engine {

class SessionLog {
 public:
  // An empty path: no log. Several may write to one file, of which one is the first to open it.
  static tl::expected<SessionLog, std::string> open(const std::string& path, bool first = true);
  void write(const SessionReport& report);
  // Writes what is buffered. Says each kind of failure once.
  void flush();
  [[nodiscard]] uint64_t lines() const { return lines_; }
  [[nodiscard]] uint64_t lost_lines() const { return lost_lines_; }
  [[nodiscard]] const std::string& failure() const { return failure_; }

 private:
  static constexpr size_t kFlushBytes = 64 * 1024;
  static constexpr size_t kMaxBytes = 1 << 20;
  os::Fd fd_;
  std::string path_;
  std::string buffer_;
  uint64_t buffered_lines_ = 0;
  uint64_t lines_ = 0;
  uint64_t lost_lines_ = 0;
  std::string failure_;
};

}  // namespace mirrorlab::engine
