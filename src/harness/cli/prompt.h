// Lines of commands from standard input, and news meanwhile: with a prompt on a terminal, without
// one in a pipe.
//
// Threads: one.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "harness/cli/lab_wait.h"

namespace mirrorlab::cli {

class Prompt {
 public:
  // What is waited for beside a line, and how long (nanoseconds; kNever: for ever).
  struct News {
    WaitSet set;
    os::Nanos within = os::kNever;
  };
  // `tell` is called before each wait; what it prints stands before the prompt.
  Prompt(int input, std::string text, std::function<News()> expected, std::function<void()> tell);

  // The next line; nothing at the end of the input, or when leave() was called.
  [[nodiscard]] std::optional<std::string> next_line();
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
  std::function<News()> expected_;
  std::function<void()> tell_;
  bool terminal_;
  bool shown_ = false, ended_ = false, left_ = false;
  std::string buffer_;
};

}  // namespace mirrorlab::cli
