#include "support/capture_file.h"

#include <algorithm>
#include <filesystem>

namespace mirrorlab::testing {

std::vector<std::string> capture_paths(const std::string& directory) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const auto extension = entry.path().extension();
    if (extension == ".pcap" || extension == ".pcapng") paths.push_back(entry.path().string());
  }
  std::ranges::sort(paths);
  return paths;
}

}  // namespace mirrorlab::testing
