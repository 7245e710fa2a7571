#include "harness/cli/explain.h"

#include <fmt/format.h>

#include <vector>

#include "harness/cli/plan.h"

namespace mirrorlab::cli {

using scenario::to_text;

namespace {
using scenario::FaultAction;
using scenario::Role;

std::string percent(double share) { return fmt::format("{:.4g}%", share * 100); }

std::string bits(uint64_t rate) {
  if (rate >= 1'000'000'000) return fmt::format("{:.4g}Gbit", static_cast<double>(rate) / 1e9);
  if (rate >= 1'000'000) return fmt::format("{:.4g}Mbit", static_cast<double>(rate) / 1e6);
  return fmt::format("{:.4g}kbit", static_cast<double>(rate) / 1e3);
}

// "  name      words": the same columns as a run's progress.
std::string line(std::string_view name, std::string_view words) {
  return fmt::format("  {:<11} {}\n", name, words);
}

std::string service_words(const scenario::Service& s) {
  std::string text = fmt::format("{} `{}` on port {}", to_string(s.kind), s.id, s.port);
  if (!s.command.empty()) text += ": " + s.command;
  if (s.recorder.mode == "replay") text += ": answers of " + s.recorder.replay.file;
  return text;
}

std::string node_words(const scenario::Node& n, const Plan& plan) {
  std::string text =
      n.role == Role::clients
          ? fmt::format("{} client{}, the first {}", n.count, n.count == 1 ? "" : "s",
                        plan.address(n.name).to_string())
          : fmt::format("{}, {}", to_string(n.role), plan.address(n.name).to_string());
  if (n.role == Role::bridge) text = "bridge";
  if (n.spaces) text += ", each a host behind the gateway " + plan.gateway(n.name);
  if (!n.assistant.empty()) text += ", replies to clients go to " + n.assistant;
  for (const auto& service : n.run) text += "; " + service_words(service);
  return text;
}

std::string end_words(const Plan::End& end) { return end.address.empty() ? "port" : end.address; }

std::string link_words(const Plan::LinkPlan& l) {
  const auto& link = *l.link;
  std::string text = fmt::format("{} - {}: {} - {}, MTU {}", link.a, link.b, end_words(l.a),
                                 end_words(l.b), link.mtu);
  if (link.offloads) text += ", offloads on";
  if (!link.impaired) return text;
  if (link.a_to_b == link.b_to_a)
    return text + "; through the link stage: " + describe(link.a_to_b);
  return text + fmt::format("; through the link stage: there {}, back {}", describe(link.a_to_b),
                            describe(link.b_to_a));
}

std::string engine_words(const scenario::Engine& e) {
  std::string text = fmt::format("{} on {}", to_string(e.kind), e.on);
  for (const auto& m : e.map) {
    text += fmt::format(", {} -> {}:{}", m.online_port, m.test_node, m.test_port);
  }
  for (const auto& peer : e.peers) text += ", headers from " + peer;
  if (!e.via.empty()) text += ", via " + e.via;
  if (!e.command.empty()) text += ", played by: " + e.command;
  for (const auto& option : e.options) text += " " + option;
  if (e.start_by_timeline) {
    text += ", starts when the timeline says";
  } else if (e.start) {
    text += ", starts " + to_text(*e.start) + " after the traffic";
  }
  return text;
}

std::string speed_words(double speed) {
  return speed > 0 ? fmt::format("{:.4g} times as fast as captured", speed) : "without pauses";
}

std::string traffic_words(const scenario::Traffic& t) {
  std::string text = fmt::format("from {} to {}:{}", t.from, t.to_node, t.to_port);
  if (t.start.count() > 0) text += ", starts at " + to_text(t.start);
  switch (t.kind) {
    case scenario::TrafficKind::http:
      return text + fmt::format(", http, {} connection(s){} of {} request(s), {}", t.connections,
                                t.per_client ? " per client" : "", t.requests,
                                t.keep_alive ? "kept alive" : "one connection each");
    case scenario::TrafficKind::redis:
      return text + fmt::format(", redis, {} connection(s){} of {} command(s), {} of them SET",
                                t.connections, t.per_client ? " per client" : "", t.requests,
                                percent(t.sets));
    case scenario::TrafficKind::raw:
      return text + fmt::format(", raw, {} connection(s){} of {}..{} B in chunks of {}..{} B",
                                t.connections, t.per_client ? " per client" : "", t.bytes.low,
                                t.bytes.high, t.chunk.low, t.chunk.high);
    case scenario::TrafficKind::script:
      return text + fmt::format(", {} connection(s){} of {} scripted steps", t.connections,
                                t.per_client ? " per client" : "", t.steps.size());
    case scenario::TrafficKind::pcap:
      return text + fmt::format(", the clients of {}, {} time(s), {}", t.replay.file, t.repeat,
                                speed_words(t.replay.speed));
    case scenario::TrafficKind::command:
      return text + ", " + t.command;
  }
  return text;
}

std::string fault_words(const scenario::Fault& f) {
  if (f.action == FaultAction::buffers) {
    const std::string size =
        f.buffer_bytes == 0 ? "as the kernel has them" : fmt::format("{} B", f.buffer_bytes);
    return fmt::format("socket buffers of {}: {}{}", f.on, size,
                       f.lasting ? ", for " + to_text(*f.lasting) : "");
  }
  if (f.action == FaultAction::run) return fmt::format("run on {}: {}", f.on, f.command);
  if (f.action == FaultAction::link) {
    std::string text = fmt::format("link {} - {}: ", f.link_a, f.link_b);
    if (f.there == f.back) {
      text += describe(f.there);
    } else {
      text += fmt::format("there {}; back {}", f.there.any() ? describe(f.there) : "as before",
                          f.back.any() ? describe(f.back) : "as before");
    }
    return f.lasting ? text + fmt::format(", for {}", to_text(*f.lasting)) : text;
  }
  std::string text = fmt::format("{} {}", to_string(f.action), f.target);
  if (f.restart_after) text += ", started again after " + to_text(*f.restart_after);
  if (f.lasting) text += ", for " + to_text(*f.lasting);
  return text;
}

std::string time_words(const scenario::Fault& f) {
  return f.wait && f.when.count() == 0 ? "when" : to_text(f.when);
}

// "`session 17 established`, at most 5s later: "
std::string wait_words(const scenario::Fault& f) {
  if (!f.wait) return {};
  return fmt::format("`{}`, within {}: ", f.wait->text, to_text(f.wait->within));
}

std::string control_words(const scenario::ControlRun& c) {
  return fmt::format("the same without engines first{}{}",
                     c.runs > 1 ? fmt::format(", {} times", c.runs) : "",
                     c.timeline ? "" : ", without the timeline");
}
}  // namespace

std::string describe(const scenario::Impairments& i) {
  std::vector<std::string> parts;
  if (i.down) parts.push_back(*i.down ? "down" : "up");
  if (i.delay) parts.push_back("delay " + to_text(*i.delay));
  if (i.jitter) parts.push_back("jitter " + to_text(*i.jitter));
  if (i.rate) parts.push_back("rate " + bits(*i.rate));
  if (i.queue) parts.push_back(fmt::format("queue {} B", *i.queue));
  if (i.loss) parts.push_back("loss " + percent(*i.loss));
  if (i.burst) parts.push_back(fmt::format("in bursts of {:.4g}", *i.burst));
  if (i.reorder) parts.push_back("reorder " + percent(*i.reorder));
  if (i.duplicate) parts.push_back("duplicate " + percent(*i.duplicate));
  if (i.corrupt) parts.push_back("corrupt " + percent(*i.corrupt));
  if (i.mtu) parts.push_back(fmt::format("MTU {}", *i.mtu));
  std::string text;
  for (const auto& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text.empty() ? "clean" : text;
}

std::string explain(const scenario::Scenario& s) {
  const Plan plan(s);
  std::string text = s.name + (s.variant.empty() ? "" : " [" + s.variant + "]") + "\n";
  if (!s.about.empty()) text += "  " + s.about + "\n";
  for (const auto& need : s.require) text += "  needs " + need + "\n";
  text += "nodes\n";
  for (const auto& n : s.nodes) text += line(n.name, node_words(n, plan));
  text += "links\n";
  for (const auto& l : plan.links()) text += "  " + link_words(l) + "\n";
  text += "engines\n";
  for (const auto& e : s.engines) text += line(e.id, engine_words(e));
  text += "traffic\n";
  for (const auto& t : s.traffic) text += line(t.id, traffic_words(t));
  if (s.control) text += line("control", control_words(*s.control));
  if (!s.timeline.empty()) text += "timeline\n";
  for (const auto& f : s.timeline) text += line(time_words(f), wait_words(f) + fault_words(f));
  text += "must hold\n";
  for (const auto& e : s.always) text += line("always", e.text);
  for (const auto& e : s.eventually) text += line("eventually", e.text);
  for (const auto& e : s.expect) text += line("at the end", e.text);
  return text + fmt::format("seed {}, traffic at most {}, drain at most {}\n", s.seed,
                            to_text(s.timeout), to_text(s.drain));
}

}  // namespace mirrorlab::cli
