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
const Keys kBuiltIn{"write", "read", "window", "patience"};
// What a capture does not say.
const Keys kConnections{"connections", "concurrency", "ports", "spread"};

// In the order of TrafficKind.
const std::initializer_list<std::string_view> kKinds{"http", "script", "redis",
                                                     "raw",  "pcap",   "command"};

void add(Keys& keys, const Keys& more) { keys.insert(keys.end(), more.begin(), more.end()); }

Keys keys_of(TrafficKind kind) {
  Keys keys = kCommon;
  if (kind != TrafficKind::command && kind != TrafficKind::pcap) add(keys, kConnections);
  if (kind != TrafficKind::command) add(keys, kBuiltIn);
  add(keys, traffic_keys(kind));
  return keys;
}

// Before the kind is known: what any of them takes.
Keys keys_of_all() {
  Keys keys;
  for (size_t kind = 0; kind < kKinds.size(); ++kind) {
    add(keys, keys_of(static_cast<TrafficKind>(kind)));
  }
  return keys;
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

Traffic read_one(const Value& value, const Scenario& scenario) {
  Traffic traffic;
  traffic.at = value.at();
  traffic.kind = static_cast<TrafficKind>(Fields(value, keys_of_all()).need("kind").choice(kKinds));
  const Fields fields(value, keys_of(traffic.kind));
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
  if (traffic.kind != TrafficKind::command) read_clients(fields, traffic);
  read_traffic_kind(fields, traffic);
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
