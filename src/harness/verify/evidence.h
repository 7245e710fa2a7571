// Everything a verdict may rest on: what was seen from outside, and what the engines say.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "os/clock.h"
#include "wire/flow.h"

namespace mirrorlab::verify {

// What is mirrored where.
struct ServicePair {
  wire::Endpoint online;
  wire::Endpoint test;
};

// A time in which a part of the system was not working by the scenario's will.
struct Outage {
  std::string part;  // "copy", "intercept", "test", "online", "link"
  os::Nanos from_ns = 0;
  os::Nanos to_ns = os::kNever;
};

struct Evidence {
  std::vector<ServicePair> services;
  bool http = true;  // requests are HTTP/1.1; else every turn counts as a request

  // pcap files of taps. `online` is needed: the online host's devices toward the clients. `test`
  // is needed: the test host's devices on which mirrored packets arrive. `clients` (the clients'
  // devices) may be empty: leaks are then looked for at the online host only.
  std::vector<std::string> clients;
  std::vector<std::string> online;
  std::vector<std::string> test;
  uint64_t tap_drops = 0;      // sum of TapTotals::kernel_drops
  uint64_t softnet_drops = 0;  // growth of the second column of /proc/net/softnet_stat

  // JSONL files of built-in servers and clients, where they were used.
  std::vector<std::string> online_records;
  std::vector<std::string> test_records;
  std::vector<std::string> client_records;

  // The engines' own words. Counters of every copy engine that lived; session logs by path.
  std::vector<nlohmann::json> copy_counters;
  std::vector<std::string> session_logs;
  bool engine_reports = true;  // false: an engine without counters (another pair of commands)

  std::vector<Outage> outages;
  os::Nanos turn_hold_ns = 5 * os::kNanosPerSecond;  // the copy engine's --turn-hold
};

}  // namespace mirrorlab::verify
