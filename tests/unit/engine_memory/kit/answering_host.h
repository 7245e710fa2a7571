// A test host behind the injector's system call: it answers what the copy engine sends by header
// records, as an intercept would return them. One answer for each request; without allocating.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <functional>

#include "wire/header_record.h"
#include "wire/packet.h"

namespace mirrorlab::test {

class AnsweringHost {
 public:
  static constexpr uint32_t kAnswer = 500;  // bytes
  static constexpr uint16_t kFirstPort = 10000;
  static constexpr uint32_t kClients = 300;

  using Reply = std::function<void(const wire::HeaderRecord&)>;
  explicit AnsweringHost(Reply reply);
  ~AnsweringHost();
  AnsweringHost(const AnsweringHost&) = delete;
  AnsweringHost& operator=(const AnsweringHost&) = delete;

  // os::SendMany, of frames with a vnet header; answered by the host that lives.
  static int send_many(int fd, mmsghdr* messages, unsigned count, int flags);
  uint64_t syns = 0;
  uint64_t requests = 0;
  uint64_t fins = 0;
  uint64_t acks = 0;  // without anything else

 private:
  void take(const wire::TcpPacket& packet);
  Reply reply_;
  std::array<wire::Seq, kClients> next_{};  // of ours, by client
};

}  // namespace mirrorlab::test
