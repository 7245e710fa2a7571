// IP and TCP packets: any bytes parse or give a named error, and what parsed comes back from
// write_packet.
#include <vector>

#include "fuzz/check.h"
#include "wire/packet.h"

using namespace mirrorlab;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto p = wire::parse_ip_packet({data, size});
  if (!p) {
    fuzz::require(std::string(wire::to_string(p.error())) != "?", "every error has a name");
    return 0;
  }
  fuzz::require(p->payload.size() <= p->payload_length, "no more was captured than was sent");
  fuzz::require(p->tcp.data() >= data && p->tcp.data() + p->tcp.size() <= data + size,
                "the segment lies within the packet");
  fuzz::require(p->payload.data() + p->payload.size() == p->tcp.data() + p->tcp.size(),
                "the payload is the segment's end");
  fuzz::require(p->sequence_length() - p->payload_length <= 2, "SYN and FIN count one each");
  static_cast<void>(p->checksum_valid());
  if (p->payload.size() > 65'000) return 0;  // no IPv4 length could say it

  std::vector<uint8_t> out(wire::kMaxHeaderBytes + p->payload.size());
  out.resize(wire::write_packet(p->header, p->payload, out.data()));
  const auto again = wire::parse_ip_packet(out);
  fuzz::require(again.has_value() && again->checksum_valid(), "a written packet is valid");
  const auto& a = p->header;
  const auto& b = again->header;
  fuzz::require(a.src == b.src && a.dst == b.dst && a.seq == b.seq && a.ack == b.ack &&
                    a.flags == b.flags && a.window == b.window && a.options == b.options,
                "the header comes back");
  fuzz::require(std::vector(p->payload.begin(), p->payload.end()) ==
                    std::vector(again->payload.begin(), again->payload.end()),
                "the payload comes back");
  return 0;
}
