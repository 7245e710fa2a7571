// What the link stages of a run did, for result.json and for people.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "harness/wirebox/link.h"

namespace mirrorlab::cli {

[[nodiscard]] nlohmann::json links_json(const std::vector<wirebox::Figures>& links);
// Empty, or why a replay is not the whole of what its list says: `missing` faults have no names, or
// packets that should have met one never came by.
[[nodiscard]] std::string replay_shortfall(const std::vector<wirebox::Figures>& links,
                                           uint64_t missing);
// The dropped packets by name: the same list in every run with the same seed and traffic.
[[nodiscard]] std::string drops_text(const std::vector<wirebox::Figures>& links);

}  // namespace mirrorlab::cli
