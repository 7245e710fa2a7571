// All that the verdict rests on. The engines had no hand in the taps and the recordings; what the
// engines say of themselves is here to be checked against those.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "harness/verify/hops.h"
#include "harness/verify/packet_log.h"
#include "harness/verify/recording.h"
#include "harness/verify/requests.h"
#include "wire/flow.h"

namespace mirrorlab::verify {

// A time during which an engine did not run although there was traffic (a fault of the scenario).
struct Outage {
  std::string engine;              // copy, intercept
  int64_t from_ns = 0, to_ns = 0;  // wall clock; from 0: it was not up when the traffic began
};

// An online service and the test service its clients are mirrored to.
struct MirroredService {
  wire::Endpoint online, test;
  Protocol protocol = Protocol::http;
  std::optional<Recording> online_recording, test_recording;
};

// A host between the others: a router, or an assistant that replies are routed to.
struct Waypoint {
  std::string name;
  PacketLog seen;
};

struct Evidence {
  std::vector<MirroredService> services;
  // What passed the hosts of each role, both directions, on all devices but loopback. Whole is what
  // came in to the services of online and test hosts; of all else there are headers.
  PacketLog clients, online, test;
  std::vector<Waypoint> waypoints;
  int64_t taps_until_ns = INT64_MAX;  // wall clock: what a tap saw later counts in no ledger
  Hops hops;                          // what lies between the taps
  nlohmann::json copy;                // the engines' own figures; null when one wrote none
  bool copy_gives_account = true;     // false: another program, of which nothing but this is known
  nlohmann::json intercept;
  std::vector<nlohmann::json> session_log;
  std::vector<Outage> outages;
  bool waits_for_answers = true;                // false: the copy engine was told not to (S3)
  int64_t idle_timeout_ns = 3'600'000'000'000;  // of silence, then the copy engine lets go (S11)
  bool drained = true;
  std::optional<uint64_t> test_connections_left;  // open on the test host after the drain
  uint64_t online_connections_left = 0;           // then, on the online host
  uint64_t tap_drops = 0;                         // packets a tap itself lost
  int64_t taps_cpu_ns = 0;                        // what watching cost
  uint64_t softnet_drops = 0;                     // of the box, while the run lasted
};

}  // namespace mirrorlab::verify
