// All copy threads of the program as one: started, looked at, summed up, ended.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/driver/copy_thread.h"

namespace mirrorlab::engine {

class Crew {
 public:
  // `wake`: as CopyThread's.
  static Made<Crew> create(const CopyOptions& options, const CopyParts& parts,
                           const os::SharedKey* key, const std::function<void()>& wake);
  void start();
  void begin();
  void stop_accepting();
  void stop();
  [[nodiscard]] bool links_up();
  [[nodiscard]] std::string link_failure();
  [[nodiscard]] bool capture_ended();
  [[nodiscard]] bool drained();
  [[nodiscard]] std::string failure();
  // Counters of all threads, and what the process used.
  [[nodiscard]] nlohmann::json figures();
  [[nodiscard]] Account account();
  // Session logs and counters file, as far as they are asked for.
  [[nodiscard]] tl::expected<void, std::string> write_figures();

 private:
  using Work = std::function<void(CopyEngine&, os::Nanos)>;
  void each(const Work& work);

  CopyOptions options_;
  CopyParts parts_;
  std::vector<std::unique_ptr<CopyThread>> threads_;
};

}  // namespace mirrorlab::engine
