#include "harness/scenario/suggest.h"

#include <algorithm>
#include <vector>

namespace mirrorlab::scenario {
namespace {

// Edits (insert, delete, change, swap of neighbours) from `a` to `b`: optimal string alignment.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1), now(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    now[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        now[j] = std::min(now[j], before[j - 2] + 1);
      }
    }
    before.swap(last);
    last.swap(now);
  }
  return last[b.size()];
}

}  // namespace

std::string suggestion(std::string_view wrong, std::span<const std::string> known) {
  // Why the cut: a name of 60 or more characters is no typing slip, and the search is quadratic.
  const std::string_view word = wrong.substr(0, 60);
  const std::string* nearest = nullptr;
  size_t best = std::max<size_t>(2, word.size() / 3) + 1;
  for (const std::string& name : known) {
    const size_t distance = edit_distance(word, name);
    if (distance < best && distance < name.size()) {
      best = distance;
      nearest = &name;
    }
  }
  if (nearest) return " (did you mean `" + *nearest + "`?)";
  if (known.empty() || known.size() > 24) return {};
  std::string list = " (known: ";
  for (size_t i = 0; i < known.size(); ++i) list += (i ? ", " : "") + known[i];
  return list + ")";
}

}  // namespace mirrorlab::scenario
