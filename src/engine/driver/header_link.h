// One intercept as the copy engine sees it: claims go out, header records and link changes come in.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "os/clock.h"
#include "os/close_reason.h"
#include "wire/header_record.h"

namespace mirrorlab::engine {

struct HeaderLinkCounters {
  uint64_t connects = 0;
  uint64_t breaks = 0;
  uint64_t attempts_failed = 0;
  uint64_t records = 0;
  uint64_t claims_sent = 0;
  uint64_t claims_refused = 0;                       // output queue full
  uint64_t late_answers = 0;                         // HeaderEcho's
  std::array<uint64_t, os::kCloseReasons> closed{};  // by os::CloseReason
};

class HeaderLink {
 public:
  // In the order in which they came.
  using TakeRecords = std::function<void(std::span<const wire::HeaderRecord>, os::Nanos now)>;
  using TakeLink = std::function<void(bool up, os::Nanos now)>;
  virtual ~HeaderLink() = default;
  virtual void start(os::Nanos now) = 0;
  // Queues a claim, or its end; nothing while the link is down (on up all are claimed again).
  virtual void claim(const wire::FlowKey& flow, bool mine) = 0;
  // Writes what is queued.
  virtual void flush(os::Nanos now) = 0;
  [[nodiscard]] virtual bool up() const = 0;
  // Records may have been taken long ago that are not here yet: silence says nothing.
  [[nodiscard]] virtual bool behind(os::Nanos) const { return false; }
  // Whether anything waits for the test host, so that it matters whether records are late.
  virtual void note_waiting(bool) {}
  [[nodiscard]] virtual const std::string& last_failure() const = 0;
  [[nodiscard]] virtual const HeaderLinkCounters& counters() const = 0;
};

}  // namespace mirrorlab::engine
