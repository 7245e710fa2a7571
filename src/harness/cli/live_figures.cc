#include "harness/cli/live_figures.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "harness/cli/box_state.h"
#include "harness/cli/engine_question.h"
#include "harness/cli/judge.h"
#include "harness/cli/traffic_launch.h"
#include "harness/traffic/progress_file.h"

namespace mirrorlab::cli {

namespace {
using scenario::EngineKind;
using scenario::Role;

// An engine that is asked all the time gets nothing done.
constexpr os::Nanos kBetweenQuestions = 100 * os::kNanosPerMilli;
constexpr os::Nanos kAnswerTime = 100 * os::kNanosPerMilli;

// What is mirrored: an endpoint on each side.
std::vector<wire::Endpoint> mirrored(const LabContext& lab, Role role) {
  std::vector<wire::Endpoint> all;
  for (const auto* copy : lab.scenario.engines_of(EngineKind::copy)) {
    for (const auto& m : copy->map) {
      all.push_back(role == Role::online ? lab.plan.endpoint(copy->on, m.online_port)
                                         : lab.plan.endpoint(m.test_node, m.test_port));
    }
  }
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

double resident_bytes(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/statm");
  double total = 0, resident = 0;
  in >> total >> resident;
  return in ? resident * static_cast<double>(::sysconf(_SC_PAGESIZE)) : 0;
}
}  // namespace

LiveFigures::LiveFigures(const LabContext& lab, const Topology& topology, FindProgram find,
                         std::set<std::string> wanted)
    : lab_(lab), topology_(topology), find_(std::move(find)), wanted_(std::move(wanted)) {
  if (!wants("leaked_packets")) return;
  const auto services = mirrored(lab, Role::test);
  for (const auto& node : lab.scenario.nodes) {
    if (node.role != Role::clients && node.role != Role::online) continue;
    topology.space(node.name).run([&] { leaks_.push_back(std::make_unique<LeakWatch>(services)); });
  }
}

bool LiveFigures::wants_counters(const std::string& engine) const {
  return std::ranges::any_of(wanted_, [&](const std::string& name) {
    return name.starts_with(engine + ".") && name != engine + ".alive" &&
           name != engine + ".rss_bytes";
  });
}

uint64_t LiveFigures::connections(Role role) const {
  std::map<std::string, std::vector<uint16_t>> ports;
  for (const auto* copy : lab_.scenario.engines_of(EngineKind::copy)) {
    for (const auto& m : copy->map) {
      const bool online = role == Role::online;
      ports[online ? copy->on : m.test_node].push_back(online ? m.online_port : m.test_port);
    }
  }
  uint64_t open = 0;
  for (auto& entry : ports) {
    auto& all = entry.second;
    std::ranges::sort(all);
    all.erase(std::unique(all.begin(), all.end()), all.end());
    topology_.space(entry.first).run([&] {
      for (const uint16_t port : all) open += open_connections(port).open;
    });
  }
  return open;
}

void LiveFigures::look_at_program(const std::string& name, std::map<std::string, double>& figures) {
  if (!wants(name + ".alive") && !wants(name + ".rss_bytes")) return;
  const pid_t pid = find_(name).running_pid();
  figures[name + ".alive"] = pid > 0 ? 1 : 0;
  if (pid > 0) figures[name + ".rss_bytes"] = resident_bytes(pid);
}

void LiveFigures::ask_engine(const scenario::Engine& engine,
                             std::map<std::string, double>& figures) {
  // Halted, ended or busy, it is asked again at another look.
  const auto answer = cli::ask_engine(lab_, find_(engine.id), kAnswerTime);
  if (answer) add_engine_metrics(engine.id, *answer, figures);
}

// Of all built-in clients together; nothing before the first of them has begun.
void LiveFigures::look_at_traffic(std::map<std::string, double>& figures) const {
  for (const auto& t : lab_.scenario.traffic) {
    const auto done = traffic::read_progress(progress_file(lab_, t.id));
    if (!done) continue;
    figures["traffic.sessions"] += static_cast<double>(done->sessions);
    figures["traffic.requests"] += static_cast<double>(done->requests);
    figures["traffic.errors"] += static_cast<double>(done->errors);
  }
}

std::map<std::string, double> LiveFigures::look(os::Nanos now) {
  std::map<std::string, double> figures;
  if (wants("traffic.sessions") || wants("traffic.requests") || wants("traffic.errors")) {
    look_at_traffic(figures);
  }
  if (wants("leaked_packets")) {
    // The same packet may pass several hosts: the one that saw most of them counts.
    uint64_t leaked = 0;
    for (auto& watch : leaks_) leaked = std::max(leaked, watch->count());
    figures["leaked_packets"] = static_cast<double>(leaked);
  }
  if (wants("online.connections")) {
    figures["online.connections"] = static_cast<double>(connections(Role::online));
  }
  if (wants("test.connections")) {
    figures["test.connections"] = static_cast<double>(connections(Role::test));
  }
  for (const auto& engine : lab_.scenario.engines) look_at_program(engine.id, figures);
  for (const auto& node : lab_.scenario.nodes) {
    for (const auto& service : node.run) look_at_program(node.name + "." + service.id, figures);
  }
  const std::lock_guard lock(asking_);
  if (may_ask_ && now >= asked_at_ + kBetweenQuestions) {
    asked_at_ = now;
    counters_.clear();
    for (const auto& engine : lab_.scenario.engines) {
      if (engine.command.empty() && wants_counters(engine.id)) ask_engine(engine, counters_);
    }
    figures.insert(counters_.begin(), counters_.end());
  }
  return figures;
}

void LiveFigures::leave_engines() {
  const std::lock_guard lock(asking_);
  may_ask_ = false;
}

}  // namespace mirrorlab::cli
