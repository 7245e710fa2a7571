// What the link stages of a run did, for result.json and for people.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "harness/wirebox/link.h"

namespace mirrorlab::cli {

[[nodiscard]] nlohmann::json links_json(const std::vector<wirebox::Figures>& links);
// The dropped packets by name: the same list in every run with the same seed and traffic.
[[nodiscard]] std::string drops_text(const std::vector<wirebox::Figures>& links);

}  // namespace mirrorlab::cli
