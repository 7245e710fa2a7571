// The text of a failed system call: what was attempted, the system's reason, and the mend.
#pragma once

#include <cerrno>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace mirrorlab::os {

// "cannot bind 10.0.0.1:80: Permission denied (EACCES); <mend>". `error` defaults to errno.
[[nodiscard]] std::string error_text(std::string_view attempted, int error = errno,
                                     std::string_view mend = {});
[[nodiscard]] inline tl::unexpected<std::string> failure(std::string_view attempted,
                                                         int error = errno,
                                                         std::string_view mend = {}) {
  return tl::unexpected(error_text(attempted, error, mend));
}

}  // namespace mirrorlab::os
