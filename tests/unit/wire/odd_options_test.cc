// TCP options in forms that stacks and middleboxes really send, and forms nobody should.
#include <gtest/gtest.h>

#include <vector>

#include "wire/tcp_options.h"

namespace mirrorlab::wire {
namespace {
using Blob = std::vector<uint8_t>;

TcpOptions read(const Blob& bytes, bool expect_malformed = false) {
  bool malformed = !expect_malformed;
  const auto options = TcpOptions::parse(bytes, &malformed);
  EXPECT_EQ(malformed, expect_malformed);
  return options;
}

TEST(OddOptions, EndOfListHidesWhatFollows) {
  EXPECT_EQ(read({0, 2, 4, 5, 0xb4}), TcpOptions{});
  EXPECT_EQ(read({1, 1, 1, 0, 0, 0}), TcpOptions{});
  EXPECT_EQ(read({}), TcpOptions{});
}

TEST(OddOptions, UnknownOnesAreSkippedByTheirLength) {
  // Fast open cookie, MPTCP, MD5, experimental: none is copied, all are stepped over.
  const auto o = read({34, 10, 1, 2, 3, 4, 5, 6, 7, 8, 30, 4, 0, 0, 253, 2, 2, 4, 5, 0xb4});
  EXPECT_EQ(o.mss, 1460);
}

TEST(OddOptions, KnownOnesOfWrongLengthAreSkipped) {
  const auto o = read({2, 3, 5, 3, 4, 7, 7, 4, 3, 0, 8, 9, 0, 0, 0, 0, 0, 0, 0, 5, 3, 0, 5, 2});
  EXPECT_EQ(o, TcpOptions{});
}

TEST(OddOptions, LengthsThatLeaveTheHeaderEndTheReading) {
  EXPECT_EQ(read({2}, true), TcpOptions{});
  EXPECT_EQ(read({2, 4}, true), TcpOptions{});
  EXPECT_EQ(read({2, 4, 5}, true), TcpOptions{});
  EXPECT_EQ(read({2, 0, 5, 0xb4}, true), TcpOptions{});
  EXPECT_EQ(read({2, 1, 5, 0xb4}, true), TcpOptions{});
  EXPECT_EQ(read({8, 255, 0, 0}, true), TcpOptions{});
  EXPECT_EQ(read({4, 2, 99}, true).sack_permitted, true);
}

TEST(OddOptions, TheLastOfRepeatedOnesWins) {
  EXPECT_EQ(read({2, 4, 0, 1, 2, 4, 0, 2}).mss, 2);
  const auto o = read({5, 18, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4,  //
                       5, 10, 0, 0, 0, 5, 0, 0, 0, 6});
  TcpOptions expected;
  expected.sack_count = 1;
  expected.sack[0] = {Seq(5), Seq(6)};
  EXPECT_EQ(o, expected) << "blocks of the first option are left over";
}

TEST(OddOptions, FiveSackBlocksAreReadAsFour) {
  Blob bytes{5, 42};
  bytes.resize(42, 7);
  EXPECT_EQ(read(bytes).sack_count, 4);
}

TEST(OddOptions, AWindowScaleAbove14IsKeptAsSent) {
  EXPECT_EQ(read({3, 3, 255}).window_scale, 255);
}

TEST(OddOptions, WritingLeavesOutBlocksThatDoNotFit) {
  TcpOptions o;
  o.mss = 1460;
  o.window_scale = 7;
  o.sack_permitted = true;
  o.timestamps = TcpTimestamps{1, 2};
  o.sack_count = 4;
  uint8_t out[TcpOptions::kMaxBytes];
  const size_t n = o.write(out);
  EXPECT_EQ(n, 40U);
  EXPECT_EQ(read(Blob(out, out + n)).sack_count, 2);
  o = {};
  o.timestamps = TcpTimestamps{1, 2};
  o.sack_count = 4;
  EXPECT_EQ(read(Blob(out, out + o.write(out))).sack_count, 3);
}

}  // namespace
}  // namespace mirrorlab::wire
