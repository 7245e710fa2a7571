// Traffic: what the clients do.
#include <fmt/format.h>

#include <algorithm>

#include "harness/scenario/read_parts.h"

namespace mirrorlab::scenario {
namespace {

constexpr uint64_t kMaxConnections = 1'000'000;

// "500", or "5 per client".
void read_connections(const Value& value, Traffic& traffic) {
  std::string text = value.text();
  if (const size_t per = text.find(" per client"); per != std::string::npos) {
    if (text.substr(per) != " per client") value.fail("write N, or N per client");
    traffic.per_client = true;
    text.resize(per);
  }
  const auto number = parse_count_range(text);
  if (!number || number->low != number->high || number->low < 1 || number->low > kMaxConnections) {
    value.fail(fmt::format("expected a count from 1 to {}, like `100` or `5 per client`",
                           kMaxConnections));
  }
  traffic.connections = number->low;
}

using Keys = std::vector<std::string_view>;
const Keys kCommon{"id", "from", "to", "start", "kind"};
const Keys kClients{"connections", "concurrency", "ports",  "spread",
                    "write",       "read",        "window", "patience"};
const Keys kHttp{"requests", "keep_alive", "pipeline", "body", "answer",
                 "think",    "hold",       "finish",   "path"};

Keys joined(std::initializer_list<const Keys*> lists) {
  Keys all;
  for (const Keys* list : lists) all.insert(all.end(), list->begin(), list->end());
  return all;
}

void read_ports(const Value& value, Traffic& traffic) {
  traffic.ports = value.count_range();
  if (traffic.ports.low < 1 || traffic.ports.high > 65535) {
    value.fail("source ports lie between 1 and 65535, write a range like 20000..20100");
  }
}

void read_clients(const Fields& fields, Traffic& traffic) {
  if (const Value* v = fields.find("connections")) read_connections(*v, traffic);
  if (const Value* v = fields.find("concurrency")) {
    traffic.concurrency = v->integer(1, kMaxConnections);
  }
  if (const Value* v = fields.find("ports")) read_ports(*v, traffic);
  if (const Value* v = fields.find("spread")) traffic.spread = v->duration();
  if (const Value* v = fields.find("write")) traffic.write_size = read_positive_size(*v);
  if (const Value* v = fields.find("read")) traffic.read_rate = read_byte_rate(*v);
  if (const Value* v = fields.find("window")) traffic.window = read_positive_size(*v);
  if (const Value* v = fields.find("patience")) traffic.patience = v->duration();
}

void read_http(const Fields& fields, Traffic& traffic) {
  if (const Value* v = fields.find("requests")) traffic.requests = v->integer(1, 10'000'000);
  if (const Value* v = fields.find("keep_alive")) traffic.keep_alive = v->boolean();
  if (const Value* v = fields.find("pipeline")) {
    traffic.pipeline = v->integer(1, 10'000);
    if (traffic.pipeline > 1 && !traffic.keep_alive) {
      v->fail("pipelining needs `keep_alive: true`");
    }
  }
  if (const Value* v = fields.find("body")) traffic.body = v->size_range();
  if (const Value* v = fields.find("answer")) traffic.answer = v->size_range();
  if (const Value* v = fields.find("think")) traffic.think = v->duration_range();
  if (const Value* v = fields.find("hold")) traffic.hold = v->duration_range();
  if (const Value* v = fields.find("finish")) {
    (void)v->choice({"close", "half-close", "reset", "cut"});
    traffic.finish = v->text();
  }
  if (const Value* v = fields.find("path")) {
    traffic.path = v->text();
    if (traffic.path[0] != '/') v->fail("a path begins with /");
  }
}

Traffic read_one(const Value& value, const Scenario& scenario) {
  const Keys script{"steps"};
  const Keys command{"command"};
  const Fields kind_only(value, joined({&kCommon, &kClients, &kHttp, &script, &command}));
  Traffic traffic;
  traffic.at = value.at();
  traffic.kind =
      static_cast<TrafficKind>(kind_only.need("kind").choice({"http", "script", "command"}));
  const bool http = traffic.kind == TrafficKind::http;
  const bool built_in = traffic.kind != TrafficKind::command;
  const Fields fields(value, http       ? joined({&kCommon, &kClients, &kHttp})
                             : built_in ? joined({&kCommon, &kClients, &script})
                                        : joined({&kCommon, &command}));
  const Value* id = fields.find("id");
  traffic.id = id ? id->identifier() : "traffic";
  const Value& from = fields.need("from");
  const Node& source = read_node_name(from, scenario);
  traffic.from = source.name;
  const Value& to = fields.need("to");
  const Target target = read_target(to, to.text(), scenario);
  traffic.to_node = target.node;
  traffic.to_port = target.port;
  const Node& server = *scenario.node(target.node);
  const auto listens = [&](const Service& s) { return s.port == target.port; };
  if (std::ranges::none_of(server.run, listens)) {
    to.fail(fmt::format("nothing on `{}` listens on port {}; add a service under nodes.{}.run",
                        target.node, target.port, target.node));
  }
  if (const Value* start = fields.find("start")) traffic.start = start->duration();
  if (built_in) read_clients(fields, traffic);
  if (http) {
    read_http(fields, traffic);
  } else if (built_in) {
    traffic.steps = read_steps(fields.need("steps"));
  } else {
    traffic.command = read_command_text(fields.need("command"));
  }
  return traffic;
}

}  // namespace

std::vector<Traffic> read_traffic(const Value& value, const Scenario& so_far) {
  std::vector<Traffic> all;
  for (const Value& item : value.items()) {
    all.push_back(read_one(item, so_far));
    const auto same = [&](const Traffic& t) { return t.id == all.back().id; };
    if (std::find_if(all.begin(), all.end() - 1, same) != all.end() - 1) {
      item.fail(fmt::format("a second traffic `{}`; give it another id", all.back().id));
    }
  }
  return all;
}

}  // namespace mirrorlab::scenario
