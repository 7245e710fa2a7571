#include "harness/scenario/document.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "harness/scenario/yaml_hint.h"
#include "harness/scenario/yaml_scan.h"
#include "harness/scenario/yaml_value.h"

namespace mirrorlab::scenario {
namespace {

constexpr size_t kMaxFileBytes = 1 << 20;

// Refuses what is no text before the YAML parser sees it.
void check_text(std::string_view text) {
  Location at{1, 1};
  bool indent = true;  // nothing but spaces in this line so far
  for (size_t i = 0; i < text.size(); ++i, ++at.column) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '\n') {
      ++at.line;
      at.column = 0;
      indent = true;
      continue;
    }
    if (c == '\t' && indent) throw ReadError(at, "a tab indents this line; YAML wants spaces");
    indent = indent && c == ' ';
    if (c == '\r' && (i + 1 == text.size() || text[i + 1] != '\n')) {
      throw ReadError(at, "a carriage return without a line feed; end lines with LF or CR LF");
    }
    if (c == '\t' || c == '\r' || (c >= 0x20 && c < 0x7f)) continue;
    // UTF-8: a lead byte and its continuation bytes.
    const size_t more = c >= 0xf0 && c < 0xf5 ? 3 : c >= 0xe0 ? 2 : c >= 0xc2 ? 1 : 0;
    bool good = c >= 0xc2 && c < 0xf5 && i + more < text.size();
    for (size_t k = 1; good && k <= more; ++k) {
      good = (static_cast<unsigned char>(text[i + k]) & 0xc0) == 0x80;
    }
    if (!good) {
      const bool utf16 = i < 2 && (c == 0xff || c == 0xfe);
      throw ReadError(at, fmt::format("byte 0x{:02x} is no UTF-8 text; {}", c,
                                      utf16 ? "save the file as UTF-8, not as UTF-16"
                                            : "is this a scenario file?"));
    }
    i += more;
  }
}

// Messages quote what the file says, which may be long and of many lines; they are neither.
std::string one_line(std::string message) {
  constexpr size_t kLongest = 600;
  if (message.size() > kLongest) message = message.substr(0, kLongest) + "...";
  std::ranges::replace_if(
      message, [](unsigned char c) { return c < 0x20; }, ' ');
  return message;
}

}  // namespace

std::optional<Error> read_document(std::string_view text, const std::string& path,
                                   const ReadDocument& read) {
  try {
    if (text.size() > kMaxFileBytes) throw ReadError({1, 1}, "larger than 1 MiB: no scenario file");
    check_text(text);
    const std::string copy(text);
    const std::vector<std::string> with_variables = scan_yaml(copy);
    const YAML::Node document = YAML::Load(copy);
    if (!document || document.IsNull()) {
      throw ReadError({1, 1}, "empty; a scenario begins with `schema: 1`");
    }
    read(document, with_variables);
    return std::nullopt;
  } catch (const ReadError& error) {
    return Error{path, error.at(), one_line(error.what())};
  } catch (const YAML::Exception& error) {
    const int line = error.mark.line < 0 ? 1 : error.mark.line + 1;
    const int column = error.mark.column < 0 ? 1 : error.mark.column + 1;
    const auto mistake = explain_yaml(text, {line, column}, error.msg);
    return Error{path, mistake.at, one_line(mistake.message)};
  }
}

tl::expected<std::string, Error> read_text_file(const std::string& path) {
  const auto cannot = [&](const std::string& why) {
    return tl::unexpected(Error{path, {}, "cannot read the scenario: " + why});
  };
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) return cannot("no such file (see `mirrorlab list`)");
  if (std::filesystem::is_directory(status)) return cannot("it is a directory");
  if (!std::filesystem::is_regular_file(status)) return cannot("it is not a regular file");
  std::ifstream in(path, std::ios::binary);
  if (!in) return cannot(std::strerror(errno));
  std::string text(kMaxFileBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return cannot(std::strerror(errno));
  text.resize(static_cast<size_t>(in.gcount()));
  return text;
}

}  // namespace mirrorlab::scenario
