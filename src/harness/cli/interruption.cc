#include "harness/cli/interruption.h"

#include <sys/eventfd.h>

#include <stdexcept>

#include "os/error.h"

namespace mirrorlab::cli {

Interruption::Interruption() {
  happened_.reset(::eventfd(0, EFD_CLOEXEC));
  if (!happened_) throw std::runtime_error(os::error_text("cannot make an eventfd"));
  ::sigemptyset(&set_);
  for (const int n : {SIGINT, SIGTERM, SIGUSR2}) ::sigaddset(&set_, n);
  ::pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  thread_ = std::thread([this] {
    for (int number = 0; ::sigwait(&set_, &number) == 0 && number != SIGUSR2;) {
      flag_ = true;
      ::eventfd_write(happened_.get(), 1);
    }
  });
}

Interruption::~Interruption() {
  ::pthread_kill(thread_.native_handle(), SIGUSR2);
  thread_.join();
}

}  // namespace mirrorlab::cli
