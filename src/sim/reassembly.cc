#include "sim/reassembly.h"

#include <algorithm>

namespace mirrorlab::sim {

void Reassembly::keep(int64_t offset, wire::Bytes data) {
  latest_ = offset;
  auto at = parts_.begin();
  while (!data.empty()) {
    while (at != parts_.end() && at->end() <= offset) ++at;
    size_t take = data.size();
    if (at != parts_.end()) {
      if (at->offset <= offset) {
        const auto held = std::min<size_t>(data.size(), static_cast<size_t>(at->end() - offset));
        offset += static_cast<int64_t>(held);
        data = data.subspan(held);
        continue;
      }
      take = std::min<size_t>(take, static_cast<size_t>(at->offset - offset));
    }
    at = parts_.insert(at, {offset, {data.begin(), data.begin() + static_cast<ptrdiff_t>(take)}});
    bytes_ += static_cast<uint32_t>(take);
    offset += static_cast<int64_t>(take);
    data = data.subspan(take);
  }
}

int64_t Reassembly::drain(int64_t next, const std::function<void(int64_t, wire::Bytes)>& take) {
  while (!parts_.empty() && parts_.front().offset <= next) {
    const Part part = std::move(parts_.front());
    parts_.pop_front();
    bytes_ -= static_cast<uint32_t>(part.data.size());
    if (part.end() <= next) continue;
    take(next, wire::Bytes(part.data).subspan(static_cast<size_t>(next - part.offset)));
    next = part.end();
  }
  return next;
}

std::vector<Interval> Reassembly::blocks() const {
  std::vector<Interval> all;
  for (const Part& part : parts_) {
    if (!all.empty() && all.back().right == part.offset) {
      all.back().right = part.end();
    } else {
      all.push_back({part.offset, part.end()});
    }
  }
  const auto first = std::ranges::find_if(
      all, [&](const Interval& b) { return b.left <= latest_ && latest_ < b.right; });
  if (first != all.end()) std::rotate(all.begin(), first, first + 1);
  return all;
}

}  // namespace mirrorlab::sim
