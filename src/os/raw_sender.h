// PacketSender over raw IP sockets with the header included.
//
// Limits: kSlots packets wait at most. EAGAIN (socket buffer full) and ENOBUFS (device queue full)
// keep the queue and try again; any other error costs the one packet.
#pragma once

#include <netinet/in.h>

#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "os/fd.h"
#include "os/packet_sender.h"

namespace mirrorlab::os {

class RawSender : public PacketSender {
 public:
  // `max_packet`: the largest packet sent, IP header included.
  static tl::expected<RawSender, std::string> open(size_t max_packet,
                                                   SendMany send_many = ::sendmmsg);
  void send(const wire::TcpHeader& header, wire::Bytes payload) override;
  void flush(Nanos now) override;
  [[nodiscard]] bool full() const override { return queued_ == kSlots; }
  [[nodiscard]] Wait wait() const override { return wait_; }
  [[nodiscard]] const SendCounters& counters() const override { return counters_; }
  // Once true after an error that cost a packet: what is known of the routes may be old.
  [[nodiscard]] bool take_stale() { return std::exchange(stale_, false); }
  [[nodiscard]] bool has_v6() const { return v6_.valid(); }

  static constexpr size_t kSlots = 2048;

 private:
  static constexpr size_t kBatch = 128;
  [[nodiscard]] uint8_t* slot(size_t i) { return &buffers_[i * slot_bytes_]; }
  // False when the rest has to wait.
  bool send_batch(int fd, size_t count, Nanos now);
  void defer(int fd, int error, Nanos now);
  void drop_first(int error);

  SendMany send_many_ = nullptr;
  bool stale_ = false;
  Fd v4_;
  Fd v6_;
  size_t slot_bytes_ = 0;
  std::vector<uint8_t> buffers_;
  std::vector<uint32_t> lengths_;
  std::vector<sockaddr_in6> to_;  // large enough for both families
  size_t first_ = 0;              // ring: the oldest queued packet
  size_t queued_ = 0;
  uint16_t next_id_ = 1;
  Wait wait_;
  Nanos last_now_ = 0;
  Nanos retry_ = kFirstSendRetry;
  SendCounters counters_;
};

}  // namespace mirrorlab::os
