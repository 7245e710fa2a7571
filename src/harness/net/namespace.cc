#include "harness/net/namespace.h"

#include <fcntl.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <stdexcept>
#include <thread>
#include <utility>

#include "os/error.h"

namespace mirrorlab::net {

namespace {
// Namespaces are made side by side; beyond this the kernel's own locks are what is waited for.
constexpr size_t kMostThreads = 4;

template <class Work>
std::exception_ptr caught(const Work& work) {
  try {
    work();
  } catch (...) {
    return std::current_exception();
  }
  return nullptr;
}
}  // namespace

Namespace Namespace::create() {
  return std::move(create_all(1, [](size_t) {}).front());
}

std::vector<Namespace> Namespace::create_all(size_t count,
                                             const std::function<void(size_t)>& inside) {
  std::vector<Namespace> all(count);
  std::atomic<size_t> next{0};
  const auto make = [&] {
    for (size_t i = next++; i < count; i = next++) {
      if (::unshare(CLONE_NEWNET) < 0) {
        throw std::runtime_error(
            os::error_text("cannot make a network namespace", errno, "run as root"));
      }
      all[i].fd_.reset(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
      if (!all[i].fd_) throw std::runtime_error(os::error_text("cannot hold a network namespace"));
      inside(i);
    }
  };
  std::vector<std::exception_ptr> thrown(
      std::min<size_t>({count, kMostThreads, std::max(1U, std::thread::hardware_concurrency())}));
  std::vector<std::thread> threads;
  for (auto& mine : thrown) threads.emplace_back([&] { mine = caught(make); });
  for (auto& thread : threads) thread.join();
  for (const auto& each : thrown) {
    if (each) std::rethrow_exception(each);
  }
  return all;
}

void Namespace::run(const std::function<void()>& work) const {
  std::exception_ptr thrown;
  std::thread([&] {
    thrown = caught([&] {
      if (::setns(fd_.get(), CLONE_NEWNET) < 0) {
        throw std::runtime_error(os::error_text("cannot enter a network namespace"));
      }
      work();
    });
  }).join();
  if (thrown) std::rethrow_exception(thrown);
}

}  // namespace mirrorlab::net
