#include "harness/cli/playable.h"

#include <fmt/format.h>

#include "harness/cli/captures.h"
#include "harness/cli/plan.h"
#include "harness/scenario/scenario_file.h"

namespace mirrorlab::cli {

std::optional<scenario::Error> wrong_topology(const scenario::Scenario& s) {
  try {
    const Plan plan(s);
    return std::nullopt;
  } catch (const PlanError& e) {
    const auto variant = s.variant.empty() ? "" : fmt::format(" (variant {})", s.variant);
    return scenario::Error{s.path, e.at(), e.what() + variant};
  }
}

tl::expected<std::vector<scenario::Scenario>, scenario::Error> read_playable(
    const std::string& file) {
  auto read = scenario::read_scenario_file(file);
  if (!read) return read;
  for (const auto& s : *read) {
    if (auto wrong = wrong_topology(s)) return tl::unexpected(std::move(*wrong));
    if (auto wrong = wrong_capture(s)) return tl::unexpected(std::move(*wrong));
  }
  return read;
}

}  // namespace mirrorlab::cli
