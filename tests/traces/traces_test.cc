// Real traces through the engine core: the client side of every TCP conversation of tests/captures
// is captured, a virtual test host answers as the online side did. For each: invariants after every
// event, no stuck session, no byte that the client did not send, whole streams where the engine
// says "mirrored", and the outcomes of tests/traces/expected.txt, where a change can be reviewed.
//
// To write expected.txt anew: MIRRORLAB_UPDATE=1 build/bin/trace_tests
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "traces/conversation.h"

namespace mirrorlab::testing {
namespace {

const std::string kCaptures = MIRRORLAB_SOURCE_DIR "/tests/captures";
const std::string kExpected = MIRRORLAB_SOURCE_DIR "/tests/traces/expected.txt";
constexpr uint32_t kLoseOneOf = 5;
// Some files are several captures, years apart; two hours end any session as well.
constexpr int64_t kLongestPause = 7200 * engine::kSecond;
const wire::Endpoint kTest4 = *wire::Endpoint::parse("198.18.0.1:9");
const wire::Endpoint kTest6 = *wire::Endpoint::parse("[2001:db8:9::1]:9");

using Outcomes = std::map<std::string, size_t>;

engine::Config config_for(const Conversation& c) {
  engine::Config config;
  config.mappings = {{c.online, c.online.address.is_v4() ? kTest4 : kTest6}};
  return config;
}

struct Arrived {
  uint64_t distinct = 0;  // bytes of the client's streams
  uint64_t wrong = 0;     // of them, those that the client did not send
};

// Compares what the host accepted with the client's bytes at the same places.
Arrived compare(const Conversation& c, const TestHost& host) {
  Arrived arrived;
  for (const auto& stream : c.streams) {
    std::map<int64_t, uint8_t> got;
    for (const auto& a : host.accepted()) {
      const int64_t from = wire::unwrap(a.isn + 1, stream.zero, 0);
      if (from < -(1 << 30) || from > (1 << 30)) continue;
      for (size_t i = 0; i < a.bytes.size(); ++i) {
        got.try_emplace(from + static_cast<int64_t>(i), a.bytes[i]);
      }
    }
    for (const auto& [offset, byte] : got) {
      const auto sent = stream.bytes.find(offset);
      if (c.streams.size() > 1 && sent == stream.bytes.end()) continue;  // another stream's
      ++arrived.distinct;
      if (sent == stream.bytes.end() || sent->second != byte) ++arrived.wrong;
    }
  }
  return arrived;
}

void play(const CaptureFile& file, const Conversation& c, uint32_t lose_one_of,
          Outcomes& outcomes) {
  SCOPED_TRACE(c.client.to_string() + " > " + c.online.to_string() +
               (lose_one_of != 0 ? ", lossy wire" : ", perfect wire"));
  TestHost host(config_for(c), c.answers, lose_one_of);
  int64_t before = c.from_client.front().time_ns;
  for (const auto& packet : c.from_client) {
    host.run_until(host.now() + std::min(packet.time_ns - before, kLongestPause));
    before = packet.time_ns;
    const auto p = wire::parse_ip_packet(file.packets[packet.index].ip);
    host.client(*p);
  }
  const bool rested = host.run_to_rest();
  ASSERT_EQ(host.wrong(), "");
  ASSERT_TRUE(rested);
  EXPECT_TRUE(host.core().drained());
  const auto& account = host.core().account();
  EXPECT_EQ(account.imbalance(), "");
  EXPECT_EQ(account.sessions_live, 0U);
  EXPECT_EQ(account.bytes_pending, 0U);
  EXPECT_EQ(account.sessions_captured, host.reports().size());
  const Arrived arrived = compare(c, host);
  const uint64_t accepted = arrived.distinct;
  EXPECT_EQ(arrived.wrong, 0U) << "bytes the client did not send reached the test host";
  uint64_t mirrored = 0;
  bool exact = true;
  for (const auto& r : host.reports()) {
    mirrored += r.bytes_mirrored;
    exact = exact && r.reason == engine::LossReason::none;
    EXPECT_EQ(r.bytes_captured, r.bytes_mirrored + r.bytes_lost);
    if (r.reason == engine::LossReason::none) {
      EXPECT_EQ(r.bytes_lost, 0U);
      ++outcomes["mirrored"];
    } else {
      ++outcomes[engine::to_string(r.reason)];
    }
  }
  EXPECT_GE(accepted, mirrored) << "the engine says more was mirrored than arrived";
  if (exact) {
    uint64_t sent = 0;
    for (const auto& stream : c.streams) sent += stream.bytes.size();
    EXPECT_EQ(mirrored, account.bytes_captured);
    EXPECT_EQ(accepted, sent) << "all sessions mirrored, yet not every byte arrived";
  }
  if (host.reports().empty()) ++outcomes["no_session"];
}

std::string text_of(const Outcomes& outcomes) {
  std::string text;
  for (const auto& [outcome, n] : outcomes) text += fmt::format(" {} {}", n, outcome);
  return text.empty() ? " none" : text;
}

std::map<std::string, std::string>& lines() {
  static std::map<std::string, std::string> all;
  return all;
}
std::map<std::string, std::string> expected_lines() {
  std::map<std::string, std::string> all;
  std::ifstream in(kExpected);
  for (std::string line; std::getline(in, line);) {
    if (const auto colon = line.find(':'); colon != std::string::npos && line[0] != '#') {
      all[line.substr(0, colon)] = line;
    }
  }
  return all;
}
bool updating() { return std::getenv("MIRRORLAB_UPDATE") != nullptr; }

class Trace : public ::testing::TestWithParam<std::string> {};

TEST_P(Trace, EveryConversationHasAnExplainedOutcome) {
  const std::string name = std::filesystem::path(GetParam()).filename().string();
  const auto file = read_capture(GetParam());
  ASSERT_TRUE(file.has_value()) << file.error();
  const auto conversations = conversations_of(*file);
  Outcomes perfect, lossy;
  for (const auto& c : conversations.all) {
    if (c.from_client.empty()) {
      ++perfect["server_side_only"];
      ++lossy["server_side_only"];
      continue;
    }
    play(*file, c, 0, perfect);
    play(*file, c, kLoseOneOf, lossy);
  }
  std::string line =
      fmt::format("{}: {} conversations;{}", name, conversations.all.size(), text_of(perfect));
  if (perfect != lossy) line += "; lossy:" + text_of(lossy);
  if (file->not_ip != 0) line += fmt::format("; {} no IP", file->not_ip);
  if (conversations.no_tcp != 0) line += fmt::format("; {} no TCP", conversations.no_tcp);
  if (conversations.fragments != 0) line += fmt::format("; {} fragments", conversations.fragments);
  if (conversations.malformed != 0) line += fmt::format("; {} malformed", conversations.malformed);
  lines()[name] = line;
  if (updating()) return;
  static const auto expected = expected_lines();
  const auto found = expected.find(name);
  EXPECT_EQ(line, found == expected.end() ? "no line in expected.txt" : found->second)
      << "if the change is right: MIRRORLAB_UPDATE=1 build/bin/trace_tests";
}

INSTANTIATE_TEST_SUITE_P(Captures, Trace, ::testing::ValuesIn(capture_paths(kCaptures)),
                         [](const auto& param) {
                           std::string name = std::filesystem::path(param.param).stem().string();
                           std::ranges::replace_if(
                               name, [](unsigned char ch) { return !std::isalnum(ch); }, '_');
                           return name;
                         });

TEST(Traces, TheCaptureSetIsWholeAndExpectedNamesNoOther) {
  const auto paths = capture_paths(kCaptures);
  EXPECT_GE(paths.size(), 190U);
  if (updating()) return;
  for (const auto& [name, line] : expected_lines()) {
    EXPECT_TRUE(std::filesystem::exists(kCaptures + "/" + name)) << name;
  }
}

// The comparison itself must be able to say no: one byte of what was sent is changed, or missing.
TEST(Traces, AChangedOrAnInventedByteIsSeen) {
  const auto file = read_capture(kCaptures + "/http_get.pcap");
  ASSERT_TRUE(file.has_value()) << file.error();
  Conversation c = conversations_of(*file).all.at(0);
  TestHost host(config_for(c), c.answers, 0);
  for (const auto& packet : c.from_client) {
    host.client(*wire::parse_ip_packet(file->packets[packet.index].ip));
    host.run_until(host.now() + engine::kSecond);
  }
  ASSERT_EQ(compare(c, host).wrong, 0U);
  auto& bytes = c.streams.at(0).bytes;
  ASSERT_EQ(compare(c, host).distinct, bytes.size());
  bytes.begin()->second ^= 1U;
  EXPECT_EQ(compare(c, host).wrong, 1U);
  bytes.erase(bytes.begin());
  EXPECT_EQ(compare(c, host).wrong, 1U);
}

class Writer : public ::testing::Environment {
  void TearDown() override {
    if (!updating()) return;
    std::ofstream out(kExpected);
    out << "# Outcomes of traces_test: sessions by outcome with a perfect wire to the test host, "
           "and,\n"
           "# where they differ, with one that loses one of "
        << kLoseOneOf << " packets of both directions.\n";
    for (const auto& [name, line] : lines()) out << line << '\n';
  }
};
const auto* const kWriter = ::testing::AddGlobalTestEnvironment(new Writer);

}  // namespace
}  // namespace mirrorlab::testing
