// Command lines in scenario files: words, quotes and placeholders.
#include "harness/scenario/command_text.h"

#include <gtest/gtest.h>

namespace mirrorlab::scenario {
namespace {
using Words = std::vector<std::string>;

TEST(CommandText, SplitsAsAShellDoes) {
  EXPECT_EQ(*split_words("wrk -t1  -d2s"), (Words{"wrk", "-t1", "-d2s"}));
  EXPECT_EQ(*split_words("a 'b c' \"d 'e\" f\\ g"), (Words{"a", "b c", "d 'e", "f g"}));
  EXPECT_EQ(*split_words("redis --save ''"), (Words{"redis", "--save", ""}));
  EXPECT_EQ(*split_words("pre'fix ed'x"), (Words{"prefix edx"}));
  EXPECT_EQ(split_words("a 'b").error(), "a ' without its closing one");
  EXPECT_EQ(split_words("  ").error(), "an empty command");
}
TEST(CommandText, FillsPlaceholdersAndLeavesOtherBraces) {
  const std::map<std::string, std::string> values{{"test", "10.0.0.2"}, {"port", "80"}};
  EXPECT_EQ(*fill_placeholders("http://{test}:{port}/", values), "http://10.0.0.2:80/");
  EXPECT_EQ(*fill_placeholders("{\"a\":1} {} {A} ${x", values), "{\"a\":1} {} {A} ${x");
  EXPECT_EQ(fill_placeholders("{programs}", values).error(),
            "{programs} has no value here (known: port, test)");
}
TEST(CommandText, AnUnknownPlaceholderIsFoundBeforeTheRun) {
  EXPECT_EQ(check_command_text("x {test} {programs}"), "");
  EXPECT_EQ(check_command_text("x {tset}"), "unknown placeholder {tset} (did you mean `test`?)");
  EXPECT_NE(check_command_text("x 'y"), "");
}
TEST(CommandText, AQuotedWordIsReadBackAsOne) {
  for (const std::string word : {"plain/file.yaml", "my file.yaml", "it's", "", "a;b", "$HOME"}) {
    const auto words = split_words(quoted_word(word));
    ASSERT_TRUE(words) << word;
    ASSERT_EQ(words->size(), 1U) << word;
    EXPECT_EQ(words->front(), word);
  }
  EXPECT_EQ(quoted_word("ip=v4"), "ip=v4");
  EXPECT_EQ(quoted_word("my file.yaml"), "'my file.yaml'");
}

}  // namespace
}  // namespace mirrorlab::scenario
