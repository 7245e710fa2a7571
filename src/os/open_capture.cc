#include "os/open_capture.h"

#include "os/ebpf_capture.h"
#include "os/packet_capture.h"
#include "os/pcap_capture.h"
#include "os/pcap_file.h"
#include "os/port_filter.h"
#include "os/raw_ip_capture.h"
#include "os/ring_capture.h"

namespace mirrorlab::os {

namespace {
using Opened = tl::expected<std::unique_ptr<PacketSource>, std::string>;

template <class Source>
Opened open_as(const CaptureOptions& options) {
  auto source = Source::open(options);
  if (!source) return tl::unexpected(source.error());
  std::unique_ptr<PacketSource> made = std::make_unique<Source>(std::move(*source));
  return made;
}
}  // namespace

Opened open_capture(const CaptureOptions& options) {
  if (options.ports.size() > kMaxFilterPorts) {
    return tl::unexpected("at most " + std::to_string(kMaxFilterPorts) + " mapped ports");
  }
  switch (options.way) {
    case CaptureWay::packet:
      return open_as<RingCapture>(options);
    case CaptureWay::packet_lowlatency:
      return open_as<PacketCapture>(options);
    case CaptureWay::raw_ip:
      return open_as<RawIpCapture>(options);
    case CaptureWay::pcap:
      return open_as<PcapCapture>(options);
    case CaptureWay::ebpf:
      return open_as<EbpfCapture>(options);
    case CaptureWay::pcap_file:
      return open_as<PcapFile>(options);
  }
  return tl::unexpected(std::string("no such capture"));
}

}  // namespace mirrorlab::os
