// Every file of tests/scenarios-broken/topology is in order as a text and cannot be built; it gives
// exactly the error that its first line expects: "# LINE:COLUMN: MESSAGE".
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "harness/cli/playable.h"
#include "harness/scenario/scenario_file.h"

namespace mirrorlab::cli {
namespace {

TEST(BrokenTopology, IsToldBeforeAnythingIsBuilt) {
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(
           MIRRORLAB_SOURCE_DIR "/tests/scenarios-broken/topology")) {
    const std::string path = entry.path().string();
    SCOPED_TRACE("see it with: mirrorlab validate " + path);
    std::ifstream in(path);
    std::string expected;
    ASSERT_TRUE(std::getline(in, expected) && expected.starts_with("# "));
    EXPECT_TRUE(scenario::read_scenario_file(path).has_value());
    const auto read = read_playable(path);
    ASSERT_FALSE(read.has_value());
    EXPECT_EQ(read.error().text(), path + ":" + expected.substr(2));
    ++files;
  }
  EXPECT_GE(files, 8U);
}

}  // namespace
}  // namespace mirrorlab::cli
