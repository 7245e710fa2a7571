// Texts that are hardly a scenario file at all.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "harness/scenario/scenario_file.h"

namespace mirrorlab::scenario {
namespace {
using namespace std::string_literals;

std::string error_of(std::string_view text) {
  const auto read = read_scenario_text(text, "f.yaml");
  return read ? "accepted" : read.error().text();
}

TEST(OddText, Empty) {
  const std::string empty = "f.yaml:1:1: empty; a scenario begins with `schema: 1`";
  EXPECT_EQ(error_of(""), empty);
  EXPECT_EQ(error_of("\n\n  \n"), empty);
  EXPECT_EQ(error_of("# only a comment\n"), empty);
  EXPECT_EQ(error_of("---\n"), empty);
  EXPECT_EQ(error_of("~"), empty);
}

TEST(OddText, Binary) {
  EXPECT_EQ(error_of("\x7f"
                     "ELF\x02\x01"s),
            "f.yaml:1:1: byte 0x7f is no UTF-8 text; is this a scenario file?");
  EXPECT_EQ(error_of("schema: 1\nname: a\0b\n"s),
            "f.yaml:2:8: byte 0x00 is no UTF-8 text; is this a scenario file?");
  EXPECT_EQ(error_of("name: \xc3("),
            "f.yaml:1:7: byte 0xc3 is no UTF-8 text; is this a scenario "
            "file?");
  EXPECT_EQ(error_of("name: \xe2\x82"),
            "f.yaml:1:7: byte 0xe2 is no UTF-8 text; is this a "
            "scenario file?");
}

TEST(OddText, NoMap) {
  const std::string no_map = "a scenario is a map (key: value); begin with `schema: 1`";
  EXPECT_EQ(error_of("hello"), "f.yaml:1:1: " + no_map);
  EXPECT_EQ(error_of("- a\n- b\n"), "f.yaml:1:1: " + no_map);
  EXPECT_EQ(error_of("[]"), "f.yaml:1:1: " + no_map);
}

// yaml-cpp 0.7 reads empty documents for ever from text that can begin no value.
TEST(OddText, TextThatBeginsNoValueEnds) {
  EXPECT_EQ(error_of(",c: -1\nn: !b"), "f.yaml:1:1: not YAML: expected `key: value`");
  EXPECT_EQ(error_of("]"), "f.yaml:1:1: not YAML: illegal flow end; a } or ] that nothing opened");
}

TEST(OddText, Huge) {
  const std::string text = "schema: 1\nabout: " + std::string(1 << 20, 'x');
  EXPECT_EQ(error_of(text), "f.yaml:1:1: larger than 1 MiB: no scenario file");
}

TEST(OddText, DeepNestingOfEitherStyle) {
  EXPECT_TRUE(error_of(std::string(100'000, '[')).ends_with(": nested more than 32 deep"));
  std::string block;
  for (int i = 0; i < 1000; ++i) block += std::string(static_cast<size_t>(i), ' ') + "a:\n";
  EXPECT_EQ(error_of(block), "f.yaml:33:33: nested more than 32 deep");
}

TEST(OddText, WindowsLineEndsAndAByteOrderMarkAreText) {
  EXPECT_EQ(error_of("\xef\xbb\xbfschema: 2\r\nname: x\r\n"),
            "f.yaml:1:9: schema: this program reads `schema: 1`, not `2`");
}

TEST(OddText, AMessageIsOneShortLine) {
  const auto read = read_scenario_text("schema: 1\n? |\n  a\n  b\n: 1\n", "f.yaml");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().message.find('\n'), std::string::npos);
  const auto lengthy =
      error_of("schema: 1\nname: n\nrequires: [\"" + std::string(5000, 'x') + "\"]");
  EXPECT_LT(lengthy.size(), 700U);
}

class OddFile : public ::testing::Test {
 protected:
  ~OddFile() override { std::filesystem::remove_all(path_); }
  std::string path_ = ::testing::TempDir() + "mirrorlab-odd-file-" + std::to_string(::getpid());
};

TEST_F(OddFile, Missing) {
  EXPECT_EQ(read_scenario_file(path_).error().text(),
            path_ + ": cannot read the scenario: no such file (see `mirrorlab list`)");
}
TEST_F(OddFile, Directory) {
  std::filesystem::create_directory(path_);
  EXPECT_EQ(read_scenario_file(path_).error().text(),
            path_ + ": cannot read the scenario: it is a directory");
}
TEST_F(OddFile, Device) {
  EXPECT_EQ(read_scenario_file("/dev/zero").error().text(),
            "/dev/zero: cannot read the scenario: it is not a regular file");
}
TEST_F(OddFile, Huge) {
  std::ofstream(path_).seekp(int64_t{1} << 32) << "x";  // sparse: only its size is large
  EXPECT_EQ(read_scenario_file(path_).error().text(),
            path_ + ":1:1: larger than 1 MiB: no scenario file");
}

}  // namespace
}  // namespace mirrorlab::scenario
