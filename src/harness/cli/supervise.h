// The harness runs as the first process of a pid and mount namespace of its own: when it dies, by
// any signal, the kernel ends everything it started, and nothing of it is left.
#pragma once

#include <functional>

namespace mirrorlab::cli {

// Runs `work` there and gives its exit code. SIGINT and SIGTERM are passed on to it.
int supervise(const std::function<int()>& work);

}  // namespace mirrorlab::cli
