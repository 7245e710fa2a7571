// Capture reassembly, whole: any cut, order, overlap and repetition of a client's stream arrives at
// the test host as the stream, over a perfect and over a lossy wire.
#include <gtest/gtest.h>

#include "support/generators.h"
#include "support/test_host.h"

namespace mirrorlab::engine {
namespace {
using namespace wire::tcp_flag;
using wire::Seq;

const wire::Endpoint kClient = *wire::Endpoint::parse("192.0.2.7:40000");
const wire::Endpoint kOnline = *wire::Endpoint::parse("10.0.0.1:80");

wire::TcpPacket packet(Seq seq, uint8_t flags, wire::Bytes payload) {
  wire::TcpPacket p;
  p.header.src = kClient;
  p.header.dst = kOnline;
  p.header.seq = seq;
  p.header.ack = Seq(1);
  p.header.flags = flags;
  p.header.window = 65535;
  p.payload = payload;
  p.payload_length = static_cast<uint32_t>(payload.size());
  return p;
}

RC_GTEST_PROP(StreamProperty, AnyCutAndOrderGivesTheStream, ()) {
  const Seq isn = *testing::seq();
  const auto length = *rc::gen::inRange<uint32_t>(1, 40'000);
  std::vector<uint8_t> stream(length);
  for (uint32_t i = 0; i < length; ++i) stream[i] = static_cast<uint8_t>(i * 2654435761U >> 24U);
  Config config;
  config.mappings = {{kOnline, *wire::Endpoint::parse("10.0.0.2:8080")}};
  const Seq zero = isn + 1;
  testing::Answer close;
  close.after = zero + length + 1;
  close.bytes = 10;
  close.fin = true;
  testing::TestHost host(config, {close}, *rc::gen::element<uint32_t>(0, 0, 3, 7));

  auto syn = packet(isn, kSyn, {});
  syn.header.options.mss = *rc::gen::element<uint16_t>(100, 536, 1460);
  syn.header.options.sack_permitted = *rc::gen::arbitrary<bool>();
  if (*rc::gen::arbitrary<bool>()) syn.header.options.window_scale = 7;
  if (*rc::gen::arbitrary<bool>()) syn.header.options.timestamps = wire::TcpTimestamps{1, 0};
  host.client(syn);
  const auto give = [&](uint32_t from, uint32_t n, bool fin) {
    n = std::min(n, length - from);
    RC_LOG() << "client " << from << ":" << from + n
             << (fin && from + n == length ? " FIN\n" : "\n");
    host.client(packet(zero + from,
                       static_cast<uint8_t>(kAck | (fin && from + n == length ? kFin : 0)),
                       wire::Bytes(stream).subspan(from, n)));
    host.run_until(host.now() + *rc::gen::inRange<Nanos>(0, 3 * kMillisecond));
  };
  // Pieces from anywhere, then the stream from its beginning, cut anew: so nothing stays missing.
  const auto pieces = *rc::gen::inRange(0, 25);
  for (int i = 0; i < pieces; ++i) {
    give(*rc::gen::inRange<uint32_t>(0, length), *rc::gen::inRange<uint32_t>(1, 5000),
         *rc::gen::arbitrary<bool>());
  }
  for (uint32_t at = 0; at < length;) {
    const auto n = *rc::gen::element<uint32_t>(1, 100, 1460, 1461, 20'000);
    give(at, n * (length / 2000 + 1), true);
    at += n * (length / 2000 + 1);
  }
  RC_ASSERT(host.run_to_rest());
  RC_ASSERT(host.wrong() == "");
  for (const auto& r : host.reports())
    RC_LOG() << to_string(r.reason) << " captured " << r.bytes_captured << " mirrored "
             << r.bytes_mirrored << " connections " << r.connections << "\n";
  RC_ASSERT(host.accepted().size() == 1U);
  RC_ASSERT(host.accepted()[0].bytes.size() == stream.size());
  const bool same = host.accepted()[0].bytes == stream;  // not printed byte by byte
  RC_ASSERT(same);
  RC_ASSERT(host.accepted()[0].fin);
  RC_ASSERT(host.reports().size() == 1U);
  RC_ASSERT(host.reports()[0].reason == LossReason::none);
  RC_ASSERT(host.reports()[0].bytes_mirrored == length);
}

}  // namespace
}  // namespace mirrorlab::engine
