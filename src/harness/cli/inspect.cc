#include "harness/cli/inspect.h"

#include <iostream>
#include <nlohmann/json.hpp>

#include "harness/cli/explain.h"
#include "harness/cli/playable.h"
#include "harness/cli/select.h"

namespace mirrorlab::cli {

namespace {
// Calls `show` for each file that can be read, complains of the others.
template <typename Show>
int for_each_file(const std::vector<std::string>& places, Show show) {
  const auto files = scenario_files(places);
  if (!files) {
    std::cerr << files.error() << '\n';
    return 2;
  }
  int code = 0;
  for (const auto& file : *files) {
    const auto read = read_playable(file);
    if (read) {
      show(file, *read);
    } else {
      std::cerr << read.error().text() << '\n';
      code = 2;
    }
  }
  return code;
}
}  // namespace

int validate_files(const std::vector<std::string>& places) {
  return for_each_file(places, [](const auto& file, const auto& variants) {
    std::cout << file << ": ok, " << variants.size() << " variant(s)\n";
  });
}

int explain_files(const std::vector<std::string>& places) {
  return for_each_file(places, [](const auto&, const auto& variants) {
    for (const auto& s : variants) std::cout << explain(s) << '\n';
  });
}

int list_scenarios(const std::vector<std::string>& places, bool json) {
  nlohmann::json all = nlohmann::json::array();
  const int code = for_each_file(places, [&](const auto& file, const auto& variants) {
    if (!json) {
      std::cout << file << '\n';
      if (!variants.front().about.empty()) std::cout << "    " << variants.front().about << '\n';
      if (!variants.front().variant.empty()) std::cout << "    variants:";
      for (const auto& s : variants) {
        if (!s.variant.empty()) std::cout << ' ' << s.variant;
      }
      if (!variants.front().variant.empty()) std::cout << '\n';
      return;
    }
    for (const auto& s : variants) {
      const uint64_t runs = s.control ? 1 + s.control->runs : 1;
      const double timeout_s = static_cast<double>((runs * s.timeout + s.drain).count()) / 1e9;
      all.push_back({{"name", s.name},
                     {"variant", s.variant},
                     {"file", file},
                     {"about", s.about},
                     {"labels", s.labels},
                     {"requires", s.require},
                     {"timeout_s", timeout_s}});
    }
  });
  if (json) std::cout << all.dump(1) << '\n';
  return code;
}

}  // namespace mirrorlab::cli
