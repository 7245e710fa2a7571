// Links and their impairments.
#include <fmt/format.h>

#include <algorithm>

#include "harness/scenario/read_parts.h"

namespace mirrorlab::scenario {
namespace {

constexpr size_t kMaxLinks = 1'024;

Link read_link(const Value& value, const Scenario& scenario) {
  const Fields fields(value, impairment_keys_and({"between", "mtu", "offloads", "there", "back"}));
  Link link;
  link.at = value.at();
  const Value& between = fields.need("between");
  const std::vector<Value> ends = between.items();
  if (ends.size() != 2) between.fail("a link is between two nodes: [a, b]");
  link.a = read_node_name(ends[0], scenario).name;
  link.b = read_node_name(ends[1], scenario).name;
  if (link.a == link.b) between.fail(fmt::format("a link from `{}` to itself", link.a));
  if (const Value* mtu = fields.find("mtu")) {
    link.mtu = static_cast<uint16_t>(mtu->integer(scenario.ip == Ip::v6 ? 1280 : 576, 65'000));
  }
  if (const Value* offloads = fields.find("offloads")) link.offloads = offloads->boolean();
  read_impairments(fields, link.a_to_b);
  link.b_to_a = link.a_to_b;
  if (const Value* there = fields.find("there")) {
    read_one_way(*there, link.a_to_b);
  }
  if (const Value* back = fields.find("back")) {
    read_one_way(*back, link.b_to_a);
  }
  link.impaired = link.a_to_b.any() || link.b_to_a.any();
  return link;
}

}  // namespace

std::vector<std::string_view> impairment_keys_and(std::initializer_list<std::string_view> others) {
  std::vector<std::string_view> keys{"delay", "jitter",  "rate",      "queue",   "loss",
                                     "burst", "reorder", "duplicate", "corrupt", "down"};
  keys.insert(keys.end(), others.begin(), others.end());
  return keys;
}

void read_impairments(const Fields& fields, Impairments& into) {
  if (const Value* v = fields.find("delay")) into.delay = v->duration();
  if (const Value* v = fields.find("jitter")) into.jitter = v->duration();
  if (const Value* v = fields.find("rate")) {
    into.rate = v->rate();
    if (into.rate == 0U) v->fail("a rate of 0 lets nothing pass; `down: true` says that");
  }
  if (const Value* v = fields.find("queue")) into.queue = v->size();
  if (const Value* v = fields.find("loss")) into.loss = v->percent();
  if (const Value* v = fields.find("burst")) {
    into.burst = static_cast<double>(v->integer(1, 1000));
    if (!into.loss) v->fail("a burst length needs a loss beside it");
  }
  if (const Value* v = fields.find("reorder")) into.reorder = v->percent();
  if (const Value* v = fields.find("duplicate")) into.duplicate = v->percent();
  if (const Value* v = fields.find("corrupt")) into.corrupt = v->percent();
  if (const Value* v = fields.find("down")) into.down = v->boolean();
}

void read_one_way(const Value& value, Impairments& into) {
  const Fields fields(value, impairment_keys_and({"mtu"}));
  read_impairments(fields, into);
  if (const Value* v = fields.find("mtu")) {
    into.mtu = static_cast<uint32_t>(v->integer(576, 65'000));
  }
}

std::vector<Link> read_links(const Value& value, const Scenario& so_far) {
  std::vector<Link> links;
  for (const Value& item : value.items()) {
    links.push_back(read_link(item, so_far));
    const Link& added = links.back();
    const auto same = [&](const Link& l) {
      return (l.a == added.a && l.b == added.b) || (l.a == added.b && l.b == added.a);
    };
    if (std::find_if(links.begin(), links.end() - 1, same) != links.end() - 1) {
      item.fail(fmt::format("a second link between `{}` and `{}`", added.a, added.b));
    }
  }
  if (links.size() > kMaxLinks) value.fail(fmt::format("at most {} links", kMaxLinks));
  return links;
}

}  // namespace mirrorlab::scenario
