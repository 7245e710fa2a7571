#include "harness/cli/last_packets.h"

#include <fmt/format.h>

#include <algorithm>

#include "wire/packet.h"

namespace mirrorlab::cli {

namespace {
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

std::string in_words(const verify::TapPacket& packet, int64_t began) {
  const auto p = wire::parse_ip_packet(packet.bytes());
  const double at = static_cast<double>(packet.time_ns - began) / 1e9;
  if (!p) {
    return fmt::format("    +{:.6f} {} bytes, {}\n", at, packet.length, wire::to_string(p.error()));
  }
  const auto& h = p->header;
  return fmt::format("    +{:.6f} {} > {} [{}] seq {} ack {} win {} length {}\n", at,
                     h.src.to_string(), h.dst.to_string(), flags(h), h.seq.raw(), h.ack.raw(),
                     h.window, p->payload_length);
}
}  // namespace

std::string last_packets(const std::string& where, const verify::PacketLog& log, size_t count) {
  const auto& packets = log.packets();
  std::string text = fmt::format("  {}: {} packets", where, packets.size());
  if (packets.empty()) return text + "\n";
  text += ", the last ones (seconds after the first):\n";
  for (size_t i = packets.size() - std::min(count, packets.size()); i < packets.size(); ++i) {
    text += in_words(packets[i], packets.front().time_ns);
  }
  return text;
}

}  // namespace mirrorlab::cli
