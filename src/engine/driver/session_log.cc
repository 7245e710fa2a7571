#include "engine/driver/session_log.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "os/error.h"

namespace mirrorlab::engine {

tl::expected<SessionLog, std::string> SessionLog::open(const std::string& path, bool first) {
  SessionLog log;
  log.path_ = path;
  if (path.empty()) return log;
  log.fd_.reset(::open(path.c_str(),
                       O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (first ? O_TRUNC : 0), 0644));
  if (!log.fd_)
    return os::failure("cannot open --session-log " + path, errno,
                       "name a file in a directory "
                       "that exists and is writable");
  log.buffer_.reserve(kFlushBytes + 1024);
  return log;
}

// By hand in place of a JSON tree: a busy service ends thousands of sessions a second. No string
// in it needs escaping: addresses and the names of reasons.
void SessionLog::write(const SessionReport& r) {
  if (!fd_) return;
  if (buffer_.size() >= kMaxBytes) {
    ++lost_lines_;
    return;
  }
  fmt::format_to(
      std::back_inserter(buffer_),
      R"({{"client":"{}","online":"{}","test":"{}","first_seq":{},"reason":"{}","bytes_captured":{},)"
      R"("bytes_mirrored":{},"bytes_lost":{},"answer_bytes":{},"turns":{},)"
      R"("connections":{},"end_captured":{}}})"
      "\n",
      r.online.client.to_string(), r.online.server.to_string(), r.test.to_string(),
      r.first_seq.raw(), to_string(r.reason), r.bytes_captured, r.bytes_mirrored, r.bytes_lost,
      r.answer_bytes, r.turns, r.connections, r.end_captured);
  ++buffered_lines_;
  if (buffer_.size() >= kFlushBytes) flush();
}

void SessionLog::flush() {
  if (!fd_) return;
  size_t written = 0;
  while (written < buffer_.size()) {
    const ssize_t n = ::write(fd_.get(), buffer_.data() + written, buffer_.size() - written);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      failure_ = os::error_text("cannot write --session-log " + path_, errno,
                                "free some space; lost lines are counted");
      break;
    }
    written += static_cast<size_t>(n);
  }
  const auto rest = std::string_view(buffer_).substr(written);
  const auto kept = static_cast<uint64_t>(std::ranges::count(rest, '\n'));
  lines_ += buffered_lines_ - kept;
  buffered_lines_ = kept;
  if (written == buffer_.size()) failure_.clear();
  buffer_.erase(0, written);
}

}  // namespace mirrorlab::engine
