// Bytes come out in the order they went in, whatever the reads and the frames have for sizes.
#include "os/byte_queue.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace mirrorlab::os {
namespace {

// ci/sanitize: a queue that has no memory yet has nothing to move.
TEST(ByteQueue, BeginsEmptyAndGivesRoom) {
  ByteQueue queue;
  EXPECT_EQ(queue.size(), 0U);
  EXPECT_GE(queue.room(100).size(), 100U);
  EXPECT_TRUE(queue.bytes().empty());
}

TEST(ByteQueue, GivesBytesInOrderForAnySizes) {
  ByteQueue queue;
  uint8_t in = 0;
  uint8_t out = 0;
  for (size_t turn = 1; turn < 2000; ++turn) {
    const size_t written = turn * 7 % 61;
    std::ranges::generate(queue.room(64).first(written), [&] { return in++; });
    queue.commit(written);
    const size_t read = std::min(queue.size(), turn * 11 % 67);
    for (const uint8_t byte : queue.bytes().first(read)) ASSERT_EQ(byte, out++) << turn;
    queue.consume(read);
  }
}

}  // namespace
}  // namespace mirrorlab::os
