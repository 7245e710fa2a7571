// The engine core for a day of virtual time: memory stays flat, nothing is lost, the account
// balances to the byte.   day_soak [HOURS] [--json FILE] [--spoil]
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "soak/day.h"

namespace {
using namespace mirrorlab;

// Pools hold their peak, and a rarer coincidence makes a higher one.
constexpr double kFlat = 1.05;
constexpr int kWarmHours = 2;

uint64_t resident_bytes() {
  std::ifstream in("/proc/self/statm");
  uint64_t pages = 0, resident = 0;
  in >> pages >> resident;
  return resident * 4096;
}

std::string judge(const soak::Day& day, const std::vector<uint64_t>& memory) {
  if (!day.wrong().empty()) return day.wrong();
  const engine::Account& a = day.core().account();
  if (const auto wrong = a.imbalance(); !wrong.empty()) return wrong;
  const auto lost = std::accumulate(a.bytes_lost.begin(), a.bytes_lost.end(), uint64_t{0});
  if (lost != 0) return fmt::format("{} bytes lost", lost);
  if (a.bytes_mirrored != day.stream_bytes() || a.sessions_mirrored != day.streams()) {
    return fmt::format("mirrored {} sessions, {} bytes of {}, {}", a.sessions_mirrored,
                       a.bytes_mirrored, day.streams(), day.stream_bytes());
  }
  if (memory.size() <= kWarmHours) return {};
  const double warm = static_cast<double>(memory[kWarmHours - 1]);
  const auto most = *std::max_element(memory.begin(), memory.end());
  if (static_cast<double>(most) > warm * kFlat) {
    return fmt::format("memory grew from {:.0f} to {} bytes", warm, most);
  }
  return {};
}
}  // namespace

int main(int argc, char** argv) {
  int hours = 24;
  const char* file = nullptr;
  bool spoil = false;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--json") == 0 && i + 1 < argc) {
      file = argv[++i];
    } else if (std::strcmp(argv[i], "--spoil") == 0) {
      spoil = true;
    } else {
      hours = std::max(std::atoi(argv[i]), 1);
    }
  }
  soak::Day day(hours * soak::Day::kHour, spoil);
  std::vector<uint64_t> memory;
  std::vector<uint64_t> resident;
  for (int hour = 1; hour <= hours && day.wrong().empty(); ++hour) {
    day.run_until(hour * soak::Day::kHour);
    memory.push_back(day.core().memory_bytes());
    resident.push_back(resident_bytes());
    fmt::print("hour {:2}: {} turns, core {} KiB, process {} KiB\n", hour,
               day.core().counters().turns, memory.back() / 1024, resident.back() / 1024);
    std::fflush(stdout);
  }
  day.run_to_rest();
  const std::string wrong = judge(day, memory);
  const auto& counters = day.core().counters();
  fmt::print(
      "{} sessions, {} turns, {} bytes mirrored; {} packets and records lost on the way, {} "
      "segments sent again; {} events\n",
      day.streams(), counters.turns, day.core().account().bytes_mirrored, day.lost_packets(),
      counters.data_segments_retransmitted, day.events());
  if (file != nullptr) {
    std::ofstream(file) << nlohmann::json{{"hours", hours},
                                          {"sessions", day.streams()},
                                          {"turns", counters.turns},
                                          {"bytes_mirrored", day.core().account().bytes_mirrored},
                                          {"packets_lost", day.lost_packets()},
                                          {"core_bytes_by_hour", memory},
                                          {"resident_bytes_by_hour", resident},
                                          {"wrong", wrong}}
                               .dump(2)
                        << '\n';
  }
  if (wrong.empty()) return 0;
  fmt::print(stderr, "day_soak: {}\nagain: {} {}\n", wrong, argv[0], hours);
  return 1;
}
