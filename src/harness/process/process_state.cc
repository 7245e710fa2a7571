#include "harness/process/process_state.h"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <vector>

namespace mirrorlab::process {

namespace {
namespace fs = std::filesystem;

std::string first_line(const std::string& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

const char* state_words(char letter) {
  switch (letter) {
    case 'R':
      return "running";
    case 'S':
      return "sleeping";
    case 'D':
      return "in an uninterruptible wait";
    case 'T':
      return "stopped";
    case 't':
      return "stopped by a debugger";
    case 'Z':
      return "ended, not yet waited for";
    default:
      return "in an unknown state";
  }
}

// The fields of /proc/PID/stat behind the name, which may hold anything.
std::vector<std::string> stat_fields(const std::string& directory) {
  const std::string line = first_line(directory + "/stat");
  const auto end = line.rfind(')');
  std::vector<std::string> fields;
  if (end == std::string::npos) return fields;
  std::istringstream rest(line.substr(end + 1));
  for (std::string field; rest >> field;) fields.push_back(field);
  return fields;
}

// "sleeping in do_epoll_wait". The place is readable only for some users, and "0" when it runs.
std::string state_of(const std::string& directory) {
  const auto fields = stat_fields(directory);
  if (fields.empty()) return {};
  const std::string place = first_line(directory + "/wchan");
  const std::string words = state_words(fields[0][0]);
  return place.empty() || place == "0" ? words : words + " in " + place;
}

std::string rounded(double number, const char* unit) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%.2f %s", number, unit);
  return text.data();
}

std::string descriptors(const std::string& directory) {
  std::map<std::string, int> kinds;
  int total = 0;
  std::error_code error;
  for (auto entry = fs::directory_iterator(directory + "/fd", error);
       !error && entry != fs::directory_iterator(); entry.increment(error)) {
    std::error_code gone;  // it may be closed meanwhile
    const std::string target = fs::read_symlink(entry->path(), gone).string();
    ++total;
    if (target.starts_with("socket:")) {
      ++kinds["sockets"];
    } else if (target.starts_with("pipe:")) {
      ++kinds["pipes"];
    } else {
      ++kinds[target.starts_with("/") ? "files" : "others"];
    }
  }
  if (total == 0) return {};
  std::string text = ", " + std::to_string(total) + " descriptors (";
  bool first = true;
  for (const auto& [kind, count] : kinds) {
    text += (first ? "" : ", ") + kind + " " + std::to_string(count);
    first = false;
  }
  return text + ")";
}

std::string threads(const std::string& directory, const std::string& state) {
  std::map<std::string, int> places;
  std::error_code error;
  for (auto entry = fs::directory_iterator(directory + "/task", error);
       !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string place = state_of(entry->path().string());
    if (!place.empty()) ++places[place];
  }
  if (places.empty() || (places.size() == 1 && places.contains(state))) return {};
  std::string text;
  for (const auto& [place, count] : places) {
    text += "\n    " + std::to_string(count) + (count == 1 ? " thread " : " threads ") + place;
  }
  return text;
}
}  // namespace

std::string process_state(pid_t pid) {
  const std::string directory = "/proc/" + std::to_string(pid);
  const auto fields = stat_fields(directory);
  // proc(5): utime, stime, num_threads and rss are fields 14, 15, 20 and 24; 3 is the first here.
  constexpr size_t kUser = 11, kSystem = 12, kThreads = 17, kResident = 21;
  if (fields.size() <= kResident) return "gone";
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  const auto number = [&](size_t i) { return std::strtod(fields[i].c_str(), nullptr); };
  const std::string state = state_of(directory);
  const auto page = static_cast<double>(::sysconf(_SC_PAGESIZE));
  return state + ", " + fields[kThreads] + (fields[kThreads] == "1" ? " thread" : " threads") +
         ", CPU " + rounded(number(kUser) / ticks, "s user ") +
         rounded(number(kSystem) / ticks, "s system, ") +
         rounded(number(kResident) * page / (1024 * 1024), "MiB") + descriptors(directory) +
         threads(directory, state);
}

}  // namespace mirrorlab::process
