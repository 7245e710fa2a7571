// The verdict, from evidence the engines had no hand in (docs/VERIFIER.md).
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "harness/verify/streams.h"

namespace mirrorlab::verify {

struct Evidence {
  std::vector<TapPacket> online;   // the online host's device toward the clients
  std::vector<TapPacket> test;     // the test host's device toward the online host
  std::vector<TapPacket> clients;  // the clients' device
  wire::Endpoint online_service;
  wire::Endpoint test_service;
  uint64_t tap_drops = 0;  // packets a tap itself lost
  nlohmann::json copy;     // the engine's own figures; null when it wrote none
  std::vector<nlohmann::json> session_log;
};

struct Check {
  std::string name;
  bool passed = false;
  std::string detail;
};

struct Lost {
  std::string reason;
  std::string hop;
  uint64_t sessions = 0;
  uint64_t bytes = 0;
};

struct Report {
  std::map<std::string, double> metrics;  // names: docs/VERIFIER.md
  std::vector<Check> checks;
  std::vector<Lost> lost;
  std::string inconclusive;  // evidence that the box itself spoilt the run
};

[[nodiscard]] Report verify(const Evidence& evidence);

}  // namespace mirrorlab::verify
