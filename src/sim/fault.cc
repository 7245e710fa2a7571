#include "sim/fault.h"

#include <algorithm>

namespace mirrorlab::sim {

const char* to_string(Hop hop) {
  static constexpr const char* kNames[] = {"client>online", "online>client",  "capture",
                                           "engine>test",   "test>intercept", "header return"};
  return hop == Hop::count_ ? "-" : kNames[static_cast<size_t>(hop)];
}

const char* to_string(FaultKind kind) {
  static constexpr const char* kNames[] = {"loss",
                                           "corruption",
                                           "duplicate",
                                           "delay",
                                           "truncation",
                                           "link-break",
                                           "intercept-restart",
                                           "engine-restart",
                                           "engine-stop-and-start"};
  return kNames[static_cast<size_t>(kind)];
}

std::string Fault::to_string() const {
  std::string text = sim::to_string(kind);
  if (hop == Hop::count_) return text + " #" + std::to_string(ordinal);
  return text + " " + sim::to_string(hop) + " 4-tuple " + std::to_string(slot) + " packet " +
         std::to_string(ordinal);
}

void FaultPlan::allow_only(std::vector<Fault> faults) {
  std::ranges::sort(faults);
  allowed_ = std::move(faults);
}

bool FaultPlan::happens(const Fault& fault) {
  if (allowed_ && !std::ranges::binary_search(*allowed_, fault)) return false;
  applied_.push_back(fault);
  return true;
}

bool FaultPlan::any(FaultKind kind) const {
  return std::ranges::any_of(applied_, [&](const Fault& f) { return f.kind == kind; });
}
bool FaultPlan::any(Hop hop) const {
  return std::ranges::any_of(applied_, [&](const Fault& f) { return f.hop == hop; });
}

bool FaultPlan::lost(Hop hop) const {
  return std::ranges::any_of(applied_, [&](const Fault& f) {
    return f.hop == hop && (f.kind == FaultKind::loss || f.kind == FaultKind::corruption);
  });
}

std::vector<Fault> FaultPlan::packet_faults(Hop hop, uint32_t slot, const Rates& rates) {
  std::vector<Fault> happened;
  if (ordinals_.size() <= slot) ordinals_.resize(slot + 1);
  const uint32_t ordinal = ordinals_[slot][static_cast<size_t>(hop)]++;
  const uint64_t where = mix(seed_, mix(static_cast<uint64_t>(hop), slot));
  const auto draw = [&](FaultKind kind, uint32_t at, double percent) {
    const uint64_t n = mix(where, mix(static_cast<uint64_t>(kind), at)) % 1'000'000;
    return static_cast<double>(n) < percent * 10'000;
  };
  const auto decide = [&](FaultKind kind, double percent, uint32_t burst) {
    if (percent <= 0) return;
    for (uint32_t back = 0; back < burst && back <= ordinal; ++back) {
      if (!draw(kind, ordinal - back, percent)) continue;
      if (const Fault fault{kind, hop, slot, ordinal}; happens(fault)) happened.push_back(fault);
      return;
    }
  };
  decide(FaultKind::loss, rates.loss, rates.burst);
  decide(FaultKind::corruption, rates.corruption, 1);
  decide(FaultKind::truncation, rates.truncation, 1);
  decide(FaultKind::duplicate, rates.duplicate, 1);
  decide(FaultKind::delay, rates.delay, 1);
  return happened;
}

}  // namespace mirrorlab::sim
