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
    value.fail(fmt::format("expected a count up to {}, or one `per client`", kMaxConnections));
  }
  traffic.connections = number->low;
}

void read_http(const Fields& fields, Traffic& traffic) {
  if (const Value* v = fields.find("connections")) read_connections(*v, traffic);
  if (const Value* v = fields.find("requests")) traffic.requests = v->integer(1, 10'000'000);
  if (const Value* v = fields.find("keep_alive")) traffic.keep_alive = v->boolean();
  if (const Value* v = fields.find("concurrency")) {
    traffic.concurrency = v->integer(1, kMaxConnections);
  }
  if (const Value* v = fields.find("body")) traffic.body = v->size_range();
  if (const Value* v = fields.find("answer")) traffic.answer = v->size_range();
  if (const Value* v = fields.find("think")) traffic.think = v->duration_range();
}

Traffic read_one(const Value& value, const Scenario& scenario) {
  const Fields kind_only(
      value, {"id", "from", "to", "start", "kind", "connections", "requests", "keep_alive",
              "concurrency", "body", "answer", "think", "command"});
  Traffic traffic;
  traffic.at = value.at();
  traffic.kind = static_cast<TrafficKind>(kind_only.need("kind").choice({"http", "command"}));
  const bool http = traffic.kind == TrafficKind::http;
  const Fields fields(
      value, http ? std::vector<std::string_view>{"id", "from", "to", "start", "kind",
                                                  "connections", "requests", "keep_alive",
                                                  "concurrency", "body", "answer", "think"}
                  : std::vector<std::string_view>{"id", "from", "to", "start", "kind", "command"});
  const Value* id = fields.find("id");
  traffic.id = id ? id->identifier() : "traffic";
  const Value& from = fields.need("from");
  const Node& source = read_node_name(from, scenario);
  if (source.role == Role::bridge) from.fail("a bridge sends no traffic of its own");
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
  if (http) {
    read_http(fields, traffic);
  } else {
    traffic.command = fields.need("command").text();
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
