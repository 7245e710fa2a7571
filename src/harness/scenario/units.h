// Quantities with units, as scenario files write them. A bare number is no quantity: it is refused
// with the units that would do.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace mirrorlab::scenario {

using Duration = std::chrono::nanoseconds;

template <typename T>
struct Range {
  T low{};
  T high{};
  bool operator==(const Range&) const = default;
};

template <typename T>
using Parsed = tl::expected<T, std::string>;

// "200ms", "1.5s"; units ns us ms s min. At most a day.
[[nodiscard]] Parsed<Duration> parse_duration(std::string_view text);
// "64KiB", "1B"; units B kB KB MB GB KiB MiB GiB. At most 1 TiB.
[[nodiscard]] Parsed<uint64_t> parse_size(std::string_view text);
// "1Gbit"; units bit kbit Mbit Gbit (per second). Bits per second.
[[nodiscard]] Parsed<uint64_t> parse_rate(std::string_view text);
// "1%" gives 0.01. From 0% to 100%.
[[nodiscard]] Parsed<double> parse_percent(std::string_view text);
// "10x", "0.5x": so many times as fast; "max" gives 0, as fast as it goes. From 0.001x to 10000x.
[[nodiscard]] Parsed<double> parse_speed(std::string_view text);
// "5ms..50ms", or one quantity, which is both ends.
[[nodiscard]] Parsed<Range<Duration>> parse_duration_range(std::string_view text);
[[nodiscard]] Parsed<Range<uint64_t>> parse_size_range(std::string_view text);
// "1..10", or one count.
[[nodiscard]] Parsed<Range<uint64_t>> parse_count_range(std::string_view text);
// A plain decimal number, with sign and fraction allowed; the whole text must be it.
[[nodiscard]] Parsed<double> parse_number(std::string_view text);

[[nodiscard]] std::string to_text(Duration duration);

}  // namespace mirrorlab::scenario
