// The parts of a scenario file, each read from its place in the document. Internal to the reader:
// they throw ReadError.
#pragma once

#include "harness/scenario/model.h"
#include "harness/scenario/yaml_value.h"

namespace mirrorlab::scenario {

[[nodiscard]] std::vector<Node> read_nodes(const Value& value);
[[nodiscard]] std::vector<Link> read_links(const Value& value, const Scenario& so_far);
[[nodiscard]] std::vector<Engine> read_engines(const Value& value, const Scenario& so_far);
[[nodiscard]] std::vector<Traffic> read_traffic(const Value& value, const Scenario& so_far);
// Marks the links that the timeline touches as impaired.
[[nodiscard]] std::vector<Fault> read_timeline(const Value& value, Scenario& so_far);
// `when`, with its bound. A session's packets are seen in link stages: all links get one.
[[nodiscard]] Wait read_wait(const Value& when, const Value& within, Scenario& so_far);
// An engine's id or NODE.SERVICE.
[[nodiscard]] std::string read_program(const Value& value, const std::string& name,
                                       const Scenario& scenario);

// "node:port" with a node of the scenario.
struct Target {
  std::string node;
  uint16_t port;
};
[[nodiscard]] Target read_target(const Value& value, const std::string& text,
                                 const Scenario& scenario);
// Names a node of the scenario, or fails with a suggestion.
[[nodiscard]] const Node& read_node_name(const Value& value, const Scenario& scenario);
// A command, or one of its options: placeholders and quotes are checked.
[[nodiscard]] std::string read_command_text(const Value& value);
// A list of them, or one text of several words with quotes as in a shell.
[[nodiscard]] std::vector<std::string> read_options(const Value& value);
[[nodiscard]] Readiness read_readiness(const Value& value);
// The keys of an engine's command line: command, options, start, ready, stop_signal.
void read_command_line(const Fields& fields, Engine& engine);
// Of `requires:`; unknown capabilities are refused.
[[nodiscard]] std::vector<std::string> read_requirements(const Value& value);
// SIGTERM and others that ask a program to end.
[[nodiscard]] int read_signal(const Value& value);

// Of the built-in service: its keys, and what they say.
[[nodiscard]] const std::vector<std::string_view>& recorder_keys();
[[nodiscard]] Recorder read_recorder(const Fields& fields);
// Of `service: replay`.
[[nodiscard]] const std::vector<std::string_view>& replay_keys();
[[nodiscard]] Recorder read_replay_service(const Fields& fields);
[[nodiscard]] Replay read_replay(const Fields& fields);
// Of the kinds of traffic: their keys, and what they say.
[[nodiscard]] std::vector<std::string_view> traffic_keys(TrafficKind kind);
void read_traffic_kind(const Fields& fields, Traffic& traffic);
// Of `kind: script`.
[[nodiscard]] std::vector<Step> read_steps(const Value& value);
// "64KiB", not zero; "64KB/s".
[[nodiscard]] uint64_t read_positive_size(const Value& value);
[[nodiscard]] uint64_t read_byte_rate(const Value& value);

[[nodiscard]] Expression read_expression(const Value& place, const std::string& text,
                                         const Scenario& so_far);
[[nodiscard]] std::vector<Expression> read_conditions(const Value& value, const Scenario& so_far);
[[nodiscard]] std::vector<Eventual> read_eventually(const Value& value, const Scenario& so_far);

// What no single part can see: hosts of each role, how nodes refer to each other, what is judged.
void check_whole(const Value& root, const Scenario& scenario);

// The keys of impairments, together with `others`.
[[nodiscard]] std::vector<std::string_view> impairment_keys_and(
    std::initializer_list<std::string_view> others);
void read_impairments(const Fields& fields, Impairments& into);
// `there` or `back`: those of one direction, with `mtu`.
void read_one_way(const Value& value, Impairments& into);

}  // namespace mirrorlab::scenario
