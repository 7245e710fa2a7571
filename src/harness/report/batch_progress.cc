#include "harness/report/batch_progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace mirrorlab::report {

BatchProgress::BatchProgress(int fd, bool terminal, size_t total)
    : fd_(fd), terminal_(terminal), total_(total) {}

BatchProgress BatchProgress::for_standard_error(size_t total) {
  const char* term = std::getenv("TERM");
  const bool dumb = term == nullptr || std::string_view(term) == "dumb";
  return {STDERR_FILENO, ::isatty(STDERR_FILENO) == 1 && !dumb, total};
}

void BatchProgress::write(const std::string& text) const {
  // Progress is for people who watch; when nobody can be told, the batch goes on all the same.
  [[maybe_unused]] const auto n = ::write(fd_, text.data(), text.size());
}

void BatchProgress::ended(const Outcome& o) {
  ++done_;
  if (o.code != 0 && o.code != 77) ++not_passed_;
  if (terminal_) return;
  write(
      fmt::format("[{}/{}] {:<12} {}  {:.1f} s\n", done_, total_, o.verdict, o.title(), o.seconds));
}

void BatchProgress::draw(const std::vector<std::string>& running) {
  if (!terminal_) return;
  std::string text = fmt::format("  {}/{} done", done_, total_);
  if (not_passed_ > 0) text += fmt::format(", {} not passed", not_passed_);
  text += fmt::format("; {} running", running.size());
  for (const auto& one : running) text += "  " + one;
  winsize size{};
  const size_t columns = ::ioctl(fd_, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
  if (text.size() >= columns) text.resize(columns - 1);
  write("\r" + text + "\033[K");
  drawn_ = true;
}

void BatchProgress::clear() {
  if (drawn_) write("\r\033[K");
  drawn_ = false;
}

}  // namespace mirrorlab::report
