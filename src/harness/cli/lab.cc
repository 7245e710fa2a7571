#include "harness/cli/lab.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "harness/cli/box_state.h"
#include "harness/cli/engines.h"
#include "harness/cli/last_packets.h"
#include "harness/cli/services.h"
#include "harness/cli/traffic_launch.h"
#include "harness/net/netlink.h"
#include "os/clock.h"

namespace mirrorlab::cli {

namespace {
using scenario::EngineKind;
using scenario::Role;

// Nothing came in at the test host for so long: another pair of engines has nothing left to send.
constexpr os::Nanos kQuiet = 500 * os::kNanosPerMilli;

nlohmann::json read_json(const std::string& path) {
  std::ifstream in(path);
  return in ? nlohmann::json::parse(in, nullptr, false) : nlohmann::json();
}

// A client prints its figures as the last line; warnings may stand before it.
nlohmann::json read_figures(const std::string& log) {
  std::ifstream in(log);
  std::string last;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with('{')) last = line;
  }
  return nlohmann::json::parse(last, nullptr, false);
}
}  // namespace

Lab::Lab(const scenario::Scenario& scenario, const std::string& out, const std::string& programs,
         const std::atomic<bool>& interrupted)
    : scenario_(scenario),
      plan_(scenario),
      context_{scenario, plan_, std::filesystem::absolute(out).string(), programs},
      interrupted_(interrupted) {
  // What an earlier run left here must not be taken for this one's.
  for (const auto& e : scenario.engines) {
    for (int run = 1; std::filesystem::remove(counters_file(context_, e.id, run)) ||
                      std::filesystem::remove(session_log_file(context_, e.id, run));
         ++run) {
    }
  }
  std::filesystem::create_directories(context_.out + "/logs");
}

void Lab::build() { topology_ = std::make_unique<Topology>(scenario_, plan_); }

Program& Lab::program(const std::string& name) {
  const auto found =
      std::ranges::find_if(programs_, [&](const auto& p) { return p->spec().name == name; });
  if (found == programs_.end()) throw std::runtime_error("no program " + name);
  return **found;
}

void Lab::add_program(Program::Spec spec) {
  const auto& space = topology_->space(spec.node);
  programs_.push_back(std::make_unique<Program>(std::move(spec), space, context_.out + "/logs"));
}

void Lab::run_command(const std::string& command, const std::string& node) {
  constexpr int kLongestMs = 10'000;
  const auto words = command_line(command, {}, placeholder_values(context_, node));
  process::Child child({"timeline-command", words, topology_->space(node).fd(),
                        context_.out + "/logs/timeline-command.log"});
  if (const int code = child.wait(kLongestMs); code != 0) {
    throw std::runtime_error(code < 0 ? "does not end: " + child.describe()
                                      : "failed: " + child.describe());
  }
}

void Lab::start_services() {
  for (const auto& n : scenario_.nodes) {
    for (const auto& service : n.run) {
      add_program(service_program(context_, n, service));
      programs_.back()->start();
    }
  }
}

std::vector<const scenario::Engine*> Lab::engines(EngineKind kind) const {
  std::vector<const scenario::Engine*> all;
  for (const auto& e : scenario_.engines) {
    if (e.kind == kind) all.push_back(&e);
  }
  return all;
}

void Lab::start_engines() {
  for (const auto kind : {EngineKind::intercept, EngineKind::copy}) {
    for (const auto* e : engines(kind)) {
      add_program(engine_program(context_, *e));
      if (e->start) {
        programs_.back()->begin_away();
      } else {
        programs_.back()->start();
      }
    }
  }
}

void Lab::start_taps() {
  const std::string& online = scenario_.node_of(Role::online)->name;
  const std::string& test = scenario_.node_of(Role::test)->name;
  const std::string& clients = scenario_.node_of(Role::clients)->name;
  const auto tap = [&](const std::string& node, const std::string& device, uint32_t keep) {
    std::unique_ptr<verify::Tap> made;
    topology_->space(node).run([&] { made = std::make_unique<verify::Tap>(device, keep); });
    return made;
  };
  for (const auto& n : scenario_.nodes) {
    if (n.role != Role::clients) continue;
    client_taps_.push_back(tap(n.name, plan_.device_toward(n.name, online), verify::Tap::kHeaders));
  }
  tap_online_ = tap(online, plan_.device_toward(online, clients), verify::Tap::kWhole);
  tap_egress_ = tap(online, "", verify::Tap::kHeaders);
  tap_test_ = tap(test, plan_.device_toward(test, online), verify::Tap::kWhole);
  drops_before_ = box_drops();
}

void Lab::start_due_traffic(std::vector<Running>& all, os::Nanos elapsed) {
  for (Running& r : all) {
    if (r.child || r.done || r.traffic->start.count() > elapsed) continue;
    const std::string name = "traffic-" + r.traffic->id;
    r.child = std::make_unique<process::Child>(process::Child::Start{
        name, traffic_command(context_, *r.traffic), topology_->space(r.traffic->from).fd(),
        context_.out + "/logs/" + name + ".log"});
  }
}

void Lab::check_all_well() {
  if (interrupted_) throw std::runtime_error("interrupted");
  for (auto& p : programs_) {
    if (const auto end = p->unexpected_end(); !end.empty()) {
      throw std::runtime_error(p->spec().name + " " + end);
    }
  }
  if (const auto wrong = timeline_->failure(); !wrong.empty()) {
    throw std::runtime_error("timeline: " + wrong);
  }
}

nlohmann::json Lab::drive_traffic() {
  nlohmann::json figures = nlohmann::json::object();
  for (const auto& t : scenario_.traffic) traffic_.push_back({&t, nullptr});
  timeline_ = std::make_unique<Timeline>(
      scenario_, *topology_, [this](const std::string& name) -> Program& { return program(name); },
      [this](const std::string& command, const std::string& node) { run_command(command, node); });
  const auto began = os::steady_now();
  timeline_->begin(began);
  const auto all_done = [&] { return std::ranges::all_of(traffic_, &Running::done); };
  while (!all_done()) {
    const auto elapsed = os::steady_now() - began;
    start_due_traffic(traffic_, elapsed);
    check_all_well();
    const auto next = std::ranges::find_if(traffic_, [](const auto& r) { return !r.done; });
    // One child is waited for; the others' ends are seen on the next rounds.
    if (next->child == nullptr) {
      ::usleep(1000);  // until its start time
      continue;
    }
    for (Running& r : traffic_) {
      if (!r.child || r.done) continue;
      const int code = r.child->wait(&r == &*next ? 20 : 0);
      if (code < 0) continue;
      r.done = true;
      const std::string log = context_.out + "/logs/traffic-" + r.traffic->id + ".log";
      const std::string state = r.child->describe();
      r.child.reset();  // its output is whole now
      const auto own =
          r.traffic->kind == scenario::TrafficKind::command ? nlohmann::json() : read_figures(log);
      if (own.is_object()) {
        add_traffic_figures(figures, own);
      } else if (code != 0 || r.traffic->kind != scenario::TrafficKind::command) {
        throw std::runtime_error("traffic " + r.traffic->id + " failed: " + state);
      }
    }
    if (os::steady_now() - began > scenario_.timeout.count() && !all_done()) {
      throw std::runtime_error(fmt::format("the traffic did not end within the timeout of {}",
                                           scenario::to_text(scenario_.timeout)));
    }
  }
  timeline_->finish();
  return figures;
}

bool Lab::drained(const scenario::Engine& copy, os::Nanos deadline) {
  Program& engine = program(copy.id);
  const std::string file = counters_file(context_, copy.id, engine.runs());
  while (os::steady_now() < deadline && !interrupted_) {
    std::filesystem::remove(file);
    engine.signal(SIGUSR1);
    // The engine answers by writing the file; its end would be an answer too.
    while (!std::filesystem::exists(file)) {
      if (!engine.running() || os::steady_now() > deadline || interrupted_) return false;
      ::usleep(1000);
    }
    const auto figures = read_json(file);
    if (figures.is_object() && figures.value("drained", false)) return true;
    ::usleep(10'000);  // the next question; an engine that is asked all the time gets nothing done
  }
  return false;
}

bool Lab::quiet(os::Nanos deadline) {
  const std::string& test = scenario_.node_of(Role::test)->name;
  const std::string device = plan_.device_toward(test, scenario_.node_of(Role::online)->name);
  uint64_t last = 0;
  auto since = os::steady_now();
  while (os::steady_now() < deadline && !interrupted_) {
    uint64_t now = 0;
    topology_->space(test).run([&] { now = net::received_packets(device); });
    if (now != last) since = os::steady_now();
    last = now;
    if (os::steady_now() - since > kQuiet) return true;
    ::usleep(20'000);
  }
  return false;
}

bool Lab::drain() {
  const auto deadline = os::steady_now() + scenario_.drain.count();
  bool all = true;
  for (const auto* copy : engines(EngineKind::copy)) {
    if (!program(copy->id).running()) continue;  // ended by the timeline, for good
    all = (copy->command.empty() ? drained(*copy, deadline) : quiet(deadline)) && all;
  }
  return all;
}

void Lab::stop_taps() {
  if (taps_stopped_) return;
  taps_stopped_ = true;
  auto& e = evidence_;
  for (auto& tap : client_taps_) {
    const auto log = tap->stop();
    e.tap_drops += tap->drops() + log.left_out();
    for (const auto& packet : log.packets()) e.clients.add(packet);
  }
  for (const auto& [tap, into] :
       {std::pair{tap_online_.get(), &e.online}, std::pair{tap_egress_.get(), &e.egress},
        std::pair{tap_test_.get(), &e.test}}) {
    if (tap == nullptr) continue;
    *into = tap->stop();
    e.tap_drops += tap->drops();
  }
  verify::write_pcap(context_.out + "/online.pcap", e.online);
  verify::write_pcap(context_.out + "/test.pcap", e.test);
}

void Lab::name_services() {
  auto& e = evidence_;
  for (const auto* copy : engines(EngineKind::copy)) {
    for (const auto& m : copy->map) {
      e.online_service = plan_.endpoint(copy->on, m.online_port);
      e.test_service = plan_.endpoint(m.test_node, m.test_port);
    }
    for (const auto& option : copy->options) {
      if (option == "-W" || option == "--no-wait") e.waits_for_answers = false;
    }
  }
}

void Lab::collect_engines() {
  auto& e = evidence_;
  std::vector<nlohmann::json> runs;
  for (const auto* copy : engines(EngineKind::copy)) {
    const int count = program(copy->id).runs();
    for (auto& figures : read_counters(context_, copy->id, count)) runs.push_back(figures);
    for (int run = 1; run <= count; ++run) {
      std::ifstream log(session_log_file(context_, copy->id, run));
      for (std::string line; std::getline(log, line);) {
        // The last line of a killed engine may be cut.
        auto entry = nlohmann::json::parse(line, nullptr, false);
        if (entry.is_object()) e.session_log.push_back(std::move(entry));
      }
    }
  }
  e.copy = add_up(runs);
  e.intercept = intercept_counters();
  for (const auto& engine : scenario_.engines) {
    const char* role = engine.kind == EngineKind::copy ? "copy" : "intercept";
    for (const auto& [from, to] : program(engine.id).outages()) {
      e.outages.push_back({role, from, to});
    }
  }
}

void Lab::collect_recordings() {
  auto& e = evidence_;
  for (const auto& n : scenario_.nodes) {
    for (const auto& service : n.run) {
      const bool online = plan_.endpoint(n.name, service.port) == e.online_service;
      const bool test = plan_.endpoint(n.name, service.port) == e.test_service;
      if (!online && !test) continue;
      e.protocol = protocol_of(service);
      if (service.kind != scenario::ServiceKind::recorder) continue;
      const std::string name = n.name + "." + service.id;
      if (const auto wrong = program(name).finish(); !wrong.empty()) {
        throw std::runtime_error(name + " " + wrong);
      }
      verify::Recording all;
      const int runs = program(name).runs();
      for (int run = 1; run <= runs; ++run) {
        auto recording = verify::read_recording(recording_file(context_, name, run));
        // A run that the timeline killed may have left half a recording.
        if (!recording && run < runs) continue;
        if (!recording) throw std::runtime_error(recording.error());
        auto& part = recording->connections;
        all.connections.insert(all.connections.end(), part.begin(), part.end());
      }
      // Why only one run: what a killed service had not written cannot be held against anyone.
      if (runs == 1) (online ? e.online_recording : e.test_recording) = std::move(all);
    }
  }
}

void Lab::count_leftovers() {
  const auto& test = topology_->space(scenario_.node_of(Role::test)->name);
  const auto deadline = os::steady_now() + kQuiet;
  for (;;) {
    uint64_t open = 0;
    test.run([&] { open = open_connections(evidence_.test_service.port); });
    evidence_.test_connections_left = open;
    if (open == 0 || os::steady_now() > deadline) return;
    ::usleep(10'000);  // the last close is on its way
  }
}

verify::Evidence Lab::collect() {
  name_services();
  count_leftovers();
  for (const auto kind : {EngineKind::copy, EngineKind::intercept}) {
    for (const auto* engine : engines(kind)) {
      // Another program in the role may end as it likes.
      const auto wrong = program(engine->id).finish();
      if (!wrong.empty() && engine->command.empty()) {
        throw std::runtime_error(engine->id + " " + wrong);
      }
    }
  }
  stop_taps();
  collect_engines();
  collect_recordings();
  const auto drops = box_drops();
  evidence_.softnet_drops = drops.softnet - drops_before_.softnet;
  return std::move(evidence_);
}

nlohmann::json Lab::intercept_counters() {
  std::vector<nlohmann::json> runs;
  for (const auto* e : engines(EngineKind::intercept)) {
    for (auto& figures : read_counters(context_, e->id, program(e->id).runs())) {
      runs.push_back(figures);
    }
  }
  return add_up(runs);
}

std::map<std::string, nlohmann::json> Lab::engine_figures() {
  std::map<std::string, nlohmann::json> all;
  for (const auto& e : scenario_.engines) {
    all[e.id] = add_up(read_counters(context_, e.id, program(e.id).runs()));
  }
  return all;
}

std::vector<wirebox::Figures> Lab::link_figures() const {
  return topology_ ? topology_->figures() : std::vector<wirebox::Figures>{};
}

std::vector<std::string> Lab::missed_faults() const {
  return timeline_ ? timeline_->missed() : std::vector<std::string>{};
}

std::string Lab::describe() {
  std::string text;
  for (auto& p : programs_) text += p->describe() + "\n";
  for (auto& r : traffic_) {
    if (r.child && !r.done) text += r.child->describe() + "\n";
  }
  if (timeline_ && !scenario_.timeline.empty()) {
    text += "timeline so far:\n" + timeline_->history();
  }
  stop_taps();
  for (const auto& [where, packets] :
       {std::pair{"clients", &evidence_.clients},
        std::pair{"online host, toward the clients", &evidence_.online},
        std::pair{"test host", &evidence_.test}}) {
    text += last_packets(where, *packets);
  }
  return text;
}

}  // namespace mirrorlab::cli
