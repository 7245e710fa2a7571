#include "harness/traffic/http_message.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace mirrorlab::traffic {

namespace {
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool same_word(std::string_view text, std::string_view lower_word) {
  return text.size() == lower_word.size() &&
         std::ranges::equal(text, lower_word, [](char a, char b) { return lower(a) == b; });
}
std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}
bool read_number(std::string_view text, int base, uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return error == std::errc() && end == text.data() + text.size();
}

// False: a header that decides where the message ends makes no sense.
bool read_header(std::string_view line, HttpHead& head) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return false;
  const auto name = line.substr(0, colon);
  const auto value = trim(line.substr(colon + 1));
  uint64_t number = 0;
  if (same_word(name, "content-length")) {
    if (!read_number(value, 10, number)) return false;
    head.content_length = number;
  } else if (same_word(name, "x-answer-bytes")) {
    if (!read_number(value, 10, number)) return false;
    head.answer_bytes = number;
  } else if (same_word(name, "transfer-encoding")) {
    head.chunked = same_word(value, "chunked");
  } else if (same_word(name, "connection")) {
    head.close = same_word(value, "close");
  } else if (same_word(name, "expect")) {
    head.expects_continue = same_word(value, "100-continue");
  }
  return true;
}
}  // namespace

HttpMessages::Event HttpMessages::on_head(std::string_view text) {
  head_ = {};
  auto end = text.find("\r\n");
  head_.start_line = text.substr(0, end);
  text.remove_prefix(end + 2);
  while (!text.empty()) {
    end = text.find("\r\n");
    if (end == 0) break;
    if (!read_header(text.substr(0, end), head_)) return Event::wrong;
    text.remove_prefix(end + 2);
  }
  if (head_.chunked) {
    state_ = State::chunk_size;
  } else if (head_.content_length || rule_ == BodyRule::request) {
    left_ = head_.content_length.value_or(0);
    state_ = State::body;
  } else {
    state_ = State::until_close;
  }
  return Event::head;
}

HttpMessages::Event HttpMessages::take_line(std::string_view& data) {
  const auto end = data.find('\n');
  held_.append(data.substr(0, end));
  if (held_.size() > 1024) return Event::wrong;
  if (end == std::string_view::npos) {
    data = {};
    return Event::more;
  }
  data.remove_prefix(end + 1);
  if (!held_.empty() && held_.back() == '\r') held_.pop_back();
  const std::string line = std::exchange(held_, {});
  switch (state_) {
    case State::chunk_size:
      if (!read_number(trim(std::string_view(line).substr(0, line.find(';'))), 16, left_)) {
        return Event::wrong;
      }
      state_ = left_ == 0 ? State::trailer : State::chunk_data;
      return Event::head;  // the caller's loop goes on
    case State::chunk_end:
      if (!line.empty()) return Event::wrong;
      state_ = State::chunk_size;
      return Event::head;
    default:
      if (!line.empty()) return Event::head;
      state_ = State::head;
      return Event::message;
  }
}

HttpMessages::Event HttpMessages::take(std::string_view& data) {
  for (;;) {
    switch (state_) {
      case State::head: {
        if (data.empty()) return Event::more;
        // Why one byte more than needed is searched: the end may lie across two pieces.
        const size_t before = held_.size();
        if (before == 0) {
          if (const auto end = data.find("\r\n\r\n"); end != std::string_view::npos) {
            const auto text = data.substr(0, end + 4);
            data.remove_prefix(end + 4);
            return on_head(text);
          }
        }
        held_.append(data);
        const auto end = held_.find("\r\n\r\n", before < 3 ? 0 : before - 3);
        if (end == std::string::npos) {
          data = {};
          return held_.size() > kMaxHead ? Event::wrong : Event::more;
        }
        data.remove_prefix(end + 4 - before);
        held_.resize(end + 4);
        const std::string text = std::exchange(held_, {});
        return on_head(text);
      }
      case State::body:
      case State::chunk_data: {
        const uint64_t taken = std::min<uint64_t>(left_, data.size());
        data.remove_prefix(taken);
        left_ -= taken;
        if (left_ > 0) return Event::more;
        if (state_ == State::body) {
          state_ = State::head;
          return Event::message;
        }
        state_ = State::chunk_end;
        break;
      }
      case State::chunk_size:
      case State::chunk_end:
      case State::trailer:
        if (data.empty()) return Event::more;
        if (const Event event = take_line(data); event != Event::head) return event;
        break;
      case State::until_close:
        data = {};
        return Event::more;
    }
  }
}

}  // namespace mirrorlab::traffic
