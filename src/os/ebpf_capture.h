// PacketSource by eBPF at tc ingress: packets are copied into a ring buffer where they come in,
// with no packet socket and no wake-up for each.
//
// While packets come the ring is looked at every kLook; after a look that found none the next
// packet wakes. The program is held by links that go when this process goes, however that ends.
// Needs CAP_BPF and CAP_NET_ADMIN outside any user namespace, and Linux 6.6 (tcx). Devices that
// come later are not captured. A packet above 64 KiB is counted as malformed.
#pragma once

#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "os/fd.h"
#include "os/packet_intake.h"

namespace mirrorlab::os {

class EbpfCapture : public PacketSource {
 public:
  static tl::expected<EbpfCapture, std::string> open(const CaptureOptions& options);
  EbpfCapture(EbpfCapture&&) noexcept;
  ~EbpfCapture() override;
  [[nodiscard]] int fd() const override { return both_.get(); }
  bool read(const Take& take) override;
  [[nodiscard]] bool unread() override;
  [[nodiscard]] const CaptureCounters& counters() override;

  static constexpr Nanos kLook = 200 * kNanosPerMicro;

 private:
  struct Parts;
  EbpfCapture();
  void look_again(bool soon);

  std::unique_ptr<Parts> parts_;
  Fd timer_;
  Fd both_;  // epoll: the ring and the timer
  PacketIntake intake_;
  CaptureCounters sum_;
};

}  // namespace mirrorlab::os
