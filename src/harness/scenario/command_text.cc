#include "harness/scenario/command_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>
#include <utility>

#include "harness/scenario/suggest.h"

namespace mirrorlab::scenario {
namespace {

const std::array<std::string, 15> kNames{
    "address",      // of the traffic's target, or of the program's own node
    "port",         // the target's, the service's own, or the header return's
    "online",       // address of the online host
    "online_port",  // of the first mapping
    "test",         // address of the first mapping's test host
    "test_port",    //
    "intercept",    // address of the engine's intercept
    "intercept_port",
    "clients",   // the clients' addresses as ADDR/LEN
    "client",    // the first client's address
    "out",       // directory for what the program writes
    "programs",  // directory of mirrorlab, mirror-copy and mirror-intercept
    "seed",      //
    "counters",  // file where an engine may write its counters
    "map"};      // a copy engine's mappings: 80-10.0.0.2:8080, several with commas

// `online.address`: of a node or an engine of the scenario.
bool is_dotted(std::string_view text) {
  const size_t dot = text.find('.');
  return dot != std::string_view::npos && dot > 0 &&
         std::isalpha(static_cast<unsigned char>(text[0])) &&
         std::ranges::all_of(text, [](unsigned char c) {
           return std::isalnum(c) || c == '_' || c == '-' || c == '.';
         });
}

bool is_name(std::string_view text) {
  return is_dotted(text) || (!text.empty() && std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || c == '_';
         }));
}

// Calls `found(name)` for each placeholder and `plain(text)` for what lies between.
template <typename Plain, typename Found>
void walk(std::string_view text, Plain plain, Found found) {
  while (!text.empty()) {
    const size_t open = text.find('{');
    const size_t close = open == std::string_view::npos ? open : text.find('}', open);
    if (close == std::string_view::npos) return plain(text);
    const std::string_view name = text.substr(open + 1, close - open - 1);
    if (is_name(name)) {
      plain(text.substr(0, open));
      found(std::string(name));
      text.remove_prefix(close + 1);
    } else {
      plain(text.substr(0, open + 1));
      text.remove_prefix(open + 1);
    }
  }
}

}  // namespace

tl::expected<std::vector<std::string>, std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote == 0 && (c == ' ' || c == '\t' || c == '\n')) {
      if (in_word) words.push_back(std::exchange(word, {}));
      in_word = false;
      continue;
    }
    in_word = true;
    if (c == '\\' && quote != '\'' && i + 1 < text.size()) {
      word += text[++i];
    } else if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == quote) {
      quote = 0;
    } else {
      word += c;
    }
  }
  if (quote != 0) return tl::unexpected(fmt::format("a {} without its closing one", quote));
  if (in_word) words.push_back(word);
  if (words.empty()) return tl::unexpected(std::string("an empty command"));
  return words;
}

std::span<const std::string> placeholder_names() { return kNames; }

tl::expected<std::string, std::string> fill_placeholders(
    std::string_view text, const std::map<std::string, std::string>& values) {
  std::string result;
  std::string missing;
  walk(
      text, [&](std::string_view plain) { result += plain; },
      [&](const std::string& name) {
        const auto value = values.find(name);
        if (value == values.end()) {
          missing = name;
        } else {
          result += value->second;
        }
      });
  if (!missing.empty()) {
    std::vector<std::string> known;
    for (const auto& [name, value] : values) known.push_back(name);
    return tl::unexpected(
        fmt::format("{{{}}} has no value here{}", missing, suggestion(missing, known)));
  }
  return result;
}

std::string check_command_text(std::string_view text) {
  std::string wrong;
  walk(
      text, [](std::string_view) {},
      [&](const std::string& name) {
        if (is_dotted(name)) return;  // nodes and engines are looked at when all are known
        if (std::ranges::find(kNames, name) == kNames.end()) {
          wrong = fmt::format("unknown placeholder {{{}}}{}", name, suggestion(name, kNames));
        }
      });
  if (!wrong.empty()) return wrong;
  const auto words = split_words(text);
  return words ? std::string() : words.error();
}

std::vector<std::string> dotted_placeholders(std::string_view text) {
  std::vector<std::string> names;
  walk(
      text, [](std::string_view) {},
      [&](const std::string& name) {
        if (is_dotted(name)) names.push_back(name);
      });
  return names;
}

std::string quoted_word(const std::string& word) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=:,@%+";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

}  // namespace mirrorlab::scenario
