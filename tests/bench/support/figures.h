// What a bench measured: rows that are alike for all benches, written as JSON for `ci/bench`.
//
//   {"bench": ..., "rows": [{"what", "unit", "ours", "bare", "ratio", ...}, {"what", "skipped"}]}
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace mirrorlab::bench {

class Figures {
 public:
  // Takes `--json FILE` out of the command line.
  Figures(std::string bench, int argc, char** argv);
  // What else stood in the command line; `otherwise` where argument `i` is missing.
  [[nodiscard]] std::string argument(size_t i, const std::string& otherwise) const;
  // `bare`: the same work by a bare loop, in the same unit and the same run.
  void add(const std::string& what, const std::string& unit, double ours,
           std::optional<double> bare, const nlohmann::json& more = nlohmann::json::object());
  void skip(const std::string& what, const std::string& why);
  // The bench's exit code.
  [[nodiscard]] int write() const;

 private:
  std::string bench_;
  std::string file_;
  std::vector<std::string> arguments_;
  nlohmann::json rows_ = nlohmann::json::array();
};

}  // namespace mirrorlab::bench
