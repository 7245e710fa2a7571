// Options of a command line: a list, or one text as in a shell.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "harness/scenario/scenario_file.h"

namespace mirrorlab::scenario {
namespace {

tl::expected<std::vector<Scenario>, Error> with_options(const std::string& options) {
  const std::string text = fmt::format(R"(schema: 1
name: t
nodes:
  clients: {{role: clients}}
  online: {{role: online, run: [{{service: nginx, options: {0}}}]}}
  test: {{role: test, run: [{{service: recorder}}]}}
links: []
engines:
  copy: {{on: online, map: "80 -> test:80", options: {0}}}
  intercept: {{on: test, options: {0}}}
)",
                                       options);
  return read_scenario_text(text, "t.yaml");
}

TEST(Options, AListAndATextAreTheSame) {
  const std::vector<std::string> words{"--ack=client", "--idle-timeout", "0.5", "a b"};
  for (const char* options : {R"([--ack=client, --idle-timeout, "0.5", "a b"])",
                              R"("--ack=client --idle-timeout 0.5 'a b'")",
                              R"(--ack=client   --idle-timeout 0.5 "a b")"}) {
    const auto read = with_options(options);
    ASSERT_TRUE(read.has_value()) << options << ": " << read.error().text();
    for (const Engine& e : read->front().engines) EXPECT_EQ(e.options, words) << options;
    EXPECT_EQ(read->front().node("online")->run[0].options, words) << options;
  }
}

TEST(Options, OneWordIsOne) {
  const auto read = with_options("--no-wait");
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->front().engines[0].options, std::vector<std::string>{"--no-wait"});
}

TEST(Options, OfNoOtherShape) {
  for (const char* options : {"{a: b}", "\"'\"", "\"\"", "[[a]]", "\"{nowhere}\""}) {
    EXPECT_FALSE(with_options(options).has_value()) << options;
  }
}

}  // namespace
}  // namespace mirrorlab::scenario
