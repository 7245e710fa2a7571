// A command with this terminal, waited for: of a visitor, and of the prompt.
//
// Threads: the caller may have several.
#pragma once

#include <sys/types.h>

#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace mirrorlab::cli {

struct Foreground {
  std::string directory;       // it starts there; empty: where the caller is
  int network_namespace = -1;  // it enters it; -1: the caller is where it should be
  bool no_input = false;       // standard input is not for it
};

// It gets a /sys that shows its network namespace, and the terminal where there is one (so that
// Ctrl-C ends it and not its starter); it dies with its starter. The exit code, or 128 + signal.
[[nodiscard]] tl::expected<int, std::string> run_in_foreground(
    const std::vector<std::string>& command, const Foreground& place);

// Whether standard input is a terminal whose keys and signals are this process group's.
[[nodiscard]] bool has_terminal();
// Hands the terminal to a process group. Nothing where standard input is no terminal of ours.
void give_terminal_to(pid_t group);

}  // namespace mirrorlab::cli
