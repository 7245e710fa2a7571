// Output for other programs stays well-formed whatever an engine wrote. tests/cli/batch.py has it
// read by an XML parser.
#include "harness/report/junit.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <string>

#include "harness/report/batch_progress.h"

namespace mirrorlab::report {
namespace {

Outcome ended(const std::string& verdict, const std::string& reason) {
  Outcome o;
  o.name = "loss";
  o.variant = "ip=v6";
  o.path = "a&b.yaml";
  o.verdict = verdict;
  o.reason = reason;
  o.text = reason;
  o.seconds = 1.5;
  o.code = verdict == "passed" ? 0 : 1;
  return o;
}

TEST(Junit, EscapesWhatXmlCannotHold) {
  const auto xml = to_junit({ended("failed", "<a> & \"b\"\x01\xff\n]]>")});
  EXPECT_NE(xml.find("message=\"&lt;a&gt; &amp; &quot;b&quot;?\xef\xbf\xbd&#10;]]&gt;\""),
            std::string::npos)
      << xml;
  EXPECT_EQ(xml.find('\x01'), std::string::npos);
  EXPECT_EQ(xml.find('\xff'), std::string::npos);
  EXPECT_NE(xml.find("file=\"a&amp;b.yaml\""), std::string::npos);
}

TEST(Junit, AnOutcomeWithoutAVerdictIsAnError) {
  const auto xml =
      to_junit({ended("inconclusive", "the box dropped packets"), ended("passed", "")});
  EXPECT_NE(xml.find("tests=\"2\" failures=\"0\" errors=\"1\" skipped=\"0\" time=\"3.000\""),
            std::string::npos)
      << xml;
}

TEST(Tap, OneLineEachWhateverTheReason) {
  EXPECT_EQ(to_tap({ended("skipped", "no\nwrk # TODO"), ended("passed", "")}),
            "TAP version 13\n1..2\nok 1 - loss [ip=v6] # SKIP no wrk   TODO\n"
            "ok 2 - loss [ip=v6]\n");
  const auto failed = to_tap({ended("failed", "a \"b\"\n...")});
  EXPECT_NE(failed.find("not ok 1 - loss [ip=v6]\n  ---\n"), std::string::npos);
  EXPECT_NE(failed.find(R"(reason: "a \"b\"\n...")"), std::string::npos) << failed;
}

TEST(Outcome, GoesFromOneProcessToAnother) {
  auto sent = ended("failed", "\xff and \"words\"\n");
  sent.json = {{"verdict", "failed"}};
  Outcome got;
  ASSERT_TRUE(from_line(to_line(sent), got));
  EXPECT_EQ(got.title(), "loss [ip=v6]");
  EXPECT_EQ(got.code, 1);
  EXPECT_EQ(got.json["verdict"], "failed");
  EXPECT_DOUBLE_EQ(got.seconds, 1.5);
  const auto line = to_line(sent);
  EXPECT_FALSE(from_line(line.substr(0, line.size() / 2), got));
  EXPECT_FALSE(from_line("{}", got));
  EXPECT_FALSE(from_line("", got));
}

std::string written(bool terminal) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe(ends.data()), 0);
  {
    BatchProgress progress(ends[1], terminal, 2);
    progress.draw({"loss 0.1 s", "reuse 2.0 s"});
    progress.clear();
    progress.ended(ended("failed", "x"));
    progress.draw({"reuse 2.1 s"});
  }
  ::close(ends[1]);
  std::array<char, 4096> buffer;
  const ssize_t n = ::read(ends[0], buffer.data(), buffer.size());
  ::close(ends[0]);
  return {buffer.data(), n > 0 ? static_cast<size_t>(n) : 0};
}

TEST(BatchProgress, ALineForEachEndInAPipeAndOneRedrawnLineOnATerminal) {
  EXPECT_EQ(written(false), "[1/2] failed       loss [ip=v6]  1.5 s\n");
  EXPECT_EQ(written(true),
            "\r  0/2 done; 2 running  loss 0.1 s  reuse 2.0 s\033[K\r\033[K"
            "\r  1/2 done, 1 not passed; 1 running  reuse 2.1 s\033[K");
}

}  // namespace
}  // namespace mirrorlab::report
