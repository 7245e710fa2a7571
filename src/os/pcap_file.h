// PacketSource over a recorded capture, played at its own pace or faster.
//
// A packet is due when as much time has passed since the first one as when it was recorded, divided
// by the speed. Stamps that go back are due at once. Playing starts with begin().
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "os/fd.h"
#include "os/packet_intake.h"
#include "os/pcap_filter.h"

namespace mirrorlab::os {

class PcapFile : public PacketSource {
 public:
  static tl::expected<PcapFile, std::string> open(const CaptureOptions& options);
  [[nodiscard]] int fd() const override { return timer_.get(); }
  void begin() override;
  bool read(const Take& take) override;
  [[nodiscard]] bool ended() const override { return ended_; }
  [[nodiscard]] const CaptureCounters& counters() override { return intake_.counters(); }

 private:
  static constexpr int kBatch = 256;
  // Reads the next packet into pending_; false at the end.
  bool fetch();
  void arm(Nanos at);

  PcapHandle handle_;
  Fd timer_;
  int link_type_ = 0;
  double speed_ = 1;
  Nanos longest_gap_ = -1;
  Nanos started_ = 0;    // when the first packet was played
  Nanos recorded_ = -1;  // stamp of the packet before
  Nanos played_ = 0;     // of the recording so far, gaps cut
  Nanos due_ = 0;        // of the pending packet
  wire::Bytes pending_;  // of its link header on; empty: none was read yet
  size_t pending_wire_bytes_ = 0;
  bool ended_ = false;
  PacketIntake intake_;
};

}  // namespace mirrorlab::os
