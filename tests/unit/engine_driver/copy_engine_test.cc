// The copy engine's shell with a scripted capture, sender and links in place of the network.
#include "engine/driver/copy_engine.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <deque>
#include <fstream>

namespace mirrorlab::engine {
namespace {

struct Script {
  std::deque<wire::TcpPacket> captured;
  os::Fd readable{::eventfd(0, EFD_NONBLOCK)};
  std::vector<std::string> events;  // "claim 0", "flush 0", "send", in order
  std::vector<wire::TcpHeader> sent;
  std::vector<HeaderLink::TakeRecords> records;
  std::vector<HeaderLink::TakeLink> links;
  std::vector<bool> up;
  bool sender_full = false;
  bool behind = false;
};

class ScriptedSource : public os::PacketSource {
 public:
  explicit ScriptedSource(Script& script) : script_(script) {}
  int fd() const override { return script_.readable.get(); }
  bool read(const Take& take) override {
    uint64_t ignored = 0;
    while (::read(script_.readable.get(), &ignored, sizeof ignored) > 0) {
    }
    const std::vector<wire::TcpPacket> packets(script_.captured.begin(), script_.captured.end());
    script_.captured.clear();
    take(packets);
    return false;
  }
  const os::CaptureCounters& counters() override { return counters_; }

 private:
  Script& script_;
  os::CaptureCounters counters_;
};

class ScriptedSender : public os::PacketSender {
 public:
  explicit ScriptedSender(Script& script) : script_(script) {}
  void send(const wire::TcpHeader& header, wire::Bytes) override {
    script_.events.emplace_back("send");
    script_.sent.push_back(header);
  }
  void flush(os::Nanos) override {}
  bool full() const override { return script_.sender_full; }
  Wait wait() const override { return {}; }
  const os::SendCounters& counters() const override { return counters_; }

 private:
  Script& script_;
  os::SendCounters counters_;
};

class ScriptedLink : public HeaderLink {
 public:
  ScriptedLink(Script& script, size_t index) : script_(script), index_(index) {}
  void start(os::Nanos) override {}
  void claim(const wire::FlowKey&, bool mine) override {
    if (!script_.up[index_]) return;
    script_.events.push_back((mine ? "claim " : "unclaim ") + std::to_string(index_));
  }
  void flush(os::Nanos) override {
    if (!script_.events.empty() && script_.events.back().starts_with("claim"))
      script_.events.push_back("flush " + std::to_string(index_));
  }
  bool up() const override { return script_.up[index_]; }
  bool behind(os::Nanos) const override { return script_.behind; }
  const std::string& last_failure() const override { return failure_; }
  const HeaderLinkCounters& counters() const override { return counters_; }

 private:
  Script& script_;
  size_t index_;
  std::string failure_ = "not there";
  HeaderLinkCounters counters_;
};

class CopyEngineTest : public testing::Test {
 protected:
  void make(size_t links, const std::string& log = {}) {
    CopyOptions options;
    options.core = config_;
    options.session_log = log;
    for (size_t i = 0; i < links; ++i) {
      options.intercepts.push_back(*wire::Endpoint::parse("10.2.0.2:1"));
      script_.up.push_back(false);
    }
    CopyParts parts;
    parts.source = [this](const os::CaptureOptions&) -> Made<os::PacketSource> {
      return std::make_unique<ScriptedSource>(script_);
    };
    parts.sender = [this](os::InjectWay, size_t) -> Made<os::PacketSender> {
      return std::make_unique<ScriptedSender>(script_);
    };
    parts.link = [this](os::EventLoop&, const wire::Endpoint&, const os::SharedKey*,
                        HeaderLink::TakeRecords records, HeaderLink::TakeLink link) {
      script_.records.push_back(records);
      script_.links.push_back(link);
      return std::make_unique<ScriptedLink>(script_, script_.links.size() - 1);
    };
    parts.write_figures = [this](const std::string&,
                                 nlohmann::json figures) -> tl::expected<void, std::string> {
      figures_ = std::move(figures);
      return {};
    };
    loop_ = std::move(*os::EventLoop::create());
    engine_ = std::move(*CopyEngine::create(*loop_, options, parts, nullptr));
    engine_->start(loop_->now());
  }
  void link(size_t index, bool up) {
    script_.up[index] = up;
    script_.links[index](up, loop_->now());
    turn();
  }
  void capture_syn(uint16_t port, const char* to = "10.1.0.1:80") {
    queue_syn(port, to);
    take_queued();
  }
  void queue_syn(uint16_t port, const char* to) {
    wire::TcpPacket p;
    p.header.src = {*wire::IpAddress::parse("10.9.0.1"), port};
    p.header.dst = *wire::Endpoint::parse(to);
    p.header.seq = wire::Seq(1000);
    p.header.flags = wire::tcp_flag::kSyn;
    p.header.window = 65535;
    script_.captured.push_back(p);
  }
  void take_queued() {
    const uint64_t one = 1;
    ASSERT_EQ(::write(script_.readable.get(), &one, sizeof one), 8);
    turn();
  }
  void turn() { ASSERT_TRUE(loop_->turn(0)); }
  size_t count(const std::string& event) const {
    return static_cast<size_t>(std::ranges::count(script_.events, event));
  }
  Config config_ = [] {
    Config c;
    c.mappings = {{{{}, 80}, *wire::Endpoint::parse("10.2.0.2:80")}};
    return c;
  }();
  Script script_;
  nlohmann::json figures_;
  std::unique_ptr<os::EventLoop> loop_;
  std::unique_ptr<CopyEngine> engine_;
};

TEST_F(CopyEngineTest, ClaimsLeaveBeforeThePacketTheyAreFor) {
  make(1);
  link(0, true);
  script_.sender_full = true;
  capture_syn(1);
  ASSERT_GE(script_.events.size(), 3U);
  EXPECT_EQ(script_.events[0], "claim 0");
  EXPECT_EQ(script_.events[1], "flush 0");
  EXPECT_EQ(script_.events[2], "send");
  EXPECT_EQ(script_.sent[0].dst.to_string(), "10.2.0.2:80");
}

TEST_F(CopyEngineTest, IsNotDrainedBeforeItsCaptureIsRead) {
  make(1);
  link(0, true);
  EXPECT_TRUE(engine_->figures()["drained"]);
  const uint64_t one = 1;
  ASSERT_EQ(::write(script_.readable.get(), &one, sizeof one), 8);
  EXPECT_FALSE(engine_->figures()["drained"]);
  turn();
  EXPECT_TRUE(engine_->figures()["drained"]);
}

TEST_F(CopyEngineTest, PacketsTowardATestEndpointAreNotAClients) {
  make(1);
  link(0, true);
  capture_syn(1, "10.2.0.2:80");
  EXPECT_TRUE(script_.sent.empty());
  EXPECT_EQ(engine_->figures()["capture"]["own_injected"], 1);
  EXPECT_EQ(engine_->core().account().sessions_captured, 0U);
}

TEST_F(CopyEngineTest, PacketsTowardATestEndpointAreLeftOutOfABatch) {
  make(1);
  link(0, true);
  const bool own[] = {true, false, false, true, true, false, true};
  for (uint16_t port = 1; const bool is_own : own) {
    queue_syn(port++, is_own ? "10.2.0.2:80" : "10.1.0.1:80");
  }
  take_queued();
  EXPECT_EQ(engine_->figures()["capture"]["own_injected"], 4);
  EXPECT_EQ(engine_->core().account().sessions_captured, 3U);
  EXPECT_EQ(script_.sent.size(), 3U);
}

TEST_F(CopyEngineTest, ALinkThatComesUpIsToldEveryLiveConnectionAndOthersAreNot) {
  make(2);
  link(0, true);
  capture_syn(1);
  capture_syn(2);
  EXPECT_EQ(count("claim 0"), 2U);
  EXPECT_EQ(count("claim 1"), 0U);
  link(1, true);
  EXPECT_EQ(count("claim 0"), 2U);
  EXPECT_EQ(count("claim 1"), 2U);
  link(0, false);
  link(0, true);
  EXPECT_EQ(count("claim 0"), 4U);
  EXPECT_EQ(count("claim 1"), 2U);
}

// Silence is taken for an answer only where an answer could come.
class TwoTestHosts : public CopyEngineTest {
 protected:
  static constexpr const char* kTests[] = {"10.2.0.2:80", "10.3.0.2:80"};

  void SetUp() override {
    config_.mappings = {{{{}, 80}, *wire::Endpoint::parse(kTests[0])},
                        {{{}, 81}, *wire::Endpoint::parse(kTests[1])}};
    config_.handshake_timeout = 20 * kMillisecond;
    make(2);
    link(0, true);
    link(1, true);
    // Each intercept brings the replies of one.
    for (size_t i = 0; i < 2; ++i) reply(i, i);
  }
  // Intercept `from` returns a header of test host `of`.
  void reply(size_t from, size_t of) {
    wire::HeaderRecord r;
    r.flow = {*wire::Endpoint::parse("10.9.0.9:9"), *wire::Endpoint::parse(kTests[of])};
    r.flags = wire::tcp_flag::kRst;
    script_.records[from]({&r, 1}, loop_->now());
  }
  // Connections given up within several handshake time-outs. Their sessions live on until the end.
  size_t given_up() {
    const auto until = os::steady_now() + 100 * kMillisecond;
    while (os::steady_now() < until) EXPECT_TRUE(loop_->turn(5));
    engine_->stop(loop_->now());
    return engine_->core()
        .account()
        .sessions_lost[static_cast<size_t>(LossReason::handshake_timeout)];
  }
};

TEST_F(TwoTestHosts, ALinkThatIsDownHoldsUpOnlyWhatItServes) {
  capture_syn(1, "10.1.0.1:80");
  capture_syn(2, "10.1.0.1:81");
  link(1, false);
  EXPECT_EQ(given_up(), 1U);
}

TEST_F(TwoTestHosts, WhileALinkIsBehindSilenceSaysNothing) {
  script_.behind = true;
  capture_syn(1, "10.1.0.1:80");
  capture_syn(2, "10.1.0.1:81");
  EXPECT_EQ(given_up(), 0U);
}

TEST_F(TwoTestHosts, WhileNoneIsBehindSilenceIsAnAnswer) {
  capture_syn(1, "10.1.0.1:80");
  capture_syn(2, "10.1.0.1:81");
  EXPECT_EQ(given_up(), 2U);
}

TEST_F(TwoTestHosts, ALinkThatIsDownHoldsUpAllThatItServes) {
  reply(1, 0);
  capture_syn(1, "10.1.0.1:80");
  capture_syn(2, "10.1.0.1:81");
  link(1, false);
  EXPECT_EQ(given_up(), 0U);
}

TEST_F(CopyEngineTest, EndsWithABalancedAccountAndALineForEverySession) {
  const std::string log = testing::TempDir() + "mirrorlab-sessions.jsonl";
  make(1, log);
  link(0, true);
  for (uint16_t port = 1; port <= 5; ++port) capture_syn(port);
  engine_->stop(loop_->now());
  ASSERT_TRUE(engine_->flush_session_log());
  EXPECT_EQ(engine_->core().account().imbalance(), "");
  std::ifstream in(log);
  size_t lines = 0;
  for (std::string line; std::getline(in, line); ++lines) {
    const auto entry = nlohmann::json::parse(line);
    EXPECT_EQ(entry["test"], "10.2.0.2:80");
    EXPECT_TRUE(entry.contains("first_seq"));
  }
  EXPECT_EQ(lines, 5U);
  std::remove(log.c_str());
}

TEST_F(CopyEngineTest, AFullDiskCostsLinesThatAreCountedAndNothingElse) {
  make(1, "/dev/full");
  link(0, true);
  for (uint16_t port = 1; port <= 3; ++port) capture_syn(port);
  engine_->stop(loop_->now());
  const auto written = engine_->flush_session_log();
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().find("ENOSPC"), std::string::npos) << written.error();
  EXPECT_EQ(engine_->core().account().imbalance(), "");
}

}  // namespace
}  // namespace mirrorlab::engine
