#include "os/error.h"

#include <fmt/format.h>

#include <cstring>

namespace mirrorlab::os {

std::string error_text(std::string_view attempted, int error, std::string_view mend) {
  const char* name = ::strerrorname_np(error);
  const char* description = ::strerrordesc_np(error);
  std::string text = name != nullptr && description != nullptr
                         ? fmt::format("{}: {} ({})", attempted, description, name)
                         : fmt::format("{}: errno {}", attempted, error);
  if (!mend.empty()) text += fmt::format("; {}", mend);
  return text;
}

}  // namespace mirrorlab::os
