#include "os/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "os/error.h"
#include "os/fd.h"

namespace mirrorlab::os {

namespace {
std::string beside(const std::string& path) { return path + ".part"; }

Fd create(const std::string& path) {
  return Fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
}
}  // namespace

tl::expected<void, std::string> can_write_file(const std::string& path) {
  struct stat there {};
  if (path.ends_with('/') || (::stat(path.c_str(), &there) == 0 && S_ISDIR(there.st_mode))) {
    return failure("cannot write " + path, EISDIR, "name a file");
  }
  const std::string part = beside(path);
  const Fd fd = create(part);
  if (!fd) {
    return failure("cannot create " + part, errno,
                   errno == ENOENT ? "make its directory first" : "name another");
  }
  ::unlink(part.c_str());
  return {};
}

tl::expected<void, std::string> write_file(const std::string& path, std::string_view content) {
  const std::string part = beside(path);
  const Fd fd = create(part);
  if (!fd) return failure("cannot create " + part);
  while (!content.empty()) {
    const ssize_t n = ::write(fd.get(), content.data(), content.size());
    if (n < 0) {
      const int error = errno;
      ::unlink(part.c_str());
      return failure("cannot write " + part, error);
    }
    content.remove_prefix(static_cast<size_t>(n));
  }
  if (::rename(part.c_str(), path.c_str()) < 0) return failure("cannot rename to " + path);
  return {};
}

}  // namespace mirrorlab::os
