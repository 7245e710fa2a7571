// Captures named by scenarios: what cannot be played is said before anything is built.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>

#include "harness/cli/playable.h"

namespace mirrorlab::cli {
namespace {

const std::string kCaptures = MIRRORLAB_SOURCE_DIR "/tests/captures/";

std::string refusal(const std::string& service, const std::string& traffic) {
  const std::string path = ::testing::TempDir() + "/" +
                           ::testing::UnitTest::GetInstance()->current_test_info()->name() +
                           ".yaml";
  std::ofstream(path) << fmt::format(R"(schema: 1
name: playing
nodes:
  clients: {{role: clients}}
  online: {{role: online, run: [{{{}, port: 80}}]}}
  test: {{role: test, run: [{{service: recorder, port: 8080}}]}}
links:
  - {{between: [clients, online]}}
  - {{between: [online, test]}}
engines:
  copy: {{on: online, map: "80 -> test:8080"}}
  intercept: {{on: test}}
traffic:
  - {{from: clients, to: online:80, {}}}
)",
                                     service, traffic);
  const auto read = read_playable(path);
  return read ? "" : read.error().text().substr(path.size());
}

TEST(Captures, AreLookedAtBeforeARun) {
  const std::string get = kCaptures + "http_get.pcap";
  EXPECT_EQ(refusal("service: recorder", "kind: pcap, file: " + get), "");
  EXPECT_EQ(refusal("service: replay, file: " + get, "kind: pcap, file: " + get), "");
  EXPECT_NE(refusal("service: recorder", "kind: pcap, file: nowhere.pcap")
                .find(":14:5: traffic `traffic`: "),
            std::string::npos);
  const std::string holes = kCaptures + "http_content-range-gap.pcap";
  EXPECT_NE(refusal("service: replay, file: " + holes, "kind: pcap, file: " + get).find("14:5"),
            std::string::npos);
  EXPECT_NE(refusal("service: recorder", "kind: pcap, file: " + holes)
                .find("nothing to play: 0 whole TCP conversations, 1 with a hole"),
            std::string::npos);
}

TEST(Captures, AReplayAnswersItsOwnCaptureOnly) {
  const std::string get = kCaptures + "http_get.pcap";
  const std::string other = kCaptures + "ftp_ipv4.pcap";
  for (const std::string& traffic : {"kind: pcap, file: " + other, std::string("kind: http")}) {
    EXPECT_NE(refusal("service: replay, file: " + get, traffic).find("answers to `kind: pcap`"),
              std::string::npos);
  }
}

}  // namespace
}  // namespace mirrorlab::cli
