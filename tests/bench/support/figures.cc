#include "bench/support/figures.h"

#include <cstring>
#include <fstream>
#include <iostream>

namespace mirrorlab::bench {

Figures::Figures(std::string bench, int argc, char** argv) : bench_(std::move(bench)) {
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--json") == 0 && i + 1 < argc) {
      file_ = argv[++i];
    } else {
      arguments_.emplace_back(argv[i]);
    }
  }
}

std::string Figures::argument(size_t i, const std::string& otherwise) const {
  return i < arguments_.size() ? arguments_[i] : otherwise;
}

void Figures::add(const std::string& what, const std::string& unit, double ours,
                  std::optional<double> bare, const nlohmann::json& more) {
  nlohmann::json row = {{"what", what}, {"unit", unit}, {"ours", ours}};
  if (bare) {
    row["bare"] = *bare;
    row["ratio"] = ours / *bare;
  }
  row.update(more);
  rows_.push_back(std::move(row));
}

void Figures::skip(const std::string& what, const std::string& why) {
  rows_.push_back({{"what", what}, {"skipped", why}});
}

int Figures::write() const {
  if (file_.empty()) return 0;
  std::ofstream out(file_);
  out << nlohmann::json{{"bench", bench_}, {"rows", rows_}}.dump(2) << '\n';
  if (out.flush()) return 0;
  std::cerr << bench_ << ": cannot write " << file_ << ": " << std::strerror(errno) << '\n';
  return 1;
}

}  // namespace mirrorlab::bench
