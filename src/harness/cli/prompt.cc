#include "harness/cli/prompt.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <iostream>
#include <utility>

namespace mirrorlab::cli {

namespace {
constexpr int kNowAndThenMs = 200;
constexpr size_t kMaxLine = 64 * 1024;
}  // namespace

Prompt::Prompt(int input, std::string text, std::vector<News> news)
    : input_(input),
      text_(std::move(text)),
      news_(std::move(news)),
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

std::optional<std::string> Prompt::next_line(const std::function<void()>& now_and_then) {
  shown_ = false;
  while (!left_) {
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
    std::vector<pollfd> fds{{input_, POLLIN, 0}};
    for (const auto& one : news_) fds.push_back({one.fd, POLLIN, 0});
    ::poll(fds.data(), fds.size(), kNowAndThenMs);
    for (size_t i = 0; i < news_.size(); ++i) {
      if (fds[i + 1].revents != 0) news_[i].tell();
    }
    now_and_then();
    if (fds[0].revents != 0 && !left_) ended_ = !read_more();
  }
  return std::nullopt;
}

}  // namespace mirrorlab::cli
