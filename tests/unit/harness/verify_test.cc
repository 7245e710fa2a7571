// The verifier must be able to say no: each test breaks one thing a broken engine would break, and
// names the check that has to catch it.
#include "harness/verify/verify.h"

#include <gtest/gtest.h>

#include "wire/packet.h"

namespace mirrorlab::verify {
namespace {
using wire::Endpoint;
using wire::Seq;
namespace flag = wire::tcp_flag;

const Endpoint kClient = *Endpoint::parse("10.1.0.7:40000");
const Endpoint kOnline = *Endpoint::parse("10.1.255.1:80");
const Endpoint kTest = *Endpoint::parse("10.2.0.2:80");

struct Piece {
  uint32_t offset;
  std::string data;
  uint32_t acked;
};

TapPacket packet(const Endpoint& from, const Endpoint& to, uint32_t seq, uint32_t ack,
                 uint8_t flags, const std::string& data = {}) {
  wire::TcpHeader h;
  h.src = from;
  h.dst = to;
  h.seq = Seq(seq);
  h.ack = Seq(ack);
  h.flags = flags;
  TapPacket p;
  p.bytes.resize(wire::kMaxHeaderBytes + data.size());
  p.bytes.resize(wire::write_packet(h, {reinterpret_cast<const uint8_t*>(data.data()), data.size()},
                                    p.bytes.data()));
  return p;
}

std::vector<TapPacket> session(const Endpoint& service, const std::vector<Piece>& pieces,
                               const Endpoint& client = kClient) {
  const uint32_t isn = 0xfffffff0U;  // wraps within the first request
  std::vector<TapPacket> all{packet(client, service, isn, 0, flag::kSyn),
                             packet(client, service, isn + 1, 5000, flag::kAck)};
  for (const Piece& p : pieces) {
    all.push_back(packet(client, service, isn + 1 + p.offset, 5000 + p.acked,
                         flag::kAck | flag::kPsh, p.data));
  }
  const auto& last = pieces.back();
  const auto end = isn + 1 + last.offset + static_cast<uint32_t>(last.data.size());
  all.push_back(packet(client, service, end, 5000 + last.acked + 100, flag::kAck | flag::kFin));
  return all;
}

const std::string kOne = "GET /one HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string kTwo = "GET /two HTTP/1.1\r\nHost: a\r\n\r\n";
const auto kLength = static_cast<uint32_t>(kOne.size());
const std::vector<Piece> kGood{{0, kOne, 0}, {kLength, kTwo, 100}};

Evidence good() {
  Evidence e;
  e.online_service = kOnline;
  e.test_service = kTest;
  e.online = session(kOnline, kGood);
  e.clients = e.online;
  e.test = session(kTest, kGood);
  e.copy = {{"account",
             {{"balances", true},
              {"sessions_captured", 1},
              {"sessions_mirrored", 1},
              {"bytes_mirrored", 2 * kLength}}}};
  return e;
}

bool passes(const Report& r, const std::string& name) {
  for (const Check& c : r.checks) {
    if (c.name == name) return c.passed;
  }
  ADD_FAILURE() << "no check " << name;
  return false;
}

TEST(Verifier, PassesAnExactMirror) {
  const Report r = verify(good());
  for (const Check& c : r.checks) EXPECT_TRUE(c.passed) << c.name << ": " << c.detail;
  EXPECT_EQ(r.metrics.at("sessions.exact"), 1);
  EXPECT_EQ(r.metrics.at("requests.mirrored"), 2);
}
TEST(Verifier, CatchesADroppedSegment) {
  Evidence e = good();
  e.test = session(kTest, {{kLength, kTwo, 100}});
  EXPECT_FALSE(passes(verify(e), "exact"));
  EXPECT_FALSE(passes(verify(e), "explained"));
}
TEST(Verifier, CatchesBytesSentTwice) {
  Evidence e = good();
  e.test = session(kTest, {{0, kOne, 0}, {kLength, kOne, 100}, {2 * kLength, kTwo, 200}});
  EXPECT_FALSE(passes(verify(e), "exact"));
}
TEST(Verifier, AcceptsARetransmission) {
  Evidence e = good();
  e.test = session(kTest, {{0, kOne, 0}, {0, kOne, 0}, {kLength, kTwo, 100}});
  EXPECT_TRUE(passes(verify(e), "exact"));
}
TEST(Verifier, CatchesSwappedRequests) {
  Evidence e = good();
  e.test = session(kTest, {{0, kTwo, 0}, {kLength, kOne, 100}});
  EXPECT_FALSE(passes(verify(e), "exact"));
}
TEST(Verifier, CatchesATurnReleasedEarly) {
  Evidence e = good();
  e.test = session(kTest, {{0, kOne, 0}, {kLength, kTwo, 40}});
  EXPECT_FALSE(passes(verify(e), "order"));
  EXPECT_TRUE(passes(verify(e), "exact"));
}
TEST(Verifier, CatchesALeakedReply) {
  Evidence e = good();
  e.clients.push_back(packet(kTest, kClient, 1, 1, flag::kAck, "HTTP/1.1 200 OK\r\n\r\n"));
  EXPECT_FALSE(passes(verify(e), "isolated"));
}
TEST(Verifier, CatchesAMiscountedAccount) {
  for (const char* field : {"sessions_captured", "sessions_mirrored", "bytes_mirrored"}) {
    Evidence e = good();
    e.copy["account"][field] = e.copy["account"][field].get<uint64_t>() + 1;
    EXPECT_FALSE(passes(verify(e), "engine_account")) << field;
  }
  Evidence e = good();
  e.copy["account"]["balances"] = false;
  EXPECT_FALSE(passes(verify(e), "engine_account"));
  e.copy = nullptr;
  EXPECT_FALSE(passes(verify(e), "engine_account"));
}
TEST(Verifier, CatchesAMissingSession) {
  Evidence e = good();
  e.test.clear();
  EXPECT_FALSE(passes(verify(e), "complete"));
}
TEST(Verifier, CatchesAnExtraSession) {
  Evidence e = good();
  const auto other = session(kTest, kGood, *Endpoint::parse("10.1.0.9:41000"));
  e.test.insert(e.test.end(), other.begin(), other.end());
  EXPECT_FALSE(passes(verify(e), "no_extra"));
}
TEST(Verifier, ALossWithAReasonIsExplained) {
  Evidence e = good();
  e.test = session(kTest, {{0, kOne, 0}});
  e.session_log = {{{"client", kClient.to_string()}, {"reason", "test_reset"}}};
  const Report r = verify(e);
  EXPECT_FALSE(passes(r, "exact"));
  EXPECT_TRUE(passes(r, "explained"));
  ASSERT_EQ(r.lost.size(), 1U);
  EXPECT_EQ(r.lost[0].reason, "test_reset");
}
TEST(Verifier, TapDropsAreInconclusive) {
  Evidence e = good();
  e.tap_drops = 1;
  EXPECT_FALSE(verify(e).inconclusive.empty());
}
}  // namespace
}  // namespace mirrorlab::verify
