#include "os/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "os/error.h"
#include "os/fd.h"

namespace mirrorlab::os {

tl::expected<void, std::string> write_file(const std::string& path, std::string_view content) {
  const std::string beside = path + ".part";
  Fd fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd) return failure("cannot create " + beside);
  while (!content.empty()) {
    const ssize_t n = ::write(fd.get(), content.data(), content.size());
    if (n < 0) {
      const int error = errno;
      ::unlink(beside.c_str());
      return failure("cannot write " + beside, error);
    }
    content.remove_prefix(static_cast<size_t>(n));
  }
  if (::rename(beside.c_str(), path.c_str()) < 0) return failure("cannot rename to " + path);
  return {};
}

}  // namespace mirrorlab::os
