// Asks one of our engines for its figures: SIGUSR1, which it answers by writing its counters file.
// Its end is an answer, too: the file is then written for the last time.
//
// Threads: one question to an engine at a time.
#pragma once

#include <csignal>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "harness/cli/lab_context.h"
#include "harness/cli/program.h"
#include "os/clock.h"
#include "os/fd.h"

namespace mirrorlab::cli {

class EngineQuestion {
 public:
  // Asks. Throws std::runtime_error when the file cannot be watched.
  EngineQuestion(const LabContext& lab, Program& engine);

  // The same question again; to an engine that has ended it is none.
  void ask() { engine_.signal(SIGUSR1); }
  // Readable when something was written where the answer will be.
  [[nodiscard]] int fd() const { return written_.get(); }
  // Readable when it has ended; invalid when it did not run.
  [[nodiscard]] os::Fd end() const { return engine_.watch_end(); }
  // The answer; nothing as long as it is not there.
  [[nodiscard]] std::optional<nlohmann::json> answer();

 private:
  Program& engine_;
  std::string file_;
  os::Fd written_;  // inotify
};

// Asks and waits for the answer, `within` at most: halted, ended or busy, an engine gives none.
[[nodiscard]] std::optional<nlohmann::json> ask_engine(const LabContext& lab, Program& engine,
                                                       os::Nanos within);

}  // namespace mirrorlab::cli
