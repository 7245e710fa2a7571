// Delta debugging (ddmin: Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing
// Input", 2002): a subset of things that still fails and from which no single one can be left out.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace mirrorlab::cli {

struct Minimized {
  std::vector<size_t> kept;  // ascending
  size_t tests = 0;
  bool minimal = true;  // false: the budget was over before each was tried alone
};

// `fails` is asked about subsets of 0 .. count-1, at most `budget` times; the whole is known to
// fail. It is not asked twice about the same subset.
[[nodiscard]] Minimized minimize(size_t count, size_t budget,
                                 const std::function<bool(const std::vector<size_t>&)>& fails);

}  // namespace mirrorlab::cli
