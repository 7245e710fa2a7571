#include "harness/cli/minimize.h"

#include <algorithm>
#include <numeric>
#include <set>

namespace mirrorlab::cli {

namespace {
using Subset = std::vector<size_t>;

// Part `i` of `parts` of `whole`, or what is left without it.
Subset part(const Subset& whole, size_t i, size_t parts, bool without) {
  const size_t from = whole.size() * i / parts;
  const size_t to = whole.size() * (i + 1) / parts;
  Subset s;
  for (size_t k = 0; k < whole.size(); ++k) {
    if ((k >= from && k < to) != without) s.push_back(whole[k]);
  }
  return s;
}

class Search {
 public:
  Search(size_t count, size_t budget, const std::function<bool(const Subset&)>& fails)
      : budget_(budget), fails_(fails) {
    found_.kept.resize(count);
    std::iota(found_.kept.begin(), found_.kept.end(), size_t{0});
  }

  Minimized run() {
    if (found_.kept.empty() || try_subset({})) return found_;
    for (size_t parts = 2; found_.kept.size() > 1 && found_.minimal;) {
      parts = std::min(parts, found_.kept.size());
      if (const size_t next = smaller(parts)) {
        parts = next;
      } else if (parts == found_.kept.size()) {
        break;
      } else {
        parts *= 2;
      }
    }
    return found_;
  }

 private:
  // Keeps `s` when it fails.
  bool try_subset(const Subset& s) {
    if (passed_.contains(s)) return false;
    if (found_.tests == budget_) {
      found_.minimal = false;
      return false;
    }
    ++found_.tests;
    if (!fails_(s)) {
      passed_.insert(s);
      return false;
    }
    found_.kept = s;
    return true;
  }

  // How many parts to go on with when one of them, or all but one, fails too; 0: none does.
  size_t smaller(size_t parts) {
    const Subset whole = found_.kept;
    for (size_t i = 0; i < parts; ++i) {
      if (try_subset(part(whole, i, parts, false))) return 2;
    }
    for (size_t i = 0; parts > 2 && i < parts; ++i) {
      if (try_subset(part(whole, i, parts, true))) return std::max<size_t>(parts - 1, 2);
    }
    return 0;
  }

  size_t budget_;
  const std::function<bool(const Subset&)>& fails_;
  Minimized found_;
  std::set<Subset> passed_;
};
}  // namespace

Minimized minimize(size_t count, size_t budget, const std::function<bool(const Subset&)>& fails) {
  return Search(count, budget, fails).run();
}

}  // namespace mirrorlab::cli
