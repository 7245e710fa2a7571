#include "harness/report/progress.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>

#include "os/fd.h"

namespace mirrorlab::report {
namespace {

class ProgressTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    reader_.reset(ends[0]);
    writer_.reset(ends[1]);
  }
  // All that was written; the writer is closed.
  std::string written() {
    writer_.reset();
    std::string all;
    std::array<char, 4096> buffer;
    for (ssize_t n = 0; (n = ::read(reader_.get(), buffer.data(), buffer.size())) > 0;) {
      all.append(buffer.data(), static_cast<size_t>(n));
    }
    return all;
  }
  os::Fd reader_, writer_;
};

TEST_F(ProgressTest, APipeGetsOnePlainLineForEachPhase) {
  {
    Progress progress(writer_.get(), false);
    progress.headline("quickstart  (seed 42)");
    progress.begin("setup", "namespaces, links", [] { return std::string("never shown"); });
    progress.begin("traffic", "http");
    progress.end();
  }
  EXPECT_EQ(written(),
            "quickstart  (seed 42)\n"
            "  setup     namespaces, links\n"
            "  traffic   http\n");
}

TEST_F(ProgressTest, ATerminalGetsOneRedrawnLineThatEndsWithTheTime) {
  {
    Progress progress(writer_.get(), true);
    std::atomic<int> asked{0};
    progress.begin("traffic", "http", [&] { return "n=" + std::to_string(++asked); });
    while (asked < 3) std::this_thread::yield();
    progress.end();
  }
  const std::string all = written();
  EXPECT_TRUE(all.starts_with("\r  traffic   http  ")) << all;
  EXPECT_NE(all.find(" s  n=1\033[K"), std::string::npos) << all;
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 1) << all;
  const std::string last = all.substr(all.rfind('\r'));
  EXPECT_EQ(last.find("n="), std::string::npos) << last;
  EXPECT_TRUE(last.ends_with(" s\033[K\n")) << last;
}

TEST_F(ProgressTest, EndWithoutBeginSaysNothing) {
  {
    Progress progress(writer_.get(), true);
    progress.end();
  }
  EXPECT_EQ(written(), "");
}

}  // namespace
}  // namespace mirrorlab::report
