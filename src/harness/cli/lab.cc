#include "harness/cli/lab.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "harness/cli/collect.h"
#include "harness/cli/drain.h"
#include "harness/cli/engines.h"
#include "harness/cli/last_packets.h"
#include "harness/cli/services.h"
#include "harness/cli/traffic_launch.h"
#include "os/clock.h"

namespace mirrorlab::cli {

namespace {
using scenario::EngineKind;

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
         const Interruption& interruption)
    : scenario_(scenario),
      plan_(scenario),
      context_{scenario, plan_, std::filesystem::absolute(out).string(), programs},
      interruption_(interruption) {
  // What an earlier run left here must not be taken for this one's.
  for (const auto& e : scenario.engines) {
    for (int run = 1; std::filesystem::remove(counters_file(context_, e.id, run)) ||
                      std::filesystem::remove(session_log_file(context_, e.id, run));
         ++run) {
    }
  }
  for (const auto& t : scenario.traffic) std::filesystem::remove(progress_file(context_, t.id));
  std::filesystem::create_directories(context_.out + "/logs");
}

Lab::~Lab() {
  // Before the timeline goes.
  if (sessions_) sessions_->forget_waits();
}

void Lab::build(const FaultList* replay) {
  const auto sees = [](const scenario::Fault& f) { return f.wait && f.wait->sighting; };
  if (std::ranges::any_of(scenario_.timeline, sees)) {
    sessions_ = std::make_unique<SessionWatch>(context_);
  }
  topology_ = std::make_unique<Topology>(scenario_, plan_);
  if (sessions_) {
    topology_->gate().watch([this](const wirebox::Arrival& a) {
      see(a);
      return false;
    });
  }
  if (replay != nullptr) topology_->replay(*replay);
  wait_ = std::make_unique<LabWait>(topology_->gate(), interruption_);
  play_ = std::make_unique<Play>(context_, *topology_, find_program());
}

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

void Lab::start_services() {
  for (const auto& n : scenario_.nodes) {
    for (const auto& service : n.run) {
      add_program(service_program(context_, n, service));
      programs_.back()->start();
    }
  }
}

void Lab::start_engines() {
  for (const auto kind : {EngineKind::intercept, EngineKind::copy}) {
    for (const auto* e : scenario_.engines_of(kind)) {
      add_program(engine_program(context_, *e));
      if (e->start) {
        programs_.back()->begin_away();
      } else {
        programs_.back()->start();
      }
    }
  }
}

std::map<std::string, int> Lab::spaces() const {
  std::map<std::string, int> all;
  for (const auto& n : scenario_.nodes) {
    all[n.name] = topology_->space(n.name).fd();
    size_t number = 0;
    for (const auto* client : topology_->client_spaces(n.name)) {
      all[fmt::format("{}.{}", n.name, ++number)] = client->fd();
    }
  }
  return all;
}

void Lab::check_all_well() {
  if (wait_->interrupted()) throw std::runtime_error("interrupted");
  for (auto& p : programs_) {
    if (const auto end = p->unexpected_end(); !end.empty()) {
      throw std::runtime_error(p->spec().name + " " + end);
    }
  }
  if (const auto wrong = play_->timeline().failure(); !wrong.empty()) {
    throw std::runtime_error("timeline: " + wrong);
  }
}

// What a scenario says happens is carried out, though the traffic be over before it: on a fast box
// it is over sooner. Mirrored sessions may still be under way.
void Lab::finish_timeline(os::Nanos until) {
  auto& timeline = play_->timeline();
  timeline.traffic_is_over();
  while (!timeline.idle()) {
    WaitSet set;
    set.add(timeline.fd());
    wait_->until(until + 1, std::move(set));
    (void)timeline.take_news();
    check_all_well();
    if (wait_->now() <= until || timeline.idle()) continue;
    throw std::runtime_error(fmt::format("the timeline did not end within the timeout of {}: {}",
                                         scenario::to_text(scenario_.timeout), timeline.next()));
  }
  check_all_well();
}

void Lab::take_figures(Play::Run& ended, nlohmann::json& figures) {
  const bool command = ended.traffic->kind == scenario::TrafficKind::command;
  const std::string state = ended.child->describe();
  ended.child.reset();  // its output is whole now
  const auto own = command ? nlohmann::json() : read_figures(play_->log_of(ended));
  if (own.is_object()) {
    add_traffic_figures(figures, own);
  } else if (ended.code != 0 || !command) {
    throw std::runtime_error("traffic " + ended.name() + " failed: " + state);
  }
}

void Lab::watch_sessions() {
  if (!sessions_) return;
  sessions_->forget_waits();
  for (const auto& fault : scenario_.timeline) {
    if (!fault.wait || !fault.wait->sighting) continue;
    sessions_->wait_for(*fault.wait->sighting, [this, &fault] { play_->timeline().seen(fault); });
  }
}

void Lab::begin_play() {
  watch_.reset();
  watch_sessions();
  const auto began = wait_->now();
  watch_ = std::make_unique<LiveWatch>(context_, *topology_, find_program(),
                                       [this](const auto& now) { play_->timeline().look(now); });
  play_->begin(began);
  watch_->begin(began);
}

nlohmann::json Lab::drive_traffic() {
  nlohmann::json figures = nlohmann::json::object();
  const auto end = wait_->now() + scenario_.timeout.count();
  begin_play();
  for (;;) {
    for (Play::Run* ended : play_->turn(wait_->now())) take_figures(*ended, figures);
    check_all_well();
    if (play_->over()) break;
    if (wait_->now() > end) {
      throw std::runtime_error(fmt::format("the traffic did not end within the timeout of {}",
                                           scenario::to_text(scenario_.timeout)));
    }
    WaitSet set;
    play_->watch(set);
    for (const auto& p : programs_) set.add(p->watch_end());
    wait_->until(std::min(play_->next_start(), end + 1), std::move(set));
    (void)play_->timeline().take_news();
  }
  finish_timeline(end);
  return figures;
}

void Lab::start_taps() {
  taps_ = std::make_unique<Taps>(context_, *topology_);
  hop_counts_ = std::make_unique<HopCounts>(context_, *topology_);
  box_before_ = box_drops();
}

bool Lab::drain() {
  watch_->leave_engines();
  evidence_.drained = Drain(context_, *topology_, find_program(), *wait_).wait();
  return evidence_.drained;
}

const verify::Evidence& Lab::collect() {
  name_services(context_, evidence_);
  count_leftovers(context_, *topology_, find_program(), *wait_, evidence_);
  // What happens from here on is nobody's business any more; what was hit before still is.
  topology_->gate().watch({});
  wait_->until(wait_->now());
  live_ = watch_->finish();
  for (const auto kind : {EngineKind::copy, EngineKind::intercept}) {
    for (const auto* engine : scenario_.engines_of(kind)) {
      hop_counts_->engine_ends(*engine, program(engine->id));
      // Another program in the role may end as it likes.
      const auto wrong = program(engine->id).finish();
      if (!wrong.empty() && engine->command.empty()) {
        throw std::runtime_error(engine->id + " " + wrong);
      }
    }
  }
  hop_counts_->take_links();
  taps_->stop(evidence_, context_.out);
  hop_counts_->take_kernels();
  hop_counts_->take_engines(find_program());
  evidence_.hops = hop_counts_->hops();
  evidence_.softnet_drops = box_drops().softnet - box_before_.softnet;
  collect_engines(context_, find_program(), evidence_);
  collect_recordings(context_, find_program(), evidence_);
  return evidence_;
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

std::vector<std::string> Lab::late_faults() const {
  return play_ ? play_->timeline().late() : std::vector<std::string>{};
}

process::Child::Usage Lab::usage(scenario::EngineKind kind) {
  process::Child::Usage all;
  for (const auto* e : scenario_.engines_of(kind)) all += program(e->id).usage();
  return all;
}

std::vector<std::string> Lab::vain_waits() const {
  return play_ ? play_->timeline().in_vain() : std::vector<std::string>{};
}

std::string Lab::describe_processes() {
  std::string text;
  for (auto& p : programs_) text += p->describe() + "\n";
  if (play_) text += play_->describe();
  return text;
}

std::string Lab::describe() {
  std::string text = describe_processes();
  if (play_ && !scenario_.timeline.empty()) {
    text += "timeline so far:\n" + play_->timeline().history();
  }
  if (taps_) taps_->stop(evidence_, context_.out);
  for (const auto& [where, packets] :
       {std::pair{"clients", &evidence_.clients},
        std::pair{"online host, toward the clients", &evidence_.online},
        std::pair{"test host", &evidence_.test}}) {
    text += last_packets(where, *packets);
  }
  return text;
}

}  // namespace mirrorlab::cli
