#include "harness/wirebox/packet_text.h"

#include <fmt/format.h>

#include "harness/wirebox/frame.h"
#include "wire/packet.h"

namespace mirrorlab::wirebox {

namespace {
// As tcpdump writes them.
std::string flags(const wire::TcpHeader& h) {
  std::string text;
  for (const auto& [bit, letter] : {std::pair{wire::tcp_flag::kSyn, 'S'},
                                    {wire::tcp_flag::kFin, 'F'},
                                    {wire::tcp_flag::kRst, 'R'},
                                    {wire::tcp_flag::kPsh, 'P'},
                                    {wire::tcp_flag::kAck, '.'}}) {
    if (h.has(bit)) text += letter;
  }
  return text;
}
}  // namespace

std::string packet_text(wire::Bytes frame) {
  if (frame.size() < kEthernetBytes)
    return fmt::format("{} bytes, no Ethernet frame", frame.size());
  const unsigned type = wire::load16(&frame[12]);
  if (type == 0x0806) return "ARP";
  const auto p = wire::parse_ip_packet(frame.subspan(kEthernetBytes));
  if (p) {
    const auto& h = p->header;
    return fmt::format("{} > {} [{}] seq {} ack {} win {} length {}", h.src.to_string(),
                       h.dst.to_string(), flags(h), h.seq.raw(), h.ack.raw(), h.window,
                       p->payload_length);
  }
  if (const auto info = inspect(frame)) {
    return fmt::format("{} > {} protocol {} length {}", info->flow.client.to_string(),
                       info->flow.server.to_string(), info->protocol,
                       frame.size() - info->transport);
  }
  return fmt::format("type {:#06x}, {} bytes", type, frame.size());
}

}  // namespace mirrorlab::wirebox
