#include "harness/cli/prompt.h"

#include <unistd.h>

#include <array>
#include <iostream>
#include <utility>

namespace mirrorlab::cli {

namespace {
constexpr size_t kMaxLine = 64 * 1024;
}  // namespace

Prompt::Prompt(int input, std::string text, std::function<News()> expected,
               std::function<void()> tell)
    : input_(input),
      text_(std::move(text)),
      expected_(std::move(expected)),
      tell_(std::move(tell)),
      terminal_(::isatty(input) == 1) {}

void Prompt::show() {
  if (terminal_ && !shown_) std::cout << text_;
  std::cout.flush();
  shown_ = true;
}

void Prompt::interrupt_line() {
  if (terminal_ && shown_) std::cout << '\n';
  shown_ = false;
}

bool Prompt::read_more() {
  std::array<char, 4096> bytes;
  const ssize_t n = ::read(input_, bytes.data(), bytes.size());
  if (n < 0 && errno == EINTR) return true;
  if (n <= 0) return false;
  buffer_.append(bytes.data(), static_cast<size_t>(n));
  // Nobody types that: the rest of such a line is another.
  if (buffer_.size() > kMaxLine && buffer_.find('\n') == std::string::npos) buffer_ += '\n';
  return true;
}

std::optional<std::string> Prompt::next_line() {
  shown_ = false;
  for (;;) {
    tell_();
    if (left_) return std::nullopt;
    if (const auto end = buffer_.find('\n'); end != std::string::npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return line;
    }
    if (ended_) {
      if (buffer_.empty()) return std::nullopt;
      return std::exchange(buffer_, {});
    }
    show();
    News news = expected_();
    news.set.add(input_);
    news.set.poll(news.within);
    if (news.set.readable(news.set.size() - 1)) ended_ = !read_more();
  }
}

}  // namespace mirrorlab::cli
