#include "sim/virtual_intercept.h"

#include <vector>

namespace mirrorlab::sim {

void VirtualIntercept::on_reply(const wire::HeaderRecord& record, Nanos now) {
  if (!running_) return;
  if (claims_.contains(record.flow)) {
    deliver_(record);
    return;
  }
  held_.push_back({now, record});
}

void VirtualIntercept::claim(const wire::FlowKey& flow, Nanos now) {
  if (!running_) return;
  claims_.insert(flow);
  std::vector<wire::HeaderRecord> due;
  for (const Held& h : held_) {
    if (h.record.flow == flow && now - h.since <= kHoldTime) due.push_back(h.record);
  }
  std::erase_if(held_,
                [&](const Held& h) { return h.record.flow == flow || now - h.since > kHoldTime; });
  for (const wire::HeaderRecord& record : due) deliver_(record);
}

void VirtualIntercept::stop() {
  running_ = false;
  claims_.clear();
  held_.clear();
}

}  // namespace mirrorlab::sim
