// Where the copy engine's packets leave: any source address, in batches.
//
// A packet that cannot be sent is counted by its errno and dropped: to the session it is a lost
// packet, which S5 repairs. Never blocks, never fails.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>

#include "os/clock.h"
#include "wire/packet.h"

namespace mirrorlab::os {

inline constexpr size_t kErrnoValues = 134;  // Linux: the highest is EHWPOISON, 133

// Why a parameter of the senders: tests make the kernel say what it says rarely.
using SendMany = int (*)(int fd, mmsghdr* messages, unsigned count, int flags);

inline constexpr Nanos kFirstSendRetry = 500'000;
inline constexpr Nanos kMaxSendRetry = 64'000'000;

// The queue stays and is tried again: the socket buffer, the device's queue or memory is full.
[[nodiscard]] inline bool must_wait(int error) {
  return error == EAGAIN || error == ENOBUFS || error == ENOMEM;
}
[[nodiscard]] inline size_t error_index(int error) {
  return error > 0 && static_cast<size_t>(error) < kErrnoValues ? static_cast<size_t>(error) : 0;
}

struct SendCounters {
  uint64_t packets = 0;
  uint64_t by_link = 0;  // of them, as frames on the link
  uint64_t frames = 0;   // that those made: fewer where super-packets were formed
  uint64_t cut = 0;      // packets above the MTU, sent in pieces
  uint64_t bytes = 0;
  uint64_t batches = 0;   // system calls that sent something
  uint64_t deferred = 0;  // times the socket or the device was full and the queue had to wait
  uint64_t overflow = 0;  // packets dropped because the bounded queue was full
  std::array<uint64_t, kErrnoValues> errors{};  // packets dropped, by errno
};

class PacketSender {
 public:
  virtual ~PacketSender() = default;
  // Packets will be sent there: what is to be found out before may be begun.
  virtual void expect(const wire::IpAddress&) {}
  // Queues a packet. A full queue is flushed first.
  virtual void send(const wire::TcpHeader& header, wire::Bytes payload) = 0;
  // Sends what is queued, as far as the kernel takes it.
  virtual void flush(Nanos now) = 0;
  // The next send() has to flush first: the owner may want to say something else before.
  [[nodiscard]] virtual bool full() const = 0;
  // After a flush that could not send everything: what to wait for. `fd` becomes writable (-1:
  // no descriptor is waited for), or the time comes (kNever: none).
  struct Wait {
    int fd = -1;
    Nanos until = kNever;
  };
  [[nodiscard]] virtual Wait wait() const = 0;
  [[nodiscard]] virtual const SendCounters& counters() const = 0;
};

}  // namespace mirrorlab::os
