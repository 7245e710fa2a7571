#include "unit/engine_memory/kit/answering_host.h"

#include "os/link_sender.h"

namespace mirrorlab::test {

namespace {
using wire::tcp_flag::kAck;
using wire::tcp_flag::kFin;
using wire::tcp_flag::kPsh;
using wire::tcp_flag::kSyn;

constexpr size_t kEthernetBytes = 14;
AnsweringHost* host = nullptr;
}  // namespace

AnsweringHost::AnsweringHost(Reply reply) : reply_(std::move(reply)) { host = this; }
AnsweringHost::~AnsweringHost() { host = nullptr; }

int AnsweringHost::send_many(int, mmsghdr* messages, unsigned count, int) {
  for (unsigned i = 0; i < count; ++i) {
    const iovec& frame = messages[i].msg_hdr.msg_iov[0];
    const wire::Bytes bytes{static_cast<const uint8_t*>(frame.iov_base), frame.iov_len};
    const auto packet =
        wire::parse_ip_packet(bytes.subspan(sizeof(os::VnetHeader) + kEthernetBytes));
    if (packet) host->take(*packet);
  }
  return static_cast<int>(count);
}

void AnsweringHost::take(const wire::TcpPacket& packet) {
  const wire::TcpHeader& h = packet.header;
  wire::Seq& next = next_[h.src.port - kFirstPort];
  wire::HeaderRecord r;
  r.flow = {h.src, h.dst};
  r.flags = kAck;
  r.window = 65535;
  r.ack = h.seq + packet.sequence_length();
  if (h.has(kSyn)) {
    ++syns;
    next = h.seq + 5'000'000;
    r.flags |= kSyn;
    r.options.mss = 1460;
  } else if (packet.payload_length > 0) {
    ++requests;
    r.flags |= kPsh;
    r.payload_length = kAnswer;
  } else if (h.has(kFin)) {
    ++fins;
    r.flags |= kFin;
  } else {
    ++acks;
    return;
  }
  r.seq = next;
  next = next + r.payload_length + (r.has(kSyn) || r.has(kFin) ? 1U : 0U);
  reply_(r);
}

}  // namespace mirrorlab::test
