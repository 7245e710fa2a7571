// Sessions and breakpoints from packets made by hand.
#include "harness/cli/session_watch.h"

#include <gtest/gtest.h>

#include "harness/scenario/scenario_file.h"
#include "wire/header_return.h"

namespace mirrorlab::cli {
namespace {

using namespace wire::tcp_flag;

TEST(BreakExpression, TakesWhatItUnderstandsAndSaysWhatItDoesNot) {
  for (const char* good : {"session 17 sees SYN-ACK from test", "any session sees RST",
                           "session 1 sees DATA from clients on clients-online",
                           "stop when session 17 sees the syn-ack from test"}) {
    EXPECT_TRUE(parse_break(good)) << good;
  }
  for (const auto& [bad, words] : std::initializer_list<std::pair<const char*, const char*>>{
           {"", "is not how a breakpoint begins"},
           {"session 0 sees SYN", "count from 1"},
           {"session x sees SYN", "`x` is no session"},
           {"session 99999999999 sees SYN", "is no session"},
           {"session 1 SYN", "`sees` is missing"},
           {"session 1 sees syns", "`syns` cannot be seen"},
           {"stop session 1 sees SYN", "after `stop` comes `when`"},
           {"session 1 sees SYN from moon", "nothing comes from `moon`"},
           {"any sees SYN", "after `any` comes `session`"},
           {"any session sees SYN on", "`on` which link?"},
           {"any session sees SYN from test please", "`please` is too much"}}) {
    const auto e = parse_break(bad);
    ASSERT_FALSE(e) << bad;
    EXPECT_NE(e.error().find(words), std::string::npos) << e.error();
  }
}

TEST(BreakExpression, MatchesByFlagsOriginSessionAndLink) {
  const Sighting syn_ack{17, Origin::test, kSyn | kAck, 0, "online-test", true};
  EXPECT_TRUE(parse_break("session 17 sees SYN-ACK from test")->matches(syn_ack));
  EXPECT_TRUE(parse_break("any session sees PACKET")->matches(syn_ack));
  EXPECT_FALSE(parse_break("session 16 sees SYN-ACK from test")->matches(syn_ack));
  EXPECT_FALSE(parse_break("session 17 sees SYN-ACK from online")->matches(syn_ack));
  EXPECT_FALSE(parse_break("session 17 sees SYN from test")->matches(syn_ack));
  EXPECT_FALSE(parse_break("session 17 sees ACK from test")->matches(syn_ack));
  EXPECT_FALSE(parse_break("session 17 sees DATA from test")->matches(syn_ack));
  const Sighting second_hop{17, Origin::copy, kAck | kPsh, 9, "middle-test", false};
  EXPECT_FALSE(parse_break("any session sees DATA")->matches(second_hop));
  EXPECT_TRUE(parse_break("any session sees DATA on middle-test")->matches(second_hop));
  EXPECT_FALSE(parse_break("any session sees DATA on online-test")->matches(second_hop));
}

class SessionWatchTest : public ::testing::Test {
 protected:
  bool send(const std::string& link, bool from_a, const wire::Endpoint& src,
            const wire::Endpoint& dst, uint8_t flags, uint32_t seq, wire::Bytes data = {}) {
    wire::TcpHeader h;
    h.src = src;
    h.dst = dst;
    h.flags = flags;
    h.seq = wire::Seq(seq);
    std::vector<uint8_t> frame(14 + wire::kMaxHeaderBytes + data.size());
    frame.resize(14 + wire::write_packet(h, data, frame.data() + 14));
    const auto direction = from_a ? wirebox::Direction::a_to_b : wirebox::Direction::b_to_a;
    return watch_.see({link, direction, frame});
  }
  bool client_syn(uint16_t port, uint32_t seq) {
    return send("clients-online", true, {client_, port}, online_, kSyn, seq);
  }
  // A frame of header records about SYN-ACKs to these ports, as bytes.
  std::vector<uint8_t> headers(std::initializer_list<uint16_t> ports) {
    std::vector<uint8_t> out;
    const size_t begin = wire::begin_frame(out, wire::FrameType::headers);
    for (const uint16_t port : ports) {
      wire::HeaderRecord record;
      record.flow = {{client_, port}, test_};
      record.flags = kSyn | kAck;
      wire::append_record(out, record);
    }
    wire::end_frame(out, begin, ports.size());
    return out;
  }
  bool back(uint8_t flags, uint32_t seq, wire::Bytes data = {}) {
    return send("online-test", false, intercept_, {plan_.address("online"), 50000}, flags, seq,
                data);
  }

  static scenario::Scenario read() {
    auto all = scenario::read_scenario_text(R"(
schema: 1
name: t
nodes:
  clients: {role: clients, count: 3}
  online: {role: online, run: [{service: recorder, port: 80}]}
  test: {role: test, run: [{service: recorder, port: 8080}]}
links:
  - {between: [clients, online]}
  - {between: [online, test]}
engines:
  copy: {on: online, map: "80 -> test:8080"}
  intercept: {on: test}
traffic: [{kind: http, from: clients, to: "online:80"}]
)",
                                            "t.yaml");
    EXPECT_TRUE(all) << (all ? "" : all.error().text());
    return all->front();
  }
  scenario::Scenario scenario_ = read();
  Plan plan_{scenario_};
  LabContext context_{scenario_, plan_, "", ""};
  SessionWatch watch_{context_};
  wire::IpAddress client_ = plan_.address("clients");
  wire::Endpoint online_ = plan_.endpoint("online", 80);
  wire::Endpoint test_ = plan_.endpoint("test", 8080);
  wire::Endpoint intercept_ = plan_.endpoint("test", wire::kHeaderReturnPort);
};

TEST_F(SessionWatchTest, SessionsAreNumberedAsClientsOpenThem) {
  client_syn(1000, 7);
  client_syn(1001, 8);
  client_syn(1000, 7);  // a retransmission is no new session
  send("online-test", true, {client_, 1001}, test_, kSyn, 8);
  EXPECT_EQ(watch_.opened(), 2U);
  ASSERT_TRUE(watch_.session(2));
  EXPECT_EQ(watch_.session(2)->counts[static_cast<size_t>(Origin::copy)].packets, 1U);
  client_syn(1000, 99);  // the port again
  EXPECT_EQ(watch_.opened(), 3U);
  EXPECT_EQ(watch_.last_sessions(2).front().number, 2U);
}

TEST_F(SessionWatchTest, PacketsOfNoSessionAreNone) {
  EXPECT_FALSE(send("online-test", true, {client_, 5}, test_, kSyn, 1)) << "nobody opened it";
  EXPECT_FALSE(send("no-link", true, {client_, 5}, online_, kSyn, 1));
  EXPECT_FALSE(watch_.see({"clients-online", wirebox::Direction::a_to_b, {}}));
  EXPECT_EQ(watch_.opened(), 0U);
}

TEST_F(SessionWatchTest, ARepliesHeaderHitsTheBreakpointOfItsSession) {
  watch_.add(*parse_break("session 2 sees SYN-ACK from test"));
  client_syn(1000, 7);
  client_syn(1001, 8);
  back(kSyn | kAck, 100);
  const auto first = headers({1000});
  const auto second = headers({1000, 1001});
  EXPECT_FALSE(back(kAck, 101, first));
  // The frame's end comes first: nothing is known before its beginning is there.
  const wire::Bytes all(second);
  const auto begin = static_cast<uint32_t>(101 + first.size());
  EXPECT_FALSE(back(kAck, begin + 10, all.subspan(10)));
  EXPECT_FALSE(back(kAck, begin, all.first(6)));
  EXPECT_TRUE(back(kAck, begin, all.first(10)));
  EXPECT_FALSE(back(kAck, begin, all)) << "a retransmission is nothing new";
  const auto hits = watch_.take_hits();
  ASSERT_EQ(hits.size(), 1U);
  EXPECT_EQ(hits[0].session, 2U);
  EXPECT_NE(hits[0].packet.find("(its header on the way back)"), std::string::npos);
  EXPECT_TRUE(watch_.take_hits().empty());
}

TEST_F(SessionWatchTest, AWaitIsToldOnceAndStopsNothing) {
  int told = 0;
  watch_.wait_for(*parse_break("session 2 sees SYN from clients"), [&] { ++told; });
  watch_.wait_for(*parse_break("session 3 sees SYN from clients"), [&] { ++told; });
  EXPECT_FALSE(client_syn(1000, 7));
  EXPECT_EQ(told, 0);
  EXPECT_FALSE(client_syn(1001, 8));
  EXPECT_FALSE(client_syn(1001, 8));
  EXPECT_EQ(told, 1);
  watch_.forget_waits();
  client_syn(1002, 9);
  EXPECT_EQ(told, 1);
}

TEST_F(SessionWatchTest, ADeletedBreakpointIsNotHit) {
  const unsigned number = watch_.add(*parse_break("any session sees SYN from clients"));
  EXPECT_TRUE(client_syn(1000, 7));
  EXPECT_TRUE(watch_.remove(number));
  EXPECT_FALSE(watch_.remove(number));
  EXPECT_FALSE(client_syn(1001, 7));
}

TEST_F(SessionWatchTest, AHeaderConnectionThatIsNoneIsGivenUp) {
  watch_.add(*parse_break("any session sees PACKET from test"));
  client_syn(1000, 7);
  back(kSyn | kAck, 100);
  const std::vector<uint8_t> noise(64, 0xee);
  EXPECT_FALSE(back(kAck, 101, noise));
  EXPECT_FALSE(back(kAck, 165, headers({1000})));
  back(kSyn | kAck, 500);  // connected again
  EXPECT_TRUE(back(kAck, 501, headers({1000})));
}

}  // namespace
}  // namespace mirrorlab::cli
