#include "harness/verify/requests.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

namespace mirrorlab::verify {

namespace {
bool starts_without_case(std::string_view text, std::string_view lower) {
  if (text.size() < lower.size()) return false;
  return std::ranges::equal(text.substr(0, lower.size()), lower, [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + 32) : a) == b;
  });
}

std::optional<uint64_t> number(std::string_view text, int base) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

// Both protocols are lines, and counted bytes between lines. A grammar says what a line means.
class Grammar {
 public:
  virtual ~Grammar() = default;
  // After a line (without its end): how many bytes to skip, or nothing when it makes no sense.
  virtual std::optional<uint64_t> on_line(std::string_view line) = 0;
  // True when the request ends where the reader is now.
  [[nodiscard]] virtual bool complete() = 0;
};

class HttpGrammar : public Grammar {
 public:
  std::optional<uint64_t> on_line(std::string_view line) override {
    switch (state_) {
      case State::start:
        if (line.empty()) return 0;  // RFC 9112 2.2: an empty line before the request
        if (line.find(" HTTP/1.") == std::string_view::npos) return std::nullopt;
        state_ = State::headers;
        length_ = 0;
        chunked_ = false;
        return 0;
      case State::headers:
        return on_header(line);
      case State::chunk: {
        const auto size = number(line, 16);
        if (!size) return std::nullopt;
        if (*size > 0) return *size + 2;
        state_ = State::trailer;
        return 0;
      }
      case State::trailer:
        if (line.empty()) done_ = true;
        return 0;
    }
    return std::nullopt;
  }
  bool complete() override {
    if (!done_) return false;
    done_ = false;
    state_ = State::start;
    return true;
  }

 private:
  enum class State : uint8_t { start, headers, chunk, trailer };
  std::optional<uint64_t> on_header(std::string_view line) {
    constexpr std::string_view kLength = "content-length:";
    constexpr std::string_view kCoding = "transfer-encoding:";
    if (starts_without_case(line, kLength)) {
      const auto value = number(line.substr(kLength.size()), 10);
      if (!value) return std::nullopt;
      length_ = *value;
    } else if (starts_without_case(line, kCoding)) {
      chunked_ = line.find("chunked") != std::string_view::npos;
    }
    if (!line.empty()) return 0;
    if (chunked_) {
      state_ = State::chunk;
      return 0;
    }
    done_ = true;
    return length_;
  }
  State state_ = State::start;
  uint64_t length_ = 0;
  bool chunked_ = false;
  bool done_ = false;
};

class RespGrammar : public Grammar {
 public:
  std::optional<uint64_t> on_line(std::string_view line) override {
    if (left_ == 0) {
      if (!line.starts_with('*')) {  // an inline command
        done_ = !line.empty();
        return 0;
      }
      const auto count = number(line.substr(1), 10);
      if (!count) return std::nullopt;
      left_ = *count;
      done_ = left_ == 0;
      return 0;
    }
    if (!line.starts_with('$')) return std::nullopt;
    const auto size = number(line.substr(1), 10);
    if (!size) return std::nullopt;
    done_ = --left_ == 0;
    return *size + 2;
  }
  bool complete() override { return std::exchange(done_, false); }

 private:
  uint64_t left_ = 0;  // bulk strings of the command that are still to come
  bool done_ = false;
};

std::vector<int64_t> ends_by(Grammar& grammar, const Connection& connection) {
  constexpr size_t kMaxLine = 64 * 1024;
  std::vector<int64_t> ends;
  std::string held;
  uint64_t skip = 0;
  for (const Piece& piece : connection.pieces) {
    std::string_view rest(reinterpret_cast<const char*>(piece.data), piece.length);
    while (!rest.empty()) {
      if (skip > 0) {
        const auto taken = std::min<uint64_t>(skip, rest.size());
        rest.remove_prefix(taken);
        skip -= taken;
      } else {
        const auto newline = rest.find('\n');
        held.append(rest.substr(0, newline));
        if (held.size() > kMaxLine) return ends;
        if (newline == std::string_view::npos) break;
        rest.remove_prefix(newline + 1);
        if (!held.empty() && held.back() == '\r') held.pop_back();
        const auto bytes = grammar.on_line(held);
        held.clear();
        if (!bytes) return ends;
        skip = *bytes;
      }
      if (skip == 0 && grammar.complete()) {
        ends.push_back(piece.end() - static_cast<int64_t>(rest.size()));
      }
    }
  }
  return ends;
}
}  // namespace

std::vector<TurnStart> turn_starts(const Connection& connection) {
  std::vector<TurnStart> turns;
  int64_t seen = -1;
  for (const Piece& piece : connection.pieces) {
    if (piece.acked > seen) turns.push_back({piece.offset, piece.acked, piece.time_ns});
    seen = std::max(seen, piece.acked);
  }
  return turns;
}

std::vector<int64_t> request_ends(const Connection& connection, Protocol protocol) {
  if (protocol == Protocol::http) {
    HttpGrammar grammar;
    return ends_by(grammar, connection);
  }
  if (protocol == Protocol::resp) {
    RespGrammar grammar;
    return ends_by(grammar, connection);
  }
  std::vector<int64_t> ends;
  const auto turns = turn_starts(connection);
  for (size_t i = 1; i < turns.size(); ++i) ends.push_back(turns[i].offset);
  if (!turns.empty()) ends.push_back(connection.length);
  return ends;
}

}  // namespace mirrorlab::verify
