#include "harness/scenario/yaml_hint.h"

#include <fmt/format.h>

#include <cctype>
#include <optional>
#include <vector>

namespace mirrorlab::scenario {
namespace {

std::string_view line_of(std::string_view text, int line) {
  for (int n = 1; n < line && !text.empty(); ++n) {
    const size_t end = text.find('\n');
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return text.substr(0, text.find('\n'));
}

struct Open {
  char what;
  Location at;
};

// The end of a quoted text that begins at `begin` of its line; npos: it does not end there.
size_t end_of_quote(std::string_view line, size_t begin) {
  const char quote = line[begin];
  for (size_t i = begin + 1; i < line.size(); ++i) {
    if (quote == '"' && line[i] == '\\') {
      ++i;
    } else if (line[i] == quote) {
      return i;
    }
  }
  return std::string_view::npos;
}

// The innermost bracket that is never closed, or the first quote that is not closed in its line.
std::optional<Open> unclosed(std::string_view text) {
  std::vector<Open> open;
  for (int number = 1; !text.empty(); ++number) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    bool begins = true;  // a value may begin here
    for (size_t i = 0; i < line.size(); ++i) {
      const char c = line[i];
      const Location at{number, static_cast<int>(i) + 1};
      if (c == '#' && (i == 0 || line[i - 1] == ' ')) break;
      if (begins && (c == '"' || c == '\'')) {
        const size_t closed = end_of_quote(line, i);
        if (closed == std::string_view::npos) return Open{c, at};
        i = closed;
      } else if ((c == '{' || c == '[') && (begins || !open.empty())) {
        open.push_back({c, at});
      } else if ((c == '}' || c == ']') && !open.empty()) {
        if (open.back().what != (c == '}' ? '{' : '[')) return open.back();
        open.pop_back();
      }
      if (c != ' ') begins = c == ':' || c == ',' || c == '[' || c == '{' || c == '-';
    }
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return open.empty() ? std::nullopt : std::optional(open.back());
}

// "seed:1", a key whose colon has no blank behind it, in a block's line.
std::string_view glued_key(std::string_view line) {
  const size_t begin = line.find_first_not_of(" -");
  if (begin == std::string_view::npos) return {};
  line.remove_prefix(begin);
  const size_t colon = line.find(':');
  if (colon == 0 || colon == std::string_view::npos || colon + 1 >= line.size()) return {};
  for (const char c : line.substr(0, colon)) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_' && c != '-') return {};
  }
  const char behind = line[colon + 1];
  return behind == ' ' || behind == '\r' ? std::string_view() : line.substr(0, colon + 2);
}

bool two_colons(std::string_view line) {
  const size_t first = line.find(": ");
  return first != std::string_view::npos && line.find(": ", first + 1) != std::string_view::npos;
}
}  // namespace

YamlMistake explain_yaml(std::string_view text, Location at, const std::string& message) {
  const std::string_view line = line_of(text, at.line);
  const auto say = [&](Location place, const std::string& hint) {
    return YamlMistake{place, "not YAML: " + message + hint};
  };
  if (line.find("${") != std::string_view::npos) {
    return say(at, "; within { } and [ ] a ${variable} needs quotes around it");
  }
  for (int number = at.line; number >= 1 && number + 1 >= at.line; --number) {
    if (message != "illegal map value") break;
    const std::string_view key = glued_key(line_of(text, number));
    if (key.empty()) continue;
    return say({number, 1}, fmt::format("; `{}`: a colon needs a blank behind it", key));
  }
  if (message == "illegal map value" && two_colons(line)) {
    return say(at, "; a text with a colon and a blank in it needs quotes around it");
  }
  if (const auto open = unclosed(text)) {
    return say(open->at, fmt::format("; this {} is never closed", open->what));
  }
  if (message == "illegal flow end") return say(at, "; a } or ] that nothing opened");
  if (message.ends_with("flow not found")) {
    return say(at, "; before this a comma is missing, or quotes around a text");
  }
  if (message == "unknown token") return say(at, "; a text that begins so needs quotes around it");
  if (message == "end of map not found" || message == "end of sequence not found") {
    return say(at, "; it is not indented as the lines that it belongs to");
  }
  return say(at, "");
}

}  // namespace mirrorlab::scenario
