#include "harness/cli/places.h"

#include <filesystem>

namespace mirrorlab::cli {

namespace fs = std::filesystem;

std::string own_directory() { return fs::read_symlink("/proc/self/exe").parent_path().string(); }

std::string scenario_directory() {
  std::error_code error;
  if (fs::is_directory("scenarios", error)) return "scenarios";
  const auto installed = fs::path(own_directory()).parent_path() / "share/mirrorlab/scenarios";
  return fs::is_directory(installed, error) ? installed.string() : "scenarios";
}

}  // namespace mirrorlab::cli
