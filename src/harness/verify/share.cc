#include "harness/verify/share.h"

#include "harness/verify/mirror.h"

namespace mirrorlab::verify {

std::vector<std::vector<uint32_t>> share_out(const Connections& test,
                                             const std::vector<const Connections*>& online) {
  constexpr size_t kNobody = SIZE_MAX;
  std::vector<size_t> owner(test.all.size(), kNobody);
  for (size_t side = 0; side < online.size(); ++side) {
    for (const Session& session : match(*online[side], test).sessions) {
      for (const Twin& twin : session.twins) {
        if (owner[twin.connection] == kNobody) owner[twin.connection] = side;
      }
    }
  }
  std::vector<std::vector<uint32_t>> shares(online.size());
  for (uint32_t i = 0; i < owner.size(); ++i) {
    shares[owner[i] == kNobody ? 0 : owner[i]].push_back(i);
  }
  return shares;
}

Connections part_of(const Connections& all, const std::vector<uint32_t>& indices) {
  Connections part;
  for (const uint32_t i : indices) {
    part.by_client[all.all[i].client].push_back(static_cast<uint32_t>(part.all.size()));
    part.all.push_back(all.all[i]);
  }
  return part;
}

Recorded part_of(const Recorded& all, const std::vector<uint32_t>& indices) {
  Recorded part;
  for (const uint32_t i : indices) part.of.push_back(all.of[i]);
  return part;
}

}  // namespace mirrorlab::verify
