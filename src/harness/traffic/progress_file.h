// What the built-in clients have done so far, for the harness to read while they go on: three
// numbers in a file that both ends have mapped or read. No lock; each number by itself is whole.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>

namespace mirrorlab::traffic {

struct Done {
  uint64_t sessions = 0, requests = 0, errors = 0;
};

class ProgressFile {
 public:
  static tl::expected<ProgressFile, std::string> create(const std::string& path);
  ProgressFile() = default;
  ProgressFile(ProgressFile&& other) noexcept;
  ProgressFile& operator=(ProgressFile&& other) noexcept;
  ~ProgressFile();

  // Nothing happens without a file.
  void publish(const Done& done);

 private:
  Done* mapped_ = nullptr;
};

// Nothing when there is no such file yet.
[[nodiscard]] std::optional<Done> read_progress(const std::string& path);

}  // namespace mirrorlab::traffic
