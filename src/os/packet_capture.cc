#include "os/packet_capture.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>

#include "os/error.h"
#include "os/link_header.h"
#include "os/socket_buffer.h"

namespace mirrorlab::os {

tl::expected<PacketCapture, std::string> PacketCapture::open(
    const CaptureOptions& options, const std::vector<sock_filter>& filter) {
  PacketCapture c;
  // Why protocol 0: nothing is received before the filter is there.
  c.fd_.reset(::socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!c.fd_)
    return failure("cannot open a packet socket", errno,
                   "run as root or give the program CAP_NET_RAW (setcap cap_net_raw+ep)");
  const int fd = c.fd_.get();
  if (auto done = attach_filter(fd, filter); !done) {
    return tl::unexpected(done.error());
  }
  const int one = 1;
  if (::setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof one) < 0) {
    return failure("cannot ask for checksum states (PACKET_AUXDATA)");
  }
  if (::setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one) < 0) {
    return failure("cannot leave outgoing packets out of the capture", errno,
                   "Linux 4.20 or later is needed");
  }
  c.intake_.set_split(options.split);
  c.intake_.counters().buffer_bytes = enlarge_receive_buffer(fd, options.buffer_bytes);
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  c.all_devices_ = options.device.empty();
  if (!c.all_devices_) {
    address.sll_ifindex = static_cast<int>(::if_nametoindex(options.device.c_str()));
    if (address.sll_ifindex == 0)
      return failure("no device " + options.device, errno, "`ip link` lists them");
  }
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) {
    return failure("cannot capture on " + (c.all_devices_ ? "all devices" : options.device));
  }
  return c;
}

bool PacketCapture::read(const Take& take) {
  const int n = batch_.receive(fd_.get());
  if (n < 0) {
    // Why go on: ENETDOWN says once that a device went away; it may come back.
    if (errno != EAGAIN && errno != EINTR) ++intake_.counters().read_errors;
    return false;
  }
  for (size_t i = 0; i < static_cast<size_t>(n); ++i) take_one(i, take);
  intake_.hand_over(take);
  return n == static_cast<int>(ReceiveBatch::kMessages);
}

void PacketCapture::take_one(size_t i, const Take& take) {
  const auto& from = batch_.from<sockaddr_ll>(i);
  const auto* aux = batch_.control<tpacket_auxdata>(i, SOL_PACKET, PACKET_AUXDATA);
  const uint32_t status = aux != nullptr ? aux->tp_status : 0;
  const uint16_t tag = aux != nullptr ? aux->tp_vlan_tci : 0;
  auto& counters = intake_.counters();
  switch (addressed(from.sll_pkttype, ntohs(from.sll_protocol),
                    all_devices_ && (status & TP_STATUS_VLAN_VALID) != 0, tag)) {
    case Addressed::elsewhere:
      ++counters.not_for_us;
      return;
    case Addressed::outer:
      ++counters.vlan_outer;
      return;
    case Addressed::not_ip:
      ++counters.unwanted;
      return;
    case Addressed::here:
      break;
  }
  const bool vouched = (status & (TP_STATUS_CSUMNOTREADY | TP_STATUS_CSUM_VALID)) != 0;
  const auto bytes = batch_.bytes(i);
  intake_.take(bytes, batch_.cut(i) ? SIZE_MAX : bytes.size(),
               vouched ? ChecksumState::vouched : ChecksumState::verify, take);
}

const CaptureCounters& PacketCapture::counters() {
  tpacket_stats stats{};
  socklen_t length = sizeof stats;
  // The kernel's figures are reset by reading them.
  if (::getsockopt(fd_.get(), SOL_PACKET, PACKET_STATISTICS, &stats, &length) == 0) {
    intake_.counters().kernel_drops += stats.tp_drops;
  }
  return intake_.counters();
}

}  // namespace mirrorlab::os
