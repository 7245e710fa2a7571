// Quantities with units: what is read, and how what is not is refused.
#include "harness/scenario/units.h"

#include <gtest/gtest.h>

namespace mirrorlab::scenario {
namespace {
using namespace std::chrono_literals;

TEST(Units, Durations) {
  EXPECT_EQ(parse_duration("200ms"), Duration(200ms));
  EXPECT_EQ(parse_duration("1.5s"), Duration(1500ms));
  EXPECT_EQ(parse_duration("0ms"), Duration(0));
  EXPECT_EQ(parse_duration("7ns"), Duration(7));
  EXPECT_EQ(parse_duration("3us"), Duration(3us));
  EXPECT_EQ(parse_duration("1440min"), Duration(24h));
  for (const char* text : {"", "ms", "5", "5 ms", " 5ms", "5ms ", "-1ms", "+5ms", "1e3ms", "0x5ms",
                           "5m", "5MS", "1441min", "nanms", "infs", "1.2.3s", ".ms"}) {
    EXPECT_FALSE(parse_duration(text).has_value()) << text;
  }
}

TEST(Units, Sizes) {
  EXPECT_EQ(parse_size("64KiB"), 65536U);
  EXPECT_EQ(parse_size("64kB"), 64000U);
  EXPECT_EQ(parse_size("0B"), 0U);
  EXPECT_EQ(parse_size("0.5KiB"), 512U);
  EXPECT_EQ(parse_size("1024GiB"), uint64_t{1} << 40);
  for (const char* text : {"64", "64K", "64kib", "1025GiB", "-1B", "99999999999999999999999GiB"}) {
    EXPECT_FALSE(parse_size(text).has_value()) << text;
  }
}

TEST(Units, Rates) {
  EXPECT_EQ(parse_rate("1Gbit"), 1'000'000'000U);
  EXPECT_EQ(parse_rate("1.5Mbit"), 1'500'000U);
  for (const char* text : {"1G", "1gbit", "1Gbit/s", "100", "1001Gbit"}) {
    EXPECT_FALSE(parse_rate(text).has_value()) << text;
  }
}

TEST(Units, Percentages) {
  EXPECT_DOUBLE_EQ(*parse_percent("1%"), 0.01);
  EXPECT_DOUBLE_EQ(*parse_percent("0.5%"), 0.005);
  EXPECT_EQ(parse_percent("100%"), 1.0);
  EXPECT_EQ(parse_percent("0%"), 0.0);
  for (const char* text : {"1", "%", "1 %", "-1%", "100.1%", "0.01", "nan%"}) {
    EXPECT_FALSE(parse_percent(text).has_value()) << text;
  }
}

TEST(Units, Ranges) {
  EXPECT_EQ(parse_duration_range("5ms..50ms"), (Range<Duration>{5ms, 50ms}));
  EXPECT_EQ(parse_duration_range("5ms"), (Range<Duration>{5ms, 5ms}));
  EXPECT_EQ(parse_size_range("1B..64KiB"), (Range<uint64_t>{1, 65536}));
  EXPECT_EQ(parse_size_range("0.5KiB..1KiB"), (Range<uint64_t>{512, 1024}));
  EXPECT_EQ(parse_count_range("1..10"), (Range<uint64_t>{1, 10}));
  EXPECT_EQ(parse_count_range("1000000000"), (Range<uint64_t>{1'000'000'000, 1'000'000'000}));
  for (const char* text : {"10..1", "1..", "..1", "1...2", "1..2..3", "1000000001", "1.5", "-1"}) {
    EXPECT_FALSE(parse_count_range(text).has_value()) << text;
  }
  EXPECT_EQ(parse_duration_range("5ms..1ms").error(),
            "`5ms..1ms` runs backwards: the low end comes first");
}

TEST(Units, NumbersAreWholeTexts) {
  EXPECT_EQ(parse_number("-2.5"), -2.5);
  for (const char* text : {"", "1x", "1e5", "inf", "nan", " 1", "1 "}) {
    EXPECT_FALSE(parse_number(text).has_value()) << text;
  }
}

TEST(Units, DurationsPrintInTheLargestUnit) {
  EXPECT_EQ(to_text(1500ms), "1.5s");
  EXPECT_EQ(to_text(20ms), "20ms");
  EXPECT_EQ(to_text(3us), "3us");
  EXPECT_EQ(to_text(Duration(7)), "7ns");
}

}  // namespace
}  // namespace mirrorlab::scenario
