// ReplySource over libpcap: copies of replies that arrive at an assistant host, which drops them by
// not forwarding them. For an operator's own filter, and link types behind which a packet ring does
// not find IP (PPPoE, MPLS).
//
// A copy that does not fit libpcap's buffer costs a header, never a leak.
#pragma once

#include <linux/filter.h>

#include "intercept/driver/reply_source.h"
#include "os/pcap_filter.h"

namespace mirrorlab::intercept {

class PcapReplies : public ReplySource {
 public:
  struct Options {
    std::string device;
    std::string expression;  // pcap-filter(7); empty: made of the ports
    std::vector<uint16_t> ports;
    std::vector<sock_filter> filter;  // from the IP header on: what counts as a reply in any case
    uint32_t queue_length = 65536;
  };
  static tl::expected<PcapReplies, std::string> open(const Options& options);
  [[nodiscard]] int fd() const override { return pcap_get_selectable_fd(handle_.get()); }
  tl::expected<void, std::string> read(const Take& take) override;
  [[nodiscard]] os::Nanos read_again_after() const override { return more_ ? 0 : os::kNever; }
  [[nodiscard]] bool gathers() const override { return true; }
  [[nodiscard]] ReplyCounters counters() override;

 private:
  PcapReplies(std::string device, os::PcapHandle handle, std::vector<sock_filter> filter);
  void take_one(const pcap_pkthdr& header, const uint8_t* data, const Take& take);
  std::string device_;
  os::PcapHandle handle_;
  int link_type_;
  std::vector<sock_filter> filter_;
  bool more_ = false;
  ReplyCounters counters_;
};

}  // namespace mirrorlab::intercept
