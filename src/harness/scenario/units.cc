#include "harness/scenario/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <span>
#include <utility>

namespace mirrorlab::scenario {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};

constexpr std::array kTime{Unit{"ns", 1}, Unit{"us", 1e3}, Unit{"ms", 1e6}, Unit{"s", 1e9},
                           Unit{"min", 60e9}};
constexpr std::array kSize{Unit{"B", 1},         Unit{"kB", 1e3},        Unit{"KB", 1e3},
                           Unit{"MB", 1e6},      Unit{"GB", 1e9},        Unit{"KiB", 1024},
                           Unit{"MiB", 1048576}, Unit{"GiB", 1073741824}};
constexpr std::array kRate{Unit{"bit", 1}, Unit{"kbit", 1e3}, Unit{"Mbit", 1e6}, Unit{"Gbit", 1e9}};

struct Quantity {
  std::string_view what;     // "duration"
  std::string_view example;  // "200ms"
  std::span<const Unit> units;
  double limit;
};

constexpr Quantity kDuration{"duration", "200ms", kTime, 86400e9};
constexpr Quantity kBytes{"size", "64KiB", kSize, 1099511627776.0};
constexpr Quantity kBits{"rate", "100Mbit", kRate, 1e12};

std::string units_of(const Quantity& quantity) {
  std::string list;
  for (const Unit& unit : quantity.units) {
    if (!list.empty()) list += ' ';
    list += unit.name;
  }
  return list;
}

// What others call our units, in lower case.
constexpr std::array<std::pair<std::string_view, std::string_view>, 30> kOtherNames{
    {{"sec", "s"},       {"secs", "s"},   {"second", "s"},        {"seconds", "s"},
     {"msec", "ms"},     {"msecs", "ms"}, {"millisecond", "ms"},  {"milliseconds", "ms"},
     {"usec", "us"},     {"usecs", "us"}, {"microseconds", "us"}, {"\xc2\xb5s", "us"},
     {"nsec", "ns"},     {"m", "min"},    {"mins", "min"},        {"minute", "min"},
     {"minutes", "min"}, {"byte", "B"},   {"bytes", "B"},         {"k", "KB"},
     {"m", "MB"},        {"g", "GB"},     {"ki", "KiB"},          {"mi", "MiB"},
     {"gi", "GiB"},      {"bps", "bit"},  {"kbps", "kbit"},       {"mbps", "Mbit"},
     {"gbps", "Gbit"},   {"bits", "bit"}}};

// " (did you mean `5ms`?)"
std::string meant(std::string_view number, std::string_view unit, const Quantity& quantity) {
  std::string lower;
  for (const char c : unit) {
    if (c != ' ') lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  if (lower.ends_with("/s")) lower.resize(lower.size() - 2);
  const auto same = [&](std::string_view name) {
    return std::ranges::equal(name, lower, [](char a, char b) {
      return static_cast<char>(std::tolower(static_cast<unsigned char>(a))) == b;
    });
  };
  for (const Unit& known : quantity.units) {
    const bool other = std::ranges::any_of(kOtherNames, [&](const auto& name) {
      return name.first == lower && name.second == known.name;
    });
    if (other || same(known.name)) {
      return fmt::format(" (did you mean `{}{}`?)", number, known.name);
    }
  }
  return {};
}

// Splits "12.5ms" into the number and the rest; the rest is the whole text when there is no number.
std::pair<double, std::string_view> split(std::string_view text) {
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc() || !std::isfinite(number)) return {-1, text};
  return {number, text.substr(static_cast<size_t>(end - text.data()))};
}

Parsed<double> parse(std::string_view text, const Quantity& quantity) {
  const auto [number, rest] = split(text);
  if (rest.size() == text.size() || number < 0) {
    return tl::unexpected(
        fmt::format("`{}` is no {}, write one like {}", text, quantity.what, quantity.example));
  }
  if (rest.empty()) {
    return tl::unexpected(fmt::format("`{}` lacks a unit, write a {} like {} (units: {})", text,
                                      quantity.what, quantity.example, units_of(quantity)));
  }
  for (const Unit& unit : quantity.units) {
    if (rest != unit.name) continue;
    const double value = number * unit.factor;
    if (value > quantity.limit) {
      return tl::unexpected(fmt::format("`{}` is too large a {}", text, quantity.what));
    }
    return value;
  }
  return tl::unexpected(
      fmt::format("`{}` has the unknown unit `{}`{}, write a {} like {} (units: {})", text, rest,
                  meant(text.substr(0, text.size() - rest.size()), rest, quantity), quantity.what,
                  quantity.example, units_of(quantity)));
}

template <typename T, typename ParseOne>
Parsed<Range<T>> parse_range(std::string_view text, ParseOne parse_one) {
  const size_t dots = text.find("..");
  if (dots == std::string_view::npos) {
    auto one = parse_one(text);
    if (!one) return tl::unexpected(one.error());
    return Range<T>{*one, *one};
  }
  auto low = parse_one(text.substr(0, dots));
  if (!low) return tl::unexpected(low.error());
  auto high = parse_one(text.substr(dots + 2));
  if (!high) return tl::unexpected(high.error());
  if (*high < *low) {
    return tl::unexpected(fmt::format("`{}` runs backwards: the low end comes first", text));
  }
  return Range<T>{*low, *high};
}

Parsed<uint64_t> parse_count(std::string_view text) {
  uint64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size() || count > 1'000'000'000) {
    return tl::unexpected(fmt::format("`{}` is no count (a whole number up to 1000000000)", text));
  }
  return count;
}

}  // namespace

Parsed<Duration> parse_duration(std::string_view text) {
  return parse(text, kDuration).map([](double ns) { return Duration(std::llround(ns)); });
}

Parsed<uint64_t> parse_size(std::string_view text) {
  return parse(text, kBytes).map([](double n) { return static_cast<uint64_t>(std::llround(n)); });
}

Parsed<uint64_t> parse_rate(std::string_view text) {
  return parse(text, kBits).map([](double n) { return static_cast<uint64_t>(std::llround(n)); });
}

Parsed<double> parse_percent(std::string_view text) {
  const auto [number, rest] = split(text);
  if (rest.size() == text.size()) {
    return tl::unexpected(fmt::format("`{}` is no percentage, write one like 1%", text));
  }
  if (rest != "%") {
    return tl::unexpected(
        fmt::format("`{}` lacks the percent sign, write a percentage like 1%", text));
  }
  if (number < 0 || number > 100) {
    return tl::unexpected(fmt::format("`{}` is not between 0% and 100%", text));
  }
  return number / 100;
}

Parsed<double> parse_speed(std::string_view text) {
  constexpr double kSlowest = 0.001, kFastest = 10'000;
  if (text == "max") return 0.0;
  const auto number = text.ends_with('x') ? parse_number(text.substr(0, text.size() - 1))
                                          : Parsed<double>(tl::unexpected(std::string()));
  if (!number || *number < kSlowest || *number > kFastest) {
    return tl::unexpected(
        fmt::format("`{}` is no speed: write one like 10x (from 0.001x to 10000x), or max", text));
  }
  return *number;
}

Parsed<Range<Duration>> parse_duration_range(std::string_view text) {
  return parse_range<Duration>(text, parse_duration);
}
Parsed<Range<uint64_t>> parse_size_range(std::string_view text) {
  return parse_range<uint64_t>(text, parse_size);
}
Parsed<Range<uint64_t>> parse_count_range(std::string_view text) {
  return parse_range<uint64_t>(text, parse_count);
}

Parsed<double> parse_number(std::string_view text) {
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number)) {
    return tl::unexpected(fmt::format("`{}` is no number", text));
  }
  return number;
}

std::string to_text(Duration duration) {
  const auto ns = static_cast<double>(duration.count());
  if (ns >= 1e9) return fmt::format("{:.3g}s", ns / 1e9);
  if (ns >= 1e6) return fmt::format("{:.3g}ms", ns / 1e6);
  if (ns >= 1e3) return fmt::format("{:.3g}us", ns / 1e3);
  return fmt::format("{}ns", duration.count());
}

}  // namespace mirrorlab::scenario
