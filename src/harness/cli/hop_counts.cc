#include "harness/cli/hop_counts.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <set>

#include "harness/cli/engines.h"
#include "harness/net/queue_drops.h"

namespace mirrorlab::cli {

namespace {
using scenario::EngineKind;
using scenario::Role;

constexpr os::Nanos kLongestQueue = 2 * os::kNanosPerSecond;

// The longest that a packet may be under way on a link: its own impairments, or the timeline's.
os::Nanos longest_delay(const scenario::Scenario& s, const scenario::Link& link) {
  os::Nanos delay = 0;
  os::Nanos jitter = 0;
  os::Nanos queue = 0;
  const auto look_at = [&](const scenario::Impairments& i) {
    if (i.delay) delay = std::max<os::Nanos>(delay, i.delay->count());
    if (i.jitter) jitter = std::max<os::Nanos>(jitter, i.jitter->count());
    if (i.rate) queue = kLongestQueue;
  };
  look_at(link.a_to_b);
  look_at(link.b_to_a);
  for (const auto& fault : s.timeline) {
    look_at(fault.there);
    look_at(fault.back);
  }
  return delay + jitter + queue;
}

verify::StageCount count_of(const wirebox::Figures& f, wirebox::Direction direction) {
  const auto i = static_cast<size_t>(direction);
  const auto& c = f.counters[i];
  verify::StageCount count;
  count.link = f.name;
  for (size_t cause = 0; cause < wirebox::kCauses; ++cause) {
    count.dropped[wirebox::to_string(static_cast<wirebox::Cause>(cause))] = c.dropped[cause];
  }
  for (const auto& drop : f.drops) {
    if (drop.direction == direction) {
      count.listed.push_back({drop.flow, wirebox::to_string(drop.cause)});
    }
  }
  count.duplicated = c.duplicated;
  count.corrupted = c.corrupted;
  count.cut = c.cut;
  count.lost_by_box = f.kernel[i].ring_drops + f.kernel[i].truncated + f.kernel[i].send_errors;
  return count;
}
}  // namespace

HopCounts::HopCounts(const LabContext& lab, const Topology& topology)
    : lab_(lab), topology_(topology) {
  for (const auto& n : lab.scenario.nodes) {
    topology.space(n.name).run([&] {
      kernels_before_[n.name] = read_drop_counters();
      queues_before_[n.name] = net::read_queue_drops();
    });
  }
}

void HopCounts::engine_ends(const scenario::Engine& engine, Program& program) {
  endings_[engine.id] = {os::wall_now(), program.running()};
  if (engine.kind == EngineKind::intercept) take_queue(engine);
}

void HopCounts::take_queue(const scenario::Engine& intercept) {
  const auto same_host = [&](const scenario::Engine& e) {
    return e.kind == EngineKind::intercept && e.on == intercept.on;
  };
  // Why: which queue is whose is not known then.
  if (std::ranges::count_if(lab_.scenario.engines, same_host) != 1) return;
  ReplyQueues q;
  topology_.space(intercept.on).run([&] { q = read_reply_queues(); });
  if (q.queues == 0) return;  // it takes replies in another way
  hops_.queues.push_back(
      {intercept.id, q.entered, q.dropped_full, q.dropped_user, q.waiting, os::wall_now()});
}

void HopCounts::take_links() { links_ = topology_.figures(); }

DeviceDrops HopCounts::device(const Plan::End& end) const {
  const auto& all = devices_.at(end.node);
  const auto found = all.find(end.device);
  return found == all.end() ? DeviceDrops{} : found->second;
}

void HopCounts::take_kernels() {
  for (const auto& n : lab_.scenario.nodes) {
    DropCounters now;
    std::map<std::string, uint64_t> queues;
    topology_.space(n.name).run([&] {
      now = read_drop_counters();
      queues = net::read_queue_drops();
      devices_[n.name] = read_device_drops();
    });
    const auto& before = kernels_before_.at(n.name);
    for (const auto& [counter, value] : now) {
      const auto was = before.find(counter);
      hops_.kernel_drops.push_back({n.name, scenario::to_string(n.role), counter,
                                    value - (was == before.end() ? 0 : was->second),
                                    is_outgoing(counter), verify::DropPlace::kernel});
    }
    add_devices(n.name, scenario::to_string(n.role));
    add_queues(n, queues);
  }
  topology_.in_wirebox([&] { devices_[""] = read_device_drops(); });
  add_devices("", "link stages");
  for (const auto& [from, to] : {std::pair{Role::clients, Role::online},
                                 {Role::online, Role::clients},
                                 {Role::online, Role::test},
                                 {Role::test, Role::online},
                                 {Role::test, Role::assistant},
                                 {Role::online, Role::assistant},
                                 {Role::assistant, Role::online}}) {
    take_way(from, to);
  }
}

void HopCounts::add_devices(const std::string& node, const std::string& role) {
  const std::string& name = node.empty() ? role : node;
  for (const auto& [device, drops] : devices_[node]) {
    constexpr auto kDevice = verify::DropPlace::device;
    hops_.kernel_drops.push_back(
        {name, role, device + " receiving", drops.receiving, false, kDevice});
    hops_.kernel_drops.push_back({name, role, device + " sending", drops.sending, true, kDevice});
  }
}

void HopCounts::add_queues(const scenario::Node& node,
                           const std::map<std::string, uint64_t>& drops) {
  for (const auto& [device, packets] : drops) {
    const uint64_t before = queues_before_[node.name][device];
    // Less than before: it is another queue.
    hops_.kernel_drops.push_back({node.name, scenario::to_string(node.role), "queue of " + device,
                                  packets < before ? packets : packets - before, true,
                                  verify::DropPlace::queue});
  }
}

// From one host to the next there may be bridges; the fewest links between the two.
void HopCounts::add_steps(const std::string& from, const std::string& to, Steps& steps) const {
  const auto& links = lab_.plan.links();
  struct Reached {
    std::string node;
    std::vector<Step> by;
  };
  std::deque<Reached> open{{from, {}}};
  std::set<std::string> seen{from};
  while (!open.empty()) {
    const Reached at = open.front();
    open.pop_front();
    for (size_t i = 0; i < links.size(); ++i) {
      const bool forward = links[i].a.node == at.node;
      if (!forward && links[i].b.node != at.node) continue;
      const std::string& next = forward ? links[i].b.node : links[i].a.node;
      auto by = at.by;
      by.emplace_back(i, forward);
      if (next == to) return steps.insert(by.begin(), by.end());
      const bool passes = lab_.scenario.node(next)->role == Role::bridge;
      if (passes && seen.insert(next).second) open.push_back({next, std::move(by)});
    }
  }
}

void HopCounts::take_way(Role from, Role to) {
  const auto& links = lab_.plan.links();
  Steps steps;
  for (const auto* a : lab_.scenario.nodes_of(from)) {
    for (const auto* b : lab_.scenario.nodes_of(to)) {
      std::string at = a->name;
      for (size_t hops = 0; at != b->name && hops < lab_.scenario.nodes.size(); ++hops) {
        const std::string next = lab_.plan.host_toward(at, b->name);
        if (next.empty()) break;
        add_steps(at, next, steps);
        at = next;
      }
    }
  }
  if (steps.empty()) return;
  verify::Way way;
  const auto takes_whole = [&](const auto& step) { return links[step.first].link->offloads; };
  way.recuts = steps.size() > 1 && std::ranges::any_of(steps, takes_whole);
  way.from = scenario::to_string(from);
  way.to = scenario::to_string(to);
  for (const auto& [index, forward] : steps) {
    const auto& l = links[index];
    const auto& near = forward ? l.a : l.b;
    const auto& far = forward ? l.b : l.a;
    way.device_drops += device(near).sending + device(far).receiving;
    way.offloads = way.offloads || l.link->offloads;
    way.delay_ns += longest_delay(lab_.scenario, *l.link);
    const auto stage =
        std::ranges::find(links_, l.a.node + "-" + l.b.node, &wirebox::Figures::name);
    if (!l.link->impaired || stage == links_.end()) continue;
    way.stages.push_back(
        count_of(*stage, forward ? wirebox::Direction::a_to_b : wirebox::Direction::b_to_a));
    const auto& inner = devices_.at("");
    for (const char side : {'a', 'b'}) {
      const auto device = inner.find(fmt::format("w{}{}", index, side));
      if (device == inner.end()) continue;
      const bool arrives = (side == 'a') == forward;
      way.device_drops += arrives ? device->second.receiving : device->second.sending;
    }
  }
  hops_.ways.push_back(std::move(way));
}

void HopCounts::take_engines(const FindProgram& find) {
  for (const auto& e : lab_.scenario.engines) {
    verify::EngineSays says;
    says.id = e.id;
    says.role = e.kind == EngineKind::copy ? "copy" : "intercept";
    says.node = e.on;
    says.on = scenario::to_string(lab_.scenario.node(e.on)->role);
    const int runs = find(e.id).runs();
    says.figures = add_up(read_counters(lab_, e.id, runs));
    for (const auto& m : e.map) {
      says.services.push_back(lab_.plan.endpoint(e.on, m.online_port));
    }
    if (e.kind == EngineKind::intercept) says.serves = lab_.plan.endpoint(e.on, e.port);
    const Ending ending = endings_[e.id];
    says.ending_ns = ending.time;
    if (runs != 1 || e.start || !ending.ran) {
      says.not_whole = e.id + " did not run all the time";
    } else if (!says.figures.is_object()) {
      says.not_whole = e.id + " wrote no figures";
    }
    hops_.engines.push_back(std::move(says));
  }
}

}  // namespace mirrorlab::cli
