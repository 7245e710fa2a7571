// Nodes and the services that run on them.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <csignal>

#include "harness/scenario/command_text.h"
#include "harness/scenario/read_parts.h"
#include "harness/scenario/suggest.h"

namespace mirrorlab::scenario {
namespace {

constexpr uint64_t kMaxClients = 65'000;
constexpr size_t kMaxNodes = 512;
constexpr uint64_t kMaxBridgePorts = 1'000;  // the kernel's own bound is 1,023
constexpr size_t kMaxClientNodes = 190;      // each has a prefix of its own

uint16_t default_port(ServiceKind kind) {
  switch (kind) {
    case ServiceKind::redis:
      return 6379;
    case ServiceKind::memcached:
      return 11211;
    default:
      return 80;
  }
}

Service read_service(const Value& value) {
  using Keys = std::vector<std::string_view>;
  const Keys keys{"id", "service", "port", "command", "options", "ready", "stop_signal"};
  const auto with = [](Keys some, const Keys& more) {
    some.insert(some.end(), more.begin(), more.end());
    return some;
  };
  const Keys recorder_all = with(keys, recorder_keys());
  const Keys replay_all = with(keys, replay_keys());
  const size_t kind = Fields(value, with(recorder_all, replay_keys()))
                          .need("service")
                          .choice({"recorder", "nginx", "redis", "memcached", "command", "replay"});
  Service service;
  service.at = value.at();
  // A replay is the built-in service, too: it speaks by a capture.
  const bool replay = kind == static_cast<size_t>(ServiceKind::command) + 1;
  service.kind = replay ? ServiceKind::recorder : static_cast<ServiceKind>(kind);
  const bool recorder = service.kind == ServiceKind::recorder;
  const Fields fields(value, replay ? replay_all : recorder ? recorder_all : keys);
  if (recorder) service.recorder = replay ? read_replay_service(fields) : read_recorder(fields);
  const Value* id = fields.find("id");
  service.id = id ? id->identifier() : replay ? "replay" : to_string(service.kind);
  const Value* port = fields.find("port");
  service.port = port ? static_cast<uint16_t>(port->integer(1, 65535)) : default_port(service.kind);
  const Value* command = fields.find("command");
  if (service.kind == ServiceKind::command) {
    service.command = read_command_text(fields.need("command"));
  } else if (command) {
    command->fail(fmt::format("only `service: command` takes a command, this is `service: {}`",
                              to_string(service.kind)));
  }
  if (const Value* options = fields.find("options")) {
    if (recorder) options->fail("the built-in service has keys of its own, no command line");
    service.options = read_options(*options);
  }
  if (const Value* ready = fields.find("ready")) {
    service.ready = read_readiness(*ready);
  } else {
    service.ready.listen = service.port;
  }
  if (const Value* stop = fields.find("stop_signal")) service.stop_signal = read_signal(*stop);
  return service;
}

Node read_node(const Value& key, const Value& value) {
  const Fields fields(value, {"role", "count", "mode", "run", "sysctls", "assistant"});
  Node node;
  node.name = key.identifier();
  node.at = key.at();
  node.role = static_cast<Role>(
      fields.need("role").choice({"clients", "online", "test", "assistant", "router", "bridge"}));
  const Value* mode = fields.find("mode");
  const Value* count = fields.find("count");
  if (node.role != Role::clients) {
    if (mode) mode->fail("only a node with `role: clients` has a mode");
    if (count) count->fail("only a node with `role: clients` has a count");
  }
  node.spaces = mode && mode->choice({"address", "netns"}) == 1;
  if (count) {
    node.count =
        static_cast<uint32_t>(count->integer(1, node.spaces ? kMaxBridgePorts : kMaxClients));
  }
  if (const Value* assistant = fields.find("assistant")) {
    if (node.role != Role::test) assistant->fail("only a node with `role: test` has an assistant");
    node.assistant = assistant->text();
  }
  if (const Value* run = fields.find("run")) {
    if (node.role == Role::bridge) run->fail("nothing runs on a bridge; it only passes frames on");
    for (const Value& item : run->items()) {
      node.run.push_back(read_service(item));
      const Service& added = node.run.back();
      for (size_t i = 0; i + 1 < node.run.size(); ++i) {
        if (node.run[i].id == added.id) item.fail(fmt::format("a second service `{}`", added.id));
        if (node.run[i].port == added.port) {
          item.fail(fmt::format("port {} is taken by `{}`", added.port, node.run[i].id));
        }
      }
    }
  }
  if (const Value* sysctls = fields.find("sysctls")) {
    for (const auto& [name, setting] : sysctls->entries()) {
      if (!name.name().starts_with("net.") ||
          name.name().find_first_of("/ ") != std::string::npos ||
          name.name().find("..") != std::string::npos) {
        name.fail("only settings of the network namespace (net.…) can be changed for a node");
      }
      node.sysctls[name.name()] = setting.text();
    }
  }
  return node;
}

}  // namespace

std::string read_command_text(const Value& value) {
  std::string text = value.text();
  if (const auto wrong = check_command_text(text); !wrong.empty()) value.fail(wrong);
  return text;
}

std::vector<std::string> read_options(const Value& value) {
  std::vector<std::string> options;
  if (value.is_scalar()) {
    auto words = split_words(read_command_text(value));
    if (!words) value.fail(words.error());
    return std::move(*words);
  }
  for (const Value& item : value.items()) options.push_back(read_command_text(item));
  return options;
}

Readiness read_readiness(const Value& value) {
  const Fields fields(value, {"listen", "log", "file", "command", "within"});
  Readiness ready;
  if (const Value* listen = fields.find("listen")) {
    ready.listen = static_cast<uint16_t>(listen->integer(1, 65535));
  }
  if (const Value* log = fields.find("log")) ready.log = log->text();
  if (const Value* file = fields.find("file")) ready.file = file->text();
  if (const Value* command = fields.find("command")) ready.command = read_command_text(*command);
  if (const Value* within = fields.find("within")) ready.within = within->duration();
  if (!ready.listen && !ready.log && !ready.file && !ready.command) {
    value.fail("a readiness condition needs one of listen, log, file, command");
  }
  return ready;
}

int read_signal(const Value& value) {
  constexpr std::array kSignals{SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGKILL};
  return kSignals[value.choice(
      {"SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGKILL"})];
}

std::vector<Node> read_nodes(const Value& value) {
  std::vector<Node> nodes;
  for (const auto& [key, node] : value.entries()) nodes.push_back(read_node(key, node));
  if (nodes.empty()) value.fail("a scenario needs nodes");
  if (nodes.size() > kMaxNodes) value.fail(fmt::format("at most {} nodes", kMaxNodes));
  const auto is_clients = [](const Node& n) { return n.role == Role::clients; };
  if (std::ranges::count_if(nodes, is_clients) > static_cast<ptrdiff_t>(kMaxClientNodes)) {
    value.fail(fmt::format("at most {} nodes with `role: clients`; give one a higher count",
                           kMaxClientNodes));
  }
  return nodes;
}

const Node& read_node_name(const Value& value, const Scenario& scenario) {
  const std::string name = value.text();
  if (const Node* node = scenario.node(name)) return *node;
  std::vector<std::string> known;
  for (const Node& node : scenario.nodes) known.push_back(node.name);
  value.fail(fmt::format("no node `{}`{}", name, suggestion(name, known)));
}

Target read_target(const Value& value, const std::string& text, const Scenario& scenario) {
  const size_t colon = text.rfind(':');
  const auto port = colon == std::string::npos ? Parsed<double>(tl::unexpected(std::string()))
                                               : parse_number(text.substr(colon + 1));
  if (!port || *port < 1 || *port > 65535 || *port != static_cast<uint16_t>(*port)) {
    value.fail(fmt::format("`{}` is no NODE:PORT with a port from 1 to 65535", text));
  }
  const std::string name = text.substr(0, colon);
  const Node* node = scenario.node(name);
  if (!node) {
    std::vector<std::string> known;
    for (const Node& n : scenario.nodes) known.push_back(n.name);
    value.fail(fmt::format("no node `{}`{}", name, suggestion(name, known)));
  }
  return {name, static_cast<uint16_t>(*port)};
}

}  // namespace mirrorlab::scenario
