#include "harness/cli/play.h"

#include <algorithm>
#include <stdexcept>

#include "harness/cli/traffic_launch.h"

namespace mirrorlab::cli {

namespace {
constexpr int kEndMs = 5000;
}

Play::Play(const LabContext& lab, Topology& topology, const FindProgram& find)
    : lab_(lab),
      topology_(topology),
      find_(find),
      timeline_(lab.scenario, topology, find,
                [this](const std::string& command, const std::string& node) {
                  run_command(command, node);
                }) {
  for (const auto& t : lab.scenario.traffic) {
    const bool on_each = t.kind == scenario::TrafficKind::command;
    const size_t clients = on_each ? topology.client_spaces(t.from).size() : 0;
    if (clients == 0) runs_.push_back({&t, 0, nullptr});
    for (uint32_t i = 1; i <= clients; ++i) runs_.push_back({&t, i, nullptr});
  }
}

void Play::run_command(const std::string& command, const std::string& node) const {
  constexpr int kLongestMs = 10'000;
  const auto words = command_line(command, {}, placeholder_values(lab_, node));
  process::Child child({"timeline-command", words, topology_.space(node).fd(),
                        lab_.out + "/logs/timeline-command.log"});
  if (const int code = child.wait(kLongestMs); code != 0) {
    throw std::runtime_error(code < 0 ? "does not end: " + child.describe()
                                      : "failed: " + child.describe());
  }
}

std::string Play::log_of(const Run& run) const {
  return lab_.out + "/logs/traffic-" + run.name() + ".log";
}

void Play::begin(os::Nanos now) {
  if (began_) {
    // Those that start late are away again.
    for (const auto& e : lab_.scenario.engines) {
      if (e.start) find_(e.id).terminate();
    }
  }
  began_ = true;
  for (Run& r : runs_) {
    if (r.running()) continue;
    r.child.reset();
    r.code = -1;
    r.due = now + r.traffic->start.count();
  }
  timeline_.begin(now);
}

void Play::start(Run& r) {
  r.due = os::kNever;
  r.code = -1;
  r.child.reset();  // the log is the new one's
  r.began = os::steady_now();
  // The built-in clients go on from there to each client's own namespace.
  const auto own = topology_.client_spaces(r.traffic->from);
  const auto& space =
      own.empty() ? topology_.space(r.traffic->from) : *own[r.client == 0 ? 0 : r.client - 1];
  r.child = std::make_unique<process::Child>(process::Child::Start{
      "traffic-" + r.name(), traffic_command(lab_, topology_, *r.traffic), space.fd(), log_of(r)});
}

void Play::stop(Run& r) {
  r.due = os::kNever;
  if (r.running()) r.child->stop(kEndMs);
}

std::vector<Play::Run*> Play::turn(os::Nanos now) {
  std::vector<Run*> ended;
  for (Run& r : runs_) {
    if (r.due <= now) start(r);
    if (!r.running()) continue;
    r.code = r.child->wait(0);
    if (r.code < 0) continue;
    r.took = os::steady_now() - r.began;
    ended.push_back(&r);
  }
  return ended;
}

os::Nanos Play::next_start() const {
  os::Nanos next = os::kNever;
  for (const Run& r : runs_) next = std::min(next, r.due);
  return next;
}

bool Play::over() const {
  return std::ranges::none_of(runs_,
                              [](const Run& r) { return r.running() || r.due != os::kNever; });
}

void Play::watch(WaitSet& set) const {
  set.add(timeline_.fd());
  for (const Run& r : runs_) {
    if (r.running()) set.add(r.child->end_fd());
  }
}

void Play::freeze(bool stop) {
  for (Run& r : runs_) {
    if (!r.running()) continue;
    if (stop) {
      r.child->halt(true);
    } else {
      r.child->signal_group(SIGCONT);
    }
  }
}

std::string Play::describe() {
  std::string text;
  for (Run& r : runs_) {
    if (r.running()) text += r.child->describe() + "\n";
  }
  return text;
}

}  // namespace mirrorlab::cli
