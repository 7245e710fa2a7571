#include "harness/traffic/recording.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <iterator>

#include "os/error.h"

namespace mirrorlab::traffic {

namespace {
constexpr size_t kBatch = 64 * 1024;
}  // namespace

tl::expected<Recording, std::string> Recording::open(const std::string& path) {
  Recording r;
  r.path_ = path;
  if (path.empty()) return r;
  r.fd_.reset(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!r.fd_) return os::failure("cannot write the recording " + path);
  return r;
}

void Recording::add(const ConnectionRecord& c) {
  if (!on()) return;
  fmt::format_to(std::back_inserter(batch_),
                 "{{\"client\":\"{}\",\"accepted_ns\":{},\"closed_ns\":{},\"bytes\":{},"
                 "\"digest\":\"{:016x}\",\"answer_bytes\":{},\"answer_digest\":\"{:016x}\","
                 "\"requests\":{},\"close\":\"{}\",\"turns_left_out\":{},\"turns\":[",
                 c.client.to_string(), c.accepted_at, c.closed_at, c.received.length(),
                 c.received.value(), c.sent.length(), c.sent.value(), c.requests, c.close,
                 c.turns_left_out);
  bool first = true;
  for (const Turn& t : c.turns) {
    fmt::format_to(std::back_inserter(batch_), "{}{},{},{},{},{}", first ? "" : ",",
                   t.request_bytes, t.request_digest, t.answer_bytes, t.came, t.answered);
    first = false;
  }
  batch_ += "]}\n";
  if (batch_.size() < kBatch) return;
  if (auto done = flush(); !done) failure_ = done.error();
}

tl::expected<void, std::string> Recording::flush() {
  if (!failure_.empty()) return tl::unexpected(failure_);
  for (size_t at = 0; at < batch_.size();) {
    const ssize_t n = ::write(fd_.get(), batch_.data() + at, batch_.size() - at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return os::failure("cannot write the recording " + path_);
    at += static_cast<size_t>(n);
  }
  batch_.clear();
  return {};
}

}  // namespace mirrorlab::traffic
