// How the harness starts its own service and clients: the scenario's words as their options.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "harness/scenario/model.h"

namespace mirrorlab::cli {

// Options of `mirrorlab serve`. `recording`: file that the service writes its own account to;
// `scenario`: the scenario's file, which captures are named from.
[[nodiscard]] nlohmann::json serve_options(const scenario::Service& service,
                                           const std::string& recording,
                                           const std::string& scenario);
// A capture's path, as it is seen from here.
[[nodiscard]] std::string capture_path(const std::string& file, const std::string& scenario);

struct LoadPlace {
  std::string service;       // ADDR:PORT, [ADDR]:PORT
  std::string first_client;  // address; the others follow it
  uint64_t clients = 1;
  std::vector<std::string> spaces;     // of each client a network namespace; empty: all in one
  std::string built_in_mode = "http";  // of the built-in service; empty: it is another one
  uint64_t seed = 1;
  std::string scenario;  // its file
  std::string progress;  // file for what was done so far; empty: none
};
// Options of `mirrorlab load`, for traffic of all kinds but command.
[[nodiscard]] nlohmann::json load_options(const scenario::Traffic& traffic, const LoadPlace& place);

}  // namespace mirrorlab::cli
