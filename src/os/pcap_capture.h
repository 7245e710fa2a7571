// PacketSource over libpcap: any device it knows, any filter it understands.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "os/clock.h"
#include "os/packet_intake.h"
#include "os/pcap_filter.h"

namespace mirrorlab::os {

class PcapCapture : public PacketSource {
 public:
  static tl::expected<PcapCapture, std::string> open(const CaptureOptions& options);
  [[nodiscard]] int fd() const override { return pcap_get_selectable_fd(handle_.get()); }
  bool read(const Take& take) override;
  [[nodiscard]] bool unread() override;
  [[nodiscard]] const CaptureCounters& counters() override;

 private:
  void take_one(const pcap_pkthdr& header, const uint8_t* data, const Take& take);

  PcapHandle handle_;
  int link_type_ = 0;
  uint32_t received_ = 0;  // by the kernel for this capture, when last looked at
  Nanos received_at_ = 0;  // when that was last seen to grow
  PacketIntake intake_;
};

}  // namespace mirrorlab::os
