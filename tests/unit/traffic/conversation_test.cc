// Captured conversations: what can be played, and the two parts played against each other.
#include "harness/traffic/conversation.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "harness/traffic/client_dialogue.h"
#include "harness/traffic/service_dialogue.h"
#include "wire/packet.h"

namespace mirrorlab::traffic {
namespace {

using namespace wire::tcp_flag;
const std::string kCaptures = MIRRORLAB_SOURCE_DIR "/tests/captures/";

// A capture written by hand: the client counts from 1000, the server from 5000.
class Script {
 public:
  Script& client(uint8_t flags, int64_t seq, int64_t ack, const std::string& text = "") {
    return add(client_, server_, flags, 1000 + seq, 5000 + ack, text);
  }
  Script& server(uint8_t flags, int64_t seq, int64_t ack, const std::string& text = "") {
    return add(server_, client_, flags, 5000 + seq, 1000 + ack, text);
  }
  Script& handshake() {
    return client(kSyn, 0, -5000).server(kSyn | kAck, 0, 1).client(kAck, 1, 1);
  }
  Script& wait(int64_t ms) {
    now_ += ms * 1'000'000;
    return *this;
  }
  [[nodiscard]] Conversations play() const { return conversations_of(file_); }
  CaptureFile file_;

 private:
  Script& add(const wire::Endpoint& from, const wire::Endpoint& to, uint8_t flags, int64_t seq,
              int64_t ack, const std::string& text) {
    wire::TcpHeader h;
    h.src = from;
    h.dst = to;
    h.seq = wire::Seq(static_cast<uint32_t>(seq));
    h.ack = wire::Seq(static_cast<uint32_t>(ack));
    h.flags = flags;
    std::vector<uint8_t> packet(wire::kMaxHeaderBytes + text.size());
    packet.resize(wire::write_packet(
        h, {reinterpret_cast<const uint8_t*>(text.data()), text.size()}, packet.data()));
    file_.packets.push_back({now_, std::move(packet)});
    return *this;
  }
  wire::Endpoint client_ = *wire::Endpoint::parse("10.0.0.1:1234");
  wire::Endpoint server_ = *wire::Endpoint::parse("10.0.0.2:80");
  int64_t now_ = 0;
};

TEST(Conversation, TurnsPausesAndClosesAreAsCaptured) {
  Script s;
  s.handshake().wait(10).client(kAck, 1, 1, "ask");
  s.wait(5).server(kAck, 1, 4, "answer").client(kAck, 4, 7);
  s.wait(30).client(kAck, 4, 7, "more").server(kAck, 7, 8, "end");
  s.server(kAck | kFin, 10, 8).client(kAck | kFin, 8, 11);
  const auto played = s.play();
  ASSERT_EQ(played.all.size(), 1U) << played.summary();
  const auto& c = played.all[0];
  EXPECT_EQ(c.from_client.bytes, "askmore");
  EXPECT_EQ(c.from_server.bytes, "answerend");
  ASSERT_EQ(c.from_client.cues.size(), 3U);
  EXPECT_EQ(c.from_client.cues[0].after, 0U);
  EXPECT_EQ(c.from_client.cues[0].pause_ns, 10'000'000);
  EXPECT_EQ(c.from_client.cues[1].after, 6U);
  EXPECT_EQ(c.from_client.cues[1].pause_ns, 30'000'000);
  EXPECT_EQ(c.from_client.cues[2].kind, CueKind::close);
  EXPECT_EQ(c.from_client.cues[2].after, 10U) << "the server's close before its own";
  ASSERT_EQ(c.from_server.cues.size(), 3U);
  EXPECT_EQ(c.from_server.cues[0].after, 3U);
  EXPECT_EQ(c.from_server.cues[0].pause_ns, 5'000'000);
  EXPECT_EQ(c.from_server.cues[2].kind, CueKind::close);
}

TEST(Conversation, RetransmissionsOverlapsAndDisorderAreOneStream) {
  Script s;
  s.handshake();
  s.client(kAck, 4, 1, "def").client(kAck, 1, 1, "abc").client(kAck, 1, 1, "XXXXXXXX");
  const auto played = s.play();
  ASSERT_EQ(played.all.size(), 1U) << played.summary();
  EXPECT_EQ(played.all[0].from_client.bytes, "abcdefXX") << "first captured wins";
}

TEST(Conversation, OnlyWholeOnesArePlayed) {
  const auto left_out = [](Script& s) {
    const auto played = s.play();
    EXPECT_TRUE(played.all.empty());
    return played.left_out.empty() ? "" : played.left_out.begin()->first;
  };
  Script no_syn;
  no_syn.client(kAck, 1, 1, "abc").server(kAck, 1, 4, "x");
  EXPECT_EQ(left_out(no_syn), "without their beginning");
  Script hole;
  hole.handshake().client(kAck, 1, 1, "abc").client(kAck, 9, 1, "xyz");
  EXPECT_EQ(left_out(hole), "with a hole");
  Script one_sided;
  one_sided.handshake().client(kAck, 1, 1, "abc").client(kAck, 4, 100, "def");
  EXPECT_EQ(left_out(one_sided), "with a hole") << "99 bytes of the server were acknowledged";
  Script refused;
  refused.client(kSyn, 0, -5000).server(kRst | kAck, -5000, 1);
  EXPECT_EQ(left_out(refused), "without an answer");
  Script cut;
  cut.handshake().client(kAck, 1, 1, "abcdef");
  cut.file_.packets.back().ip.resize(cut.file_.packets.back().ip.size() - 2);
  EXPECT_EQ(left_out(cut), "with packets that were cut (snap length)");
}

TEST(Conversation, APortUsedAgainIsAnotherConversation) {
  Script s;
  s.handshake().client(kAck, 1, 1, "one").client(kAck | kRst, 4, 1);
  s.client(kSyn, 70'000, -5000).server(kSyn | kAck, 0, 70'001).client(kAck, 70'001, 1, "two");
  const auto played = s.play();
  ASSERT_EQ(played.all.size(), 2U) << played.summary();
  EXPECT_EQ(played.all[0].from_client.cues.back().kind, CueKind::reset);
  EXPECT_EQ(played.all[1].from_client.bytes, "two");
}

TEST(Conversation, PortAndUserNameTheSameOne) {
  for (const uint64_t conversations : {1ULL, 3ULL, 7ULL, 40'000ULL}) {
    for (uint64_t user = 0; user < 100'000; user += 37) {
      const auto port = play_port(user, conversations);
      EXPECT_GE(port, kFirstPlayPort);
      ASSERT_EQ(played_on(port, conversations), user % conversations) << user;
    }
  }
}

// Both parts of a conversation, without sockets: bytes go over in pieces of every size. Empty when
// both came to their end with every byte.
struct Stage : TurnSink {
  std::string said;
  bool hung_up = false;
  void on_turn_bytes(std::string_view) override {}
  void on_turn_end(Answer answer) override { said += answer.head; }
  void say(std::string_view text) override { said += text; }
  void hang_up(bool, uint64_t) override { hung_up = true; }
};

std::string play(const SharedConversations& all, uint64_t user) {
  const Conversation& c = all->all[user];
  ClientOptions client_options;
  client_options.kind = ClientKind::replay;
  ServiceOptions service_options;
  client_options.conversations = service_options.conversations = all;
  const auto client = make_replay_dialogue(client_options, user);
  const auto service = make_replay_service(service_options, play_port(user, all->all.size()));
  Stage stage;
  service->begin(stage);
  uint64_t sent = 0, heard = 0;
  bool closed = false;  // the client, in one direction at least
  for (int step = 0; step < 1'000'000; ++step) {
    OutQueue out;
    const Action action = client->next(out);
    switch (action.kind) {
      case ActionKind::send:
        service->take(std::string_view(c.from_client.bytes).substr(sent, out.size()), stage);
        sent += out.size();
        break;
      case ActionKind::expect: {
        std::string_view rest = std::string_view(stage.said).substr(heard);
        auto progress = rest.empty() ? ClientDialogue::Progress::more : client->take(rest);
        heard = stage.said.size();
        if (progress == ClientDialogue::Progress::more && (stage.hung_up || closed)) {
          progress = client->on_close();
        }
        if (progress != ClientDialogue::Progress::done) {
          return "waits after " + std::to_string(heard) + " bytes; " + client->error();
        }
        break;
      }
      case ActionKind::half_close:
        closed = true;
        break;
      case ActionKind::reset:
      case ActionKind::finish:
        if (sent != c.from_client.bytes.size()) return "not everything was sent";
        if (action.kind == ActionKind::finish && stage.said != c.from_server.bytes) {
          return "not everything was answered";
        }
        return {};
      default:
        break;
    }
  }
  return "never ends";
}

TEST(Conversation, EveryWholeOneOfTheCapturesPlaysToItsEnd) {
  size_t played = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kCaptures)) {
    const auto extension = entry.path().extension();
    if (extension != ".pcap" && extension != ".pcapng") continue;
    const auto all = load_conversations(entry.path().string());
    if (!all) continue;  // holes, no beginnings
    for (uint64_t user = 0; user < (*all)->all.size(); ++user) {
      EXPECT_EQ(play(*all, user), "") << entry.path() << ", conversation " << user;
      ++played;
    }
  }
  EXPECT_GT(played, 400U);
}

TEST(Conversation, BadCapturesAreRefusedInWords) {
  const auto error_of = [](const std::string& bytes) {
    const std::string path = ::testing::TempDir() + "/bad.pcap";
    std::ofstream(path, std::ios::binary) << bytes;
    const auto loaded = load_conversations(path);
    EXPECT_FALSE(loaded.has_value());
    return loaded ? "" : loaded.error().substr(path.size());
  };
  EXPECT_NE(error_of("").find("truncated"), std::string::npos) << error_of("");
  EXPECT_NE(error_of("no capture at all, but text").find("unknown file format"), std::string::npos);
  const std::string magic("\xd4\xc3\xb2\xa1\x02\x00\x04\x00", 8);
  const std::string rest("\0\0\0\0\0\0\0\0\xff\xff\0\0", 12);
  EXPECT_EQ(error_of(magic + rest + std::string("\x01\0\0\0", 4)),
            ": nothing to play: no IP packets in it");
  EXPECT_NE(error_of(magic + rest + std::string("\x69\0\0\0", 4)).find("link type IEEE802_11"),
            std::string::npos);
  EXPECT_NE(load_conversations("/nowhere.pcap").error().find("No such file"), std::string::npos);
}

}  // namespace
}  // namespace mirrorlab::traffic
