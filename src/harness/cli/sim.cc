#include "harness/cli/sim.h"

#include <unistd.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <iostream>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "sim/run.h"

namespace mirrorlab::cli {

namespace {
constexpr size_t kMostFailures = 20;

struct Seeds {
  uint64_t first = 0, last = 0;
};

std::optional<Seeds> parse_seeds(const std::string& text) {
  Seeds s;
  const char* end = text.data() + text.size();
  auto read = std::from_chars(text.data(), end, s.first);
  if (read.ec != std::errc()) return {};
  s.last = s.first;
  if (read.ptr == end) return s;
  if (end - read.ptr < 3 || read.ptr[0] != '.' || read.ptr[1] != '.') return {};
  read = std::from_chars(read.ptr + 2, end, s.last);
  if (read.ec != std::errc() || read.ptr != end || s.last < s.first) return {};
  return s;
}

struct Totals {
  uint64_t seeds = 0, failed = 0, events = 0, exact = 0, excused = 0, faults = 0, turns = 0;
};

std::string command(const SimOptions& o, uint64_t seed) {
  std::string text = "mirrorlab sim --seeds " + std::to_string(seed);
  if (o.scenario != "mixed") text += " --scenario " + o.scenario;
  return text + " --shrink --trace";
}

std::string failure_text(const SimOptions& o, const sim::Outcome& out, bool shrunk) {
  std::string text = "seed " + std::to_string(out.seed) + " FAILED\n";
  for (const auto& v : out.violations) {
    char at[32];
    std::snprintf(at, sizeof at, "%.6f", static_cast<double>(v.at) / 1e9);
    text += std::string("  ") + sim::to_string(v.check) + " at " + at + " s: " + v.text + "\n";
  }
  text += "  with: " + sim::describe(out.features) +
          "\n  faults: " + std::to_string(out.faults.size()) + (shrunk ? " (shrunk)\n" : "\n");
  if (shrunk) {
    for (const auto& f : out.faults) text += "    " + f.to_string() + "\n";
  }
  return text + "  again: " + command(o, out.seed) + "\n";
}

nlohmann::json failure_json(const SimOptions& o, const sim::Outcome& out) {
  nlohmann::json j = {{"seed", out.seed},
                      {"command", command(o, out.seed)},
                      {"features", sim::describe(out.features)}};
  for (const auto& v : out.violations) {
    j["violations"].push_back(
        {{"check", sim::to_string(v.check)}, {"at_ns", v.at}, {"text", v.text}});
  }
  for (const auto& f : out.faults) j["faults"].push_back(f.to_string());
  return j;
}

// Seeds are independent: each thread takes the next one, results come out in the order of seeds.
class Runner {
 public:
  Runner(const SimOptions& options, const sim::Scenario& scenario, Seeds seeds)
      : options_(options), scenario_(scenario), seeds_(seeds), next_(seeds.first) {}

  template <typename Each>
  void run(unsigned threads, const Each& each) {
    std::vector<std::thread> pool;
    for (unsigned i = 0; i < threads; ++i) pool.emplace_back([this] { work(); });
    for (uint64_t seed = seeds_.first;; ++seed) {
      std::unique_lock lock(mutex_);
      arrived_.wait(lock, [&] { return done_.contains(seed); });
      const sim::Outcome out = std::move(done_.extract(seed).mapped());
      left_.notify_all();
      lock.unlock();
      if (!each(out) || seed == seeds_.last) break;
    }
    {
      // Why locked: a thread between its look at stop_ and its wait would miss the notice for good.
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    left_.notify_all();
    for (auto& t : pool) t.join();
  }

 private:
  void work() {
    sim::RunOptions o;
    o.trace = options_.trace;
    while (!stop_) {
      const uint64_t seed = next_++;
      if (seed > seeds_.last || seed < seeds_.first) return;
      sim::Outcome out = sim::run_seed(seed, scenario_, o);
      if (!out.passed() && options_.shrink) out = sim::shrink(out, scenario_, o);
      std::unique_lock lock(mutex_);
      left_.wait(lock,
                 [&] { return stop_ || done_.size() < 10'000 || done_.begin()->first > seed; });
      done_.emplace(seed, std::move(out));
      arrived_.notify_one();
    }
  }

  const SimOptions& options_;
  const sim::Scenario& scenario_;
  Seeds seeds_;
  std::atomic<uint64_t> next_;
  std::atomic<bool> stop_ = false;
  std::mutex mutex_;
  std::condition_variable arrived_, left_;
  std::map<uint64_t, sim::Outcome> done_;
};

void progress(const Totals& t, uint64_t of, bool terminal) {
  const bool due = terminal ? t.seeds % 100 == 0 : t.seeds % 10'000 == 0;
  if (!due || t.seeds == of) return;
  std::fprintf(stderr,
               terminal ? "\r%llu of %llu seeds, %llu failed" : "%llu of %llu seeds, %llu failed\n",
               static_cast<unsigned long long>(t.seeds), static_cast<unsigned long long>(of),
               static_cast<unsigned long long>(t.failed));
  if (terminal) std::fflush(stderr);
}
}  // namespace

std::string sim_scenarios() {
  std::string text;
  for (const auto& s : sim::scenarios()) {
    text += "  " + std::string(s.name) + ": " + std::string(s.about) + "\n";
  }
  return text;
}

int run_sim(const SimOptions& options) {
  const auto seeds = parse_seeds(options.seeds);
  if (!seeds) {
    std::cerr << "mirrorlab sim: --seeds " << options.seeds
              << " is not A..B (A <= B) or a number\n";
    return 2;
  }
  const sim::Scenario* scenario = sim::find_scenario(options.scenario);
  if (scenario == nullptr) {
    std::cerr << "mirrorlab sim: no scenario " << options.scenario << "; there are:\n"
              << sim_scenarios();
    return 2;
  }
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  const bool json = options.format == "json";
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  const uint64_t count = seeds->last - seeds->first + 1;
  const auto begun = std::chrono::steady_clock::now();
  Totals t;
  nlohmann::json failures = nlohmann::json::array();
  Runner runner(options, *scenario, *seeds);
  runner.run(options.threads != 0 ? options.threads : cores, [&](const sim::Outcome& out) {
    ++t.seeds;
    t.events += out.events;
    t.exact += out.exact_streams;
    t.excused += out.excused_streams;
    t.faults += out.faults.size();
    t.turns += out.turns;
    if (!json) std::cout << out.trace;
    if (!out.passed()) {
      ++t.failed;
      if (terminal) std::fputs("\r\033[K", stderr);
      if (json) {
        failures.push_back(failure_json(options, out));
      } else {
        std::cout << failure_text(options, out, options.shrink) << std::flush;
      }
    }
    progress(t, count, terminal);
    return t.failed < kMostFailures;
  });
  if (terminal) std::fputs("\r\033[K", stderr);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  if (json) {
    const nlohmann::json j = {{"scenario", options.scenario}, {"first", seeds->first},
                              {"last", seeds->last},          {"seeds", t.seeds},
                              {"failed", t.failed},           {"events", t.events},
                              {"faults", t.faults},           {"turns", t.turns},
                              {"streams_exact", t.exact},     {"streams_excused", t.excused},
                              {"seconds", seconds},           {"failures", failures}};
    std::cout << j.dump(2) << '\n';
  } else {
    std::printf(
        "%s: %llu of %llu seeds passed; %llu streams judged exactly, %llu excused; "
        "%llu turns, %llu faults, %llu events in %.1f s\n",
        options.scenario.c_str(), static_cast<unsigned long long>(t.seeds - t.failed),
        static_cast<unsigned long long>(t.seeds), static_cast<unsigned long long>(t.exact),
        static_cast<unsigned long long>(t.excused), static_cast<unsigned long long>(t.turns),
        static_cast<unsigned long long>(t.faults), static_cast<unsigned long long>(t.events),
        seconds);
  }
  return t.failed == 0 ? 0 : 1;
}

}  // namespace mirrorlab::cli
