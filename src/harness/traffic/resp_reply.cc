#include "harness/traffic/resp_reply.h"

#include <algorithm>
#include <charconv>

namespace mirrorlab::traffic {

RespReply::Event RespReply::take(std::string_view& data) {
  while (!data.empty()) {
    if (skip_ > 0) {
      const auto taken = std::min<uint64_t>(skip_, data.size());
      data.remove_prefix(taken);
      skip_ -= taken;
      if (skip_ > 0) return Event::more;
      if (const auto event = on_value_end(); event != Event::more) return event;
      continue;
    }
    const size_t end = data.find('\n');
    const auto piece = data.substr(0, end == std::string_view::npos ? end : end + 1);
    if (line_.size() + piece.size() > kMaxLine) return Event::wrong;
    line_ += piece;
    data.remove_prefix(piece.size());
    if (end == std::string_view::npos) return Event::more;
    const auto event = on_line();
    line_.clear();
    if (event != Event::more) return event;
  }
  return Event::more;
}

RespReply::Event RespReply::on_line() {
  if (!line_.ends_with("\r\n") || line_.size() < 3) return Event::wrong;
  const std::string_view line = std::string_view(line_).substr(0, line_.size() - 2);
  if (!begun_) {
    begun_ = true;
    first_ = line;
    bulk_ = -1;
  }
  if (line[0] == '+' || line[0] == '-' || line[0] == ':') return on_value_end();
  if (line[0] != '$' && line[0] != '*') return Event::wrong;
  int64_t count = 0;
  const auto [end, error] = std::from_chars(line.data() + 1, line.data() + line.size(), count);
  if (error != std::errc() || end != line.data() + line.size() || count < -1 || count > 1LL << 40) {
    return Event::wrong;
  }
  if (line[0] == '$') {
    if (elements_.empty()) bulk_ = count;
    if (count < 0) return on_value_end();
    skip_ = static_cast<uint64_t>(count) + 2;
    return Event::more;
  }
  if (count <= 0) return on_value_end();
  if (elements_.size() >= kMaxDepth) return Event::wrong;
  elements_.push_back(static_cast<uint64_t>(count));
  return Event::more;
}

RespReply::Event RespReply::on_value_end() {
  while (!elements_.empty()) {
    if (--elements_.back() > 0) return Event::more;
    elements_.pop_back();
  }
  begun_ = false;
  return Event::reply;
}

}  // namespace mirrorlab::traffic
