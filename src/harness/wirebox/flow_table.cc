#include "harness/wirebox/flow_table.h"

namespace mirrorlab::wirebox {

namespace {
// The same key for both directions.
wire::FlowKey undirected(const wire::FlowKey& flow) {
  return flow.client < flow.server ? flow : wire::FlowKey{flow.server, flow.client};
}

}  // namespace

// Not std::hash: it may differ between builds.
uint64_t flow_identity(const wire::FlowKey& opened, uint8_t protocol, uint32_t number) {
  uint64_t id = scatter(uint64_t{protocol} << 48U | uint64_t{opened.server.port} << 32U | number);
  for (const auto* end : {&opened.client, &opened.server}) {
    for (const uint8_t byte : end->address.bytes()) id = scatter(id ^ byte);
  }
  return id;
}

uint32_t FlowTable::open(const IpInfo& packet, const wire::FlowKey& key) {
  wire::FlowKey kind = packet.flow;
  kind.client.port = 0;
  const uint32_t number = numbers_[kind]++;
  const auto index = static_cast<uint32_t>(flows_.size());
  Flow& flow = flows_.emplace_back();
  flow.opened = packet.flow;
  flow.number = number;
  flow.protocol = packet.protocol;
  flow.identity = flow_identity(packet.flow, packet.protocol, number);
  flow.first_seq = packet.seq;
  flow.opening_seen = packet.opens;
  index_[key] = index;
  return index;
}

uint32_t FlowTable::find(const IpInfo& packet) {
  const wire::FlowKey key = undirected(packet.flow);
  const auto found = index_.find(key);
  if (found == index_.end()) return open(packet, key);
  const Flow& flow = flows_[found->second];
  // A new SYN on old ports is a new flow; the same one again is a retransmission.
  const bool reopened = packet.opens && (!flow.opening_seen || packet.seq != flow.first_seq ||
                                         packet.flow != flow.opened);
  return reopened ? open(packet, key) : found->second;
}

void FlowTable::forget_all() {
  index_.clear();
  numbers_.clear();
  flows_.clear();
  ++times_forgotten_;
}

}  // namespace mirrorlab::wirebox
