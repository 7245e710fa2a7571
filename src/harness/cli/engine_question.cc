#include "harness/cli/engine_question.h"

#include <sys/inotify.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "harness/cli/engines.h"
#include "harness/cli/lab_wait.h"
#include "os/error.h"

namespace mirrorlab::cli {

EngineQuestion::EngineQuestion(const LabContext& lab, Program& engine)
    : engine_(engine), file_(counters_file(lab, engine.spec().name, engine.runs())) {
  written_.reset(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  const std::string directory = std::filesystem::path(file_).parent_path().string();
  // The file is written beside its place and renamed to it.
  if (!written_ || ::inotify_add_watch(written_.get(), directory.c_str(), IN_MOVED_TO) < 0) {
    throw std::runtime_error(
        os::error_text("cannot watch " + directory, errno, "raise fs.inotify.max_user_instances"));
  }
  ask();
}

std::optional<nlohmann::json> EngineQuestion::answer() {
  const std::string name = std::filesystem::path(file_).filename().string();
  alignas(inotify_event) std::array<char, 4096> events;
  bool there = false;
  for (ssize_t n = 0; (n = ::read(written_.get(), events.data(), events.size())) > 0;) {
    for (ssize_t at = 0; at < n;) {
      inotify_event event{};
      std::memcpy(&event, &events[static_cast<size_t>(at)], sizeof event);
      const char* written = &events[static_cast<size_t>(at) + sizeof event];
      // Events that were too many to be kept: it may have been one of them.
      there = there || (event.mask & IN_Q_OVERFLOW) != 0 || (event.len > 0 && name == written);
      at += static_cast<ssize_t>(sizeof event + event.len);
    }
  }
  if (!there) return std::nullopt;
  std::ifstream in(file_);
  return nlohmann::json::parse(in, nullptr, false);
}

std::optional<nlohmann::json> ask_engine(const LabContext& lab, Program& engine, os::Nanos within) {
  if (!engine.running()) return std::nullopt;
  EngineQuestion question(lab, engine);
  const os::Nanos deadline = os::steady_now() + within;
  for (;;) {
    WaitSet set;
    set.add(question.fd());
    os::Fd end = question.end();
    const bool runs = end.valid();
    set.add(std::move(end));
    if (runs) set.poll(deadline - os::steady_now());
    if (auto answer = question.answer()) return answer;
    if (!runs || os::steady_now() >= deadline) return std::nullopt;
  }
}

}  // namespace mirrorlab::cli
