#include "wire/stream_digest.h"

#include <gtest/gtest.h>

#include <string>

namespace mirrorlab::wire {
namespace {

uint64_t digest(const std::string& text, size_t piece) {
  StreamDigest d;
  for (size_t at = 0; at < text.size(); at += piece) {
    const size_t size = std::min(piece, text.size() - at);
    d.add({reinterpret_cast<const uint8_t*>(text.data()) + at, size});
  }
  EXPECT_EQ(d.length(), text.size());
  return d.value();
}

TEST(StreamDigest, DoesNotDependOnHowTheStreamIsCut) {
  std::string text;
  for (int i = 0; i < 300; ++i) text += static_cast<char>(i * 7);
  const uint64_t whole = digest(text, text.size());
  for (size_t piece = 1; piece < 40; ++piece) EXPECT_EQ(digest(text, piece), whole) << piece;
}
TEST(StreamDigest, ChangesWithEveryByteAndWithLength) {
  const std::string text(40, 'a');
  const uint64_t whole = digest(text, 40);
  for (size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = 'b';
    EXPECT_NE(digest(changed, 40), whole) << i;
  }
  EXPECT_NE(digest(std::string(3, '\0'), 3), digest(std::string(4, '\0'), 4));
  EXPECT_NE(digest("", 1), digest(std::string(8, '\0'), 8));
}
}  // namespace
}  // namespace mirrorlab::wire
