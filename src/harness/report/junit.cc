#include "harness/report/junit.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace mirrorlab::report {

namespace {
// XML 1.0 has no way to write most control characters, and must be valid UTF-8: what cannot stand
// there becomes a question mark.
std::string escaped(const std::string& text) {
  // Replaces bytes that are no UTF-8 by U+FFFD.
  const std::string quoted =
      nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  const auto valid = nlohmann::json::parse(quoted).get<std::string>();
  std::string out;
  for (const char c : valid) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\n':
        out += "&#10;";
        break;
      case '\t':
        out += "&#9;";
        break;
      default:
        out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
    }
  }
  return out;
}

std::string verdict_element(const Outcome& o) {
  if (o.verdict == "passed") return "";
  const std::string message = escaped(o.reason.empty() ? o.verdict : o.reason);
  if (o.verdict == "skipped") return fmt::format("      <skipped message=\"{}\"/>\n", message);
  const char* element = o.verdict == "failed" ? "failure" : "error";
  return fmt::format("      <{0} message=\"{1}\" type=\"{2}\">{3}</{0}>\n", element, message,
                     escaped(o.verdict), escaped(o.text));
}

struct Counts {
  size_t tests = 0, failures = 0, errors = 0, skipped = 0;
  double seconds = 0;
  void add(const Outcome& o) {
    ++tests;
    seconds += o.seconds;
    if (o.verdict == "failed") {
      ++failures;
    } else if (o.verdict == "skipped") {
      ++skipped;
    } else if (o.verdict != "passed") {
      ++errors;
    }
  }
  [[nodiscard]] std::string attributes() const {
    return fmt::format("tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.3f}\"",
                       tests, failures, errors, skipped, seconds);
  }
};

// One line, without what TAP gives a meaning.
std::string tap_words(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return c == '\n' || c == '\r' || c == '#'; }, ' ');
  return text;
}

std::string yaml_block(const Outcome& o) {
  const auto quoted = [](const std::string& text) {
    // A JSON string is a YAML string.
    return nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  };
  return fmt::format("  ---\n  verdict: {}\n  reason: {}\n  scenario: {}\n  again: {}\n  ...\n",
                     o.verdict, quoted(o.reason), quoted(o.path), quoted(o.reproduce));
}
}  // namespace

std::string to_junit(const std::vector<Outcome>& outcomes) {
  Counts all;
  std::vector<std::string> order;  // suites as they come
  std::map<std::string, std::pair<Counts, std::string>> suites;
  for (const auto& o : outcomes) {
    all.add(o);
    if (!suites.contains(o.name)) order.push_back(o.name);
    auto& [counts, cases] = suites[o.name];
    counts.add(o);
    const std::string inner = verdict_element(o);
    cases +=
        fmt::format("    <testcase classname=\"{}\" name=\"{}\" file=\"{}\" time=\"{:.3f}\"{}\n",
                    escaped(o.name), escaped(o.variant.empty() ? o.name : o.variant),
                    escaped(o.path), o.seconds, inner.empty() ? "/>" : ">");
    if (!inner.empty()) cases += inner + "    </testcase>\n";
  }
  std::string text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
  text += fmt::format("<testsuites name=\"mirrorlab\" {}>\n", all.attributes());
  for (const auto& name : order) {
    const auto& [counts, cases] = suites[name];
    text += fmt::format("  <testsuite name=\"{}\" {}>\n{}  </testsuite>\n", escaped(name),
                        counts.attributes(), cases);
  }
  return text + "</testsuites>\n";
}

std::string to_tap(const std::vector<Outcome>& outcomes) {
  std::string text = fmt::format("TAP version 13\n1..{}\n", outcomes.size());
  size_t number = 0;
  for (const auto& o : outcomes) {
    ++number;
    const std::string title = tap_words(o.title());
    if (o.verdict == "skipped") {
      text += fmt::format("ok {} - {} # SKIP {}\n", number, title, tap_words(o.reason));
    } else if (o.verdict == "passed") {
      text += fmt::format("ok {} - {}\n", number, title);
    } else {
      text += fmt::format("not ok {} - {}\n{}", number, title, yaml_block(o));
    }
  }
  return text;
}

}  // namespace mirrorlab::report
