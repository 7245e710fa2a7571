#include "harness/traffic/progress_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <utility>

#include "os/error.h"
#include "os/fd.h"

namespace mirrorlab::traffic {

tl::expected<ProgressFile, std::string> ProgressFile::create(const std::string& path) {
  const os::Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd) return os::failure("cannot create " + path);
  if (::ftruncate(fd.get(), sizeof(Done)) < 0) return os::failure("cannot size " + path);
  void* at = ::mmap(nullptr, sizeof(Done), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (at == MAP_FAILED) return os::failure("cannot map " + path);
  ProgressFile file;
  file.mapped_ = static_cast<Done*>(at);
  return file;
}

ProgressFile::ProgressFile(ProgressFile&& other) noexcept
    : mapped_(std::exchange(other.mapped_, nullptr)) {}

ProgressFile& ProgressFile::operator=(ProgressFile&& other) noexcept {
  std::swap(mapped_, other.mapped_);
  return *this;
}

ProgressFile::~ProgressFile() {
  if (mapped_ != nullptr) ::munmap(mapped_, sizeof(Done));
}

void ProgressFile::publish(const Done& done) {
  if (mapped_ == nullptr) return;
  const auto store = [](uint64_t& place, uint64_t value) {
    std::atomic_ref(place).store(value, std::memory_order_relaxed);
  };
  store(mapped_->sessions, done.sessions);
  store(mapped_->requests, done.requests);
  store(mapped_->errors, done.errors);
}

std::optional<Done> read_progress(const std::string& path) {
  const os::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  Done done;
  if (!fd || ::pread(fd.get(), &done, sizeof done, 0) != ssize_t{sizeof done}) return std::nullopt;
  return done;
}

}  // namespace mirrorlab::traffic
