#include "harness/cli/out_directory.h"

#include <filesystem>

#include "os/atomic_file.h"

namespace mirrorlab::cli {

tl::expected<void, std::string> make_run_directory(const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory + "/logs", error);
  if (error) {
    return tl::unexpected("cannot create " + directory + ": " + error.message() +
                          "; name another with --out");
  }
  if (auto can = os::can_write_file(directory + "/logs/harness.log"); !can) return can;
  return clear_for_report(directory + "/result.json");
}

tl::expected<void, std::string> clear_for_report(const std::string& file) {
  if (auto can = os::can_write_file(file); !can) return can;
  std::error_code error;
  std::filesystem::remove(file, error);
  if (error) return tl::unexpected("cannot replace " + file + ": " + error.message());
  return {};
}

}  // namespace mirrorlab::cli
