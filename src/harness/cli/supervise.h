// The harness runs as the first process of a pid and mount namespace of its own: when it dies, by
// any signal, the kernel ends everything it started, and nothing of it is left.
#pragma once

#include <functional>

namespace mirrorlab::cli {

// Who reads the terminal.
enum class Terminal : unsigned char {
  none,   // the work is in a process group of its own: Ctrl-C comes from this process, once
  shared  // the work reads it: the terminal is its group's until it ends
};

// Runs `work` there and gives its exit code. SIGINT and SIGTERM are passed on to it.
int supervise(const std::function<int()>& work, Terminal terminal = Terminal::none);

}  // namespace mirrorlab::cli
