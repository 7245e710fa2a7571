#include "harness/report/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <string_view>

#include "os/clock.h"

namespace mirrorlab::report {

namespace {
constexpr auto kRedraw = std::chrono::milliseconds(100);

size_t columns_of(int fd) {
  winsize size{};
  return ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}
}  // namespace

Progress::Progress(int fd, bool terminal) : fd_(fd), terminal_(terminal) {}

Progress Progress::for_standard_error() {
  const char* term = std::getenv("TERM");
  const bool dumb = term == nullptr || std::string_view(term) == "dumb";
  return {STDERR_FILENO, ::isatty(STDERR_FILENO) == 1 && !dumb};
}

Progress::~Progress() { end(); }

void Progress::write(const std::string& text) const {
  // Progress is for people who watch; when nobody can be told, the run goes on all the same.
  [[maybe_unused]] const auto n = ::write(fd_, text.data(), text.size());
}

void Progress::headline(const std::string& text) {
  end();
  write(text + "\n");
}

std::string Progress::line(bool ended) const {
  std::string text = fmt::format("  {:<9} {}", phase_, words_);
  if (!terminal_) return text;
  const std::string status = !ended && status_ ? status_() : std::string();
  text += fmt::format("  {:.1f} s{}{}", static_cast<double>(os::steady_now() - began_ns_) / 1e9,
                      status.empty() ? "" : "  ", status);
  const size_t columns = columns_of(fd_);
  if (text.size() >= columns) text.resize(columns - 1);
  return text;
}

void Progress::begin(const std::string& phase, const std::string& words, Status status) {
  end();
  phase_ = phase;
  words_ = words;
  status_ = std::move(status);
  began_ns_ = os::steady_now();
  open_ = true;
  if (terminal_) {
    drawer_ = std::thread([this] { draw_until_ended(); });
  } else {
    write(line(false) + "\n");
  }
}

void Progress::draw_until_ended() {
  std::unique_lock lock(mutex_);
  do {
    write("\r" + line(false) + "\033[K");
  } while (!ended_.wait_for(lock, kRedraw, [this] { return !open_; }));
}

void Progress::end() {
  if (!open_) return;
  {
    const std::lock_guard lock(mutex_);
    open_ = false;
  }
  ended_.notify_all();
  if (!drawer_.joinable()) return;
  drawer_.join();
  write("\r" + line(true) + "\033[K\n");
}

}  // namespace mirrorlab::report
