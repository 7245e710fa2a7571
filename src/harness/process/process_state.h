// What the kernel says a process is doing (/proc/PID): for time-outs, where the question is what it
// waits for.
#pragma once

#include <sys/types.h>

#include <string>

namespace mirrorlab::process {

// "sleeping in do_epoll_wait, 3 threads, CPU 0.12 s user 0.03 s system, 21.4 MiB, 14 descriptors
// (files 4, others 2, pipes 2, sockets 6)". The threads' places follow, a line each, where they
// differ. What may not be read is left out; a process that is gone is said to be.
[[nodiscard]] std::string process_state(pid_t pid);

}  // namespace mirrorlab::process
