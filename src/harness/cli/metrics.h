// `mirrorlab metrics`: all that conditions may be about, a line each.
#pragma once

#include <string>

namespace mirrorlab::cli {

[[nodiscard]] std::string metrics_text();

}  // namespace mirrorlab::cli
