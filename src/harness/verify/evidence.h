// All that the verdict rests on. The engines had no hand in the taps and the recordings; what the
// engines say of themselves is here to be checked against those.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

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

struct Evidence {
  std::vector<MirroredService> services;
  PacketLog online;                // the online host's device toward the clients, whole packets
  PacketLog test;                  // the test host's device, whole packets
  PacketLog clients;               // the clients' device; headers suffice
  PacketLog egress;                // all devices of the online host; headers suffice
  nlohmann::json copy;             // the engines' own figures; null when one wrote none
  bool copy_gives_account = true;  // false: another program, of which nothing but this is known
  nlohmann::json intercept;
  std::vector<nlohmann::json> session_log;
  std::vector<Outage> outages;
  bool waits_for_answers = true;  // false: the copy engine was told not to (S3)
  bool drained = true;
  std::optional<uint64_t> test_connections_left;  // open on the test host after the drain
  uint64_t tap_drops = 0;                         // packets a tap itself lost
  uint64_t softnet_drops = 0;                     // of the box, while the run lasted
  uint64_t interface_drops = 0;                   // of the laboratory's devices
};

}  // namespace mirrorlab::verify
