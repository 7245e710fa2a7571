// Lines of commands from standard input, and news meanwhile: with a prompt on a terminal, without
// one in a pipe.
//
// Threads: one.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace mirrorlab::cli {

class Prompt {
 public:
  // Called when `fd` is readable; what it prints stands before the prompt.
  struct News {
    int fd;
    std::function<void()> tell;
  };
  Prompt(int input, std::string text, std::vector<News> news);

  // The next line; nothing at the end of the input, or when leave() was called. While it waits,
  // `now_and_then` is called about five times a second.
  [[nodiscard]] std::optional<std::string> next_line(const std::function<void()>& now_and_then);
  void leave() { left_ = true; }
  // Whether someone types.
  [[nodiscard]] bool terminal() const { return terminal_; }
  // To be called before output that is no answer to a line.
  void interrupt_line();

 private:
  void show();
  bool read_more();
  int input_;
  std::string text_;
  std::vector<News> news_;
  bool terminal_;
  bool shown_ = false, ended_ = false, left_ = false;
  std::string buffer_;
};

}  // namespace mirrorlab::cli
