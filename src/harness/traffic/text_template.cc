#include "harness/traffic/text_template.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace mirrorlab::traffic {

namespace {
std::optional<uint64_t> number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string letters(uint64_t count, Random& random) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789";
  std::string text(std::min(count, kMaxRandom), ' ');
  for (char& c : text) c = kLetters[random.next() % kLetters.size()];
  return text;
}

std::optional<std::string> value_of(std::string_view name, const TextValues& v, Random& random) {
  if (name == "client") return std::to_string(v.client);
  if (name == "connection") return std::to_string(v.connection);
  if (name == "request") return std::to_string(v.request);
  if (name == "sent") return v.sent;
  if (name == "random") return fmt::format("{:08x}", static_cast<uint32_t>(random.next()));
  constexpr std::string_view kRandom = "random:";
  if (!name.starts_with(kRandom)) return std::nullopt;
  name.remove_prefix(kRandom.size());
  const size_t dots = name.find("..");
  if (dots == std::string_view::npos) {
    const auto count = number(name);
    return count ? std::optional(letters(*count, random)) : std::nullopt;
  }
  const auto low = number(name.substr(0, dots));
  const auto high = number(name.substr(dots + 2));
  if (!low || !high || *low > *high) return std::nullopt;
  return std::to_string(random.between(*low, *high));
}
}  // namespace

std::string fill_text(std::string_view text, const TextValues& values, Random& random) {
  std::string result;
  while (!text.empty()) {
    const size_t open = text.find('{');
    const size_t close = open == std::string_view::npos ? open : text.find('}', open);
    if (close == std::string_view::npos) return result.append(text);
    const auto value = value_of(text.substr(open + 1, close - open - 1), values, random);
    if (value) {
      result.append(text.substr(0, open)).append(*value);
      text.remove_prefix(close + 1);
    } else {
      result.append(text.substr(0, open + 1));
      text.remove_prefix(open + 1);
    }
  }
  return result;
}

}  // namespace mirrorlab::traffic
