#include "harness/traffic/capture_file.h"

#include <pcap/pcap.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "wire/bytes.h"

namespace mirrorlab::traffic {

namespace {
using wire::Bytes;
using wire::load16;

constexpr uint16_t kIpv4 = 0x0800, kIpv6 = 0x86dd, kVlan = 0x8100, kServiceVlan = 0x88a8,
                   kPppoe = 0x8864, kMpls = 0x8847, kFabricPath = 0x8903;

// What an Ethernet-like frame carries from its type field on; nothing when that is no IP.
std::optional<Bytes> after_type(Bytes frame, size_t at) {
  while (frame.size() >= at + 2) {
    const uint16_t type = load16(&frame[at]);
    at += 2;
    if (type == kIpv4 || type == kIpv6) return frame.subspan(at);
    if (type == kVlan || type == kServiceVlan) {
      at += 2;  // tag control information
    } else if (type == kFabricPath) {
      at += 2 + 12;  // tag, then the inner frame's addresses
    } else if (type == kPppoe) {
      if (frame.size() < at + 8) return std::nullopt;
      const uint16_t protocol = load16(&frame[at + 6]);
      if (protocol != 0x0021 && protocol != 0x0057) return std::nullopt;
      return frame.subspan(at + 8);
    } else if (type == kMpls) {
      while (frame.size() >= at + 4 && (frame[at + 2] & 1U) == 0) at += 4;
      return frame.size() > at + 4 ? std::optional(frame.subspan(at + 4)) : std::nullopt;
    } else {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

std::optional<Bytes> behind(Bytes frame, size_t n) {
  return frame.size() > n ? std::optional(frame.subspan(n)) : std::nullopt;
}

bool known(int link_type) {
  switch (link_type) {
    case DLT_EN10MB:
    case DLT_LINUX_SLL:
    case DLT_LINUX_SLL2:
    case DLT_NULL:
    case DLT_LOOP:
    case DLT_RAW:
    case DLT_IPV4:
    case DLT_IPV6:
    case DLT_PPP:
      return true;
    default:
      return false;
  }
}

std::optional<Bytes> strip_link(int link_type, Bytes frame) {
  switch (link_type) {
    case DLT_EN10MB:
      return after_type(frame, 12);
    case DLT_LINUX_SLL:
      return after_type(frame, 14);
    case DLT_LINUX_SLL2:
      return frame.size() > 20 && (load16(frame.data()) == kIpv4 || load16(frame.data()) == kIpv6)
                 ? behind(frame, 20)
                 : std::nullopt;
    case DLT_NULL:
    case DLT_LOOP:
      return behind(frame, 4);
    case DLT_PPP:
      return behind(frame, frame.size() > 1 && frame[0] == 0xff ? 4 : 2);
    default:
      return behind(frame, 0);
  }
}
}  // namespace

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
  if (!known(link_type)) {
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
    const auto ip = strip_link(link_type, {data, header->caplen});
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
