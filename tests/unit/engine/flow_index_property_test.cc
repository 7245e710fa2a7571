// The flow index against std::unordered_map, with hashes that collide.
#include <gtest/gtest.h>

#include <unordered_map>

#include "engine/core/flow_index.h"
#include "support/generators.h"

namespace mirrorlab::engine {
namespace {

RC_GTEST_PROP(FlowIndexProperty, FindsWhatTheModelFinds, ()) {
  // Few hashes, near the end of the table: long chains that wrap around its edge, also at 1024.
  const uint64_t base = *rc::gen::element<uint64_t>(0, 1020, 2044, 0xfffffffc, 0x100000000);
  const auto spread = *rc::gen::element<uint64_t>(1, 3, 1000);
  const auto hash = [&](uint32_t key) { return base + key % spread; };
  std::unordered_map<uint32_t, uint32_t> model;   // key -> id
  std::unordered_map<uint32_t, uint32_t> key_of;  // id -> key
  FlowIndex index;
  uint32_t next_id = 0;
  const int operations = *rc::gen::inRange(1, 400);
  for (int i = 0; i < operations; ++i) {
    const auto key = *rc::gen::inRange<uint32_t>(0, 300);
    const auto held = model.find(key);
    const auto found = index.find(hash(key), [&](uint32_t id) { return key_of.at(id) == key; });
    RC_ASSERT(found == (held == model.end() ? FlowIndex::kNone : held->second));
    if (held == model.end()) {
      key_of[next_id] = key;
      model[key] = next_id;
      index.insert(hash(key), next_id++);
    } else if (*rc::gen::arbitrary<bool>()) {
      index.erase(hash(key), held->second);
      model.erase(held);
    } else {
      key_of[next_id] = key;
      index.replace(hash(key), held->second, next_id);
      held->second = next_id++;
    }
    RC_ASSERT(index.size() == model.size());
  }
  for (const auto& [key, id] : model) {
    RC_ASSERT(index.find(hash(key), [&, k = key](uint32_t at) { return key_of.at(at) == k; }) ==
              id);
  }
}

RC_GTEST_PROP(FlowIndexProperty, GrowsAndKeepsEveryKey, ()) {
  FlowIndex index;
  const auto n = *rc::gen::inRange<uint32_t>(700, 5000);
  const auto step = *rc::gen::element<uint64_t>(1, 1024, 0x10001);
  for (uint32_t id = 0; id < n; ++id) index.insert(id * step, id);
  for (uint32_t id = 0; id < n; ++id) {
    RC_ASSERT(index.find(id * step, [&](uint32_t at) { return at == id; }) == id);
  }
}

}  // namespace
}  // namespace mirrorlab::engine
