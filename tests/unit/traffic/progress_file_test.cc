#include "harness/traffic/progress_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

namespace mirrorlab::traffic {
namespace {

TEST(ProgressFile, GivesWhatWasPublishedLast) {
  const std::string path = ::testing::TempDir() + "progress_file_test" + std::to_string(::getpid());
  std::filesystem::remove(path);
  EXPECT_FALSE(read_progress(path));
  auto file = ProgressFile::create(path);
  ASSERT_TRUE(file) << file.error();
  EXPECT_EQ(read_progress(path)->requests, 0U);
  file->publish({3, 200, 1});
  const auto done = read_progress(path);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->sessions, 3U);
  EXPECT_EQ(done->requests, 200U);
  EXPECT_EQ(done->errors, 1U);
  std::filesystem::remove(path);
}
TEST(ProgressFile, SaysWhereItCannotBe) {
  const auto file = ProgressFile::create("/nowhere/at/all");
  ASSERT_FALSE(file);
  EXPECT_NE(file.error().find("/nowhere/at/all"), std::string::npos);
}
TEST(ProgressFile, WithoutAFileNothingHappens) { ProgressFile().publish({1, 2, 3}); }

}  // namespace
}  // namespace mirrorlab::traffic
