#include "harness/cli/live_watch.h"

#include <algorithm>
#include <chrono>
#include <stdexcept>

namespace mirrorlab::cli {

namespace {
constexpr auto kBetweenLooks = std::chrono::milliseconds(20);

std::set<std::string> wanted(const scenario::Scenario& s) {
  std::set<std::string> names;
  for (const auto& condition : s.always) {
    if (condition.live) names.insert(condition.metric);
  }
  for (const auto& e : s.eventually) names.insert(e.condition.metric);
  for (const auto& f : s.timeline) {
    if (f.wait && f.wait->condition) names.insert(f.wait->condition->metric);
  }
  return names;
}

bool waits(const scenario::Scenario& s) {
  return std::ranges::any_of(s.timeline, [](const auto& f) { return f.wait.has_value(); });
}

double seconds(os::Nanos time) { return static_cast<double>(time) / 1e9; }
}  // namespace

LiveWatch::LiveWatch(const LabContext& lab, const Topology& topology, FindProgram find,
                     OnLook on_look)
    : scenario_(lab.scenario),
      gate_(topology.gate()),
      figures_(lab, topology, std::move(find), wanted(lab.scenario)),
      on_look_(std::move(on_look)) {
  findings_.always.resize(scenario_.always.size());
  findings_.eventually.resize(scenario_.eventually.size());
}

LiveWatch::~LiveWatch() { stop(); }

void LiveWatch::begin(os::Nanos now) {
  began_ = now;
  if (!wanted(scenario_).empty() || waits(scenario_)) thread_ = std::thread([this] { run(); });
}

void LiveWatch::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
  findings_.ended_s = seconds(gate_.time().now - began_);
}

void LiveWatch::run() {
  std::unique_lock lock(mutex_);
  while (!ending_ && failure_.empty()) {
    lock.unlock();
    std::string wrong;
    try {
      // While the gate is shut nothing can be told: everything stands still.
      if (const auto time = gate_.time(); !time.shut) look(time.now);
    } catch (const std::exception& e) {
      wrong = e.what();
    }
    lock.lock();
    failure_ = wrong;
    changed_.wait_for(lock, kBetweenLooks, [&] { return ending_; });
  }
}

void LiveWatch::look(os::Nanos now) {
  const auto figures = figures_.look(now);
  on_look_(figures);
  const auto lookup = [&](std::string_view name) -> std::optional<double> {
    const auto found = figures.find(std::string(name));
    return found == figures.end() ? std::nullopt : std::optional(found->second);
  };
  for (const auto& [name, value] : figures) findings_.last[name] = value;
  // Looking takes its time: the figures are of after `begun`, and known at `elapsed`.
  const os::Nanos begun = now - began_;
  const os::Nanos elapsed = gate_.time().now - began_;
  for (size_t i = 0; i < scenario_.always.size(); ++i) {
    const auto& condition = scenario_.always[i];
    LiveFinding& finding = findings_.always[i];
    if (!condition.live || finding.at_s || !lookup(condition.metric)) continue;
    const auto outcome = scenario::evaluate(condition, lookup);
    ++finding.looks;
    finding.actual = outcome.actual;
    if (!outcome.passed) finding.at_s = seconds(elapsed);
  }
  for (size_t i = 0; i < scenario_.eventually.size(); ++i) {
    const auto& e = scenario_.eventually[i];
    LiveFinding& finding = findings_.eventually[i];
    const bool due = begun >= e.after.count() && begun <= (e.after + e.within).count();
    if (finding.at_s || !due || !lookup(e.condition.metric)) continue;
    const auto outcome = scenario::evaluate(e.condition, lookup);
    ++finding.looks;
    finding.actual = outcome.actual;
    if (outcome.passed) finding.at_s = seconds(elapsed);
  }
}

const LiveFindings& LiveWatch::finish() {
  stop();
  if (!failure_.empty()) throw std::runtime_error("conditions cannot be watched: " + failure_);
  return findings_;
}

}  // namespace mirrorlab::cli
