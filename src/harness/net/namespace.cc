#include "harness/net/namespace.h"

#include <fcntl.h>
#include <sched.h>

#include <exception>
#include <stdexcept>
#include <thread>

#include "os/error.h"

namespace mirrorlab::net {

namespace {
void on_thread(const std::function<void()>& work) {
  std::exception_ptr thrown;
  std::thread([&] {
    try {
      work();
    } catch (...) {
      thrown = std::current_exception();
    }
  }).join();
  if (thrown) std::rethrow_exception(thrown);
}
}  // namespace

Namespace Namespace::create() {
  Namespace ns;
  on_thread([&] {
    if (::unshare(CLONE_NEWNET) < 0) {
      throw std::runtime_error(
          os::error_text("cannot make a network namespace", errno, "run as root"));
    }
    ns.fd_.reset(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    if (!ns.fd_) throw std::runtime_error(os::error_text("cannot hold a network namespace"));
  });
  return ns;
}

void Namespace::run(const std::function<void()>& work) const {
  on_thread([&] {
    if (::setns(fd_.get(), CLONE_NEWNET) < 0) {
      throw std::runtime_error(os::error_text("cannot enter a network namespace"));
    }
    work();
  });
}

}  // namespace mirrorlab::net
