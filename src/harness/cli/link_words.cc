#include "harness/cli/link_words.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <vector>

#include "harness/scenario/suggest.h"

namespace mirrorlab::cli {

namespace {
using scenario::Impairments;

// Reads `text` by `parse` into `into`; empty, or what is wrong.
template <typename T, typename Parse>
std::string read(Parse parse, const std::string& text, std::optional<T>& into) {
  const auto value = parse(text);
  if (!value) return value.error();
  into = static_cast<T>(*value);
  return {};
}

struct Key {
  const char* name;
  std::function<std::string(const std::string&, Impairments&)> read;
};

std::string read_mtu(const std::string& text, Impairments& into) {
  const auto value = scenario::parse_number(text);
  if (!value || *value < 68 || *value > 65535) return "an MTU is a number from 68 to 65535";
  into.mtu = static_cast<uint32_t>(*value);
  return {};
}

std::string read_burst(const std::string& text, Impairments& into) {
  const auto value = scenario::parse_number(text);
  if (!value || *value < 1 || *value > 1000) return "a burst is a number from 1 to 1000";
  into.burst = *value;
  return {};
}

const std::vector<Key>& keys() {
  using namespace scenario;
  static const std::vector<Key> kKeys{
      {"delay", [](const auto& t, auto& i) { return read(parse_duration, t, i.delay); }},
      {"jitter", [](const auto& t, auto& i) { return read(parse_duration, t, i.jitter); }},
      {"rate", [](const auto& t, auto& i) { return read(parse_rate, t, i.rate); }},
      {"queue", [](const auto& t, auto& i) { return read(parse_size, t, i.queue); }},
      {"loss", [](const auto& t, auto& i) { return read(parse_percent, t, i.loss); }},
      {"burst", read_burst},
      {"reorder", [](const auto& t, auto& i) { return read(parse_percent, t, i.reorder); }},
      {"duplicate", [](const auto& t, auto& i) { return read(parse_percent, t, i.duplicate); }},
      {"corrupt", [](const auto& t, auto& i) { return read(parse_percent, t, i.corrupt); }},
      {"mtu", read_mtu},
  };
  return kKeys;
}
}  // namespace

tl::expected<Impairments, std::string> parse_impairments(std::span<const std::string> words) {
  Impairments all;
  for (const auto& word : words) {
    const auto equals = word.find('=');
    const std::string name = word.substr(0, equals);
    const auto key = std::ranges::find_if(keys(), [&](const Key& k) { return name == k.name; });
    if (key == keys().end()) {
      std::vector<std::string> known;
      for (const auto& k : keys()) known.emplace_back(k.name);
      return tl::unexpected("a link has no `" + name + "`" + scenario::suggestion(name, known));
    }
    if (equals == std::string::npos) {
      return tl::unexpected("`" + name + "` needs a value: " + name + "=...");
    }
    if (const auto why = key->read(word.substr(equals + 1), all); !why.empty()) {
      return tl::unexpected(name + ": " + why);
    }
  }
  if (!all.any()) return tl::unexpected(std::string("say what changes, e.g. loss=5% delay=10ms"));
  return all;
}

}  // namespace mirrorlab::cli
