#include "harness/traffic/capture_file.h"

#include <pcap/pcap.h>

#include <algorithm>
#include <memory>

#include "os/link_header.h"

namespace mirrorlab::traffic {

tl::expected<CaptureFile, std::string> read_capture(const std::string& path) {
  char error[PCAP_ERRBUF_SIZE];
  const std::unique_ptr<pcap_t, decltype(&pcap_close)> file(
      pcap_open_offline_with_tstamp_precision(path.c_str(), PCAP_TSTAMP_PRECISION_NANO, error),
      &pcap_close);
  if (!file) {
    // libpcap names the file in some of its messages only.
    const std::string why = error;
    return tl::unexpected(why.starts_with(path) ? why : path + ": " + why);
  }
  const int link_type = pcap_datalink(file.get());
  if (!os::link_type_known(link_type)) {
    const char* name = pcap_datalink_val_to_name(link_type);
    return tl::unexpected(path + ": captures of link type " +
                          (name != nullptr ? name : std::to_string(link_type)) +
                          " are not read; use Ethernet, Linux cooked, PPP or raw IP");
  }
  CaptureFile out;
  pcap_pkthdr* header = nullptr;
  const u_char* data = nullptr;
  int64_t first = -1, last = 0;
  uint64_t bytes = 0;
  int result = 0;
  while ((result = pcap_next_ex(file.get(), &header, &data)) == 1) {
    const int64_t stamp = int64_t{header->ts.tv_sec} * 1'000'000'000 + header->ts.tv_usec;
    if (first < 0) first = stamp;
    last = std::max(last, stamp - first);
    const auto ip = os::ip_packet_in(link_type, {data, header->caplen});
    if (!ip || ip->empty() || ((*ip)[0] >> 4U != 4 && (*ip)[0] >> 4U != 6)) {
      ++out.not_ip;
      continue;
    }
    bytes += ip->size();
    if (bytes > kMaxCaptureBytes) {
      return tl::unexpected(path + ": more than " + std::to_string(kMaxCaptureBytes >> 20U) +
                            " MiB of packets; cut it (editcap -c)");
    }
    out.packets.push_back({last, {ip->begin(), ip->end()}});
  }
  if (result != PCAP_ERROR_BREAK && out.packets.empty()) {
    return tl::unexpected(path + ": " + pcap_geterr(file.get()));
  }
  return out;
}

}  // namespace mirrorlab::traffic
