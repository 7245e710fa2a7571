// Every file of tests/scenarios-broken gives exactly the error that its first line expects:
// "# LINE:COLUMN: MESSAGE".
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "harness/scenario/scenario_file.h"

namespace mirrorlab::scenario {
namespace {

const std::string kDirectory = MIRRORLAB_SOURCE_DIR "/tests/scenarios-broken/";

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const auto& entry : std::filesystem::directory_iterator(kDirectory)) {
    if (entry.path().extension() == ".yaml") all.push_back(entry.path().stem().string());
  }
  std::ranges::sort(all);
  return all;
}

class BrokenFile : public ::testing::TestWithParam<std::string> {};

TEST_P(BrokenFile, GivesTheErrorOfItsFirstLine) {
  const std::string path = kDirectory + GetParam() + ".yaml";
  std::ifstream in(path);
  std::string expected;
  ASSERT_TRUE(std::getline(in, expected) && expected.starts_with("# ")) << path;
  const auto read = read_scenario_file(path);
  ASSERT_FALSE(read.has_value()) << path << " was accepted; see it with: mirrorlab validate "
                                 << path;
  EXPECT_EQ(read.error().text(), path + ":" + expected.substr(2));
}

INSTANTIATE_TEST_SUITE_P(Scenario, BrokenFile, ::testing::ValuesIn(names()), [](const auto& p) {
  std::string name = p.param;
  std::ranges::replace(name, '-', '_');
  return name;
});

}  // namespace
}  // namespace mirrorlab::scenario
