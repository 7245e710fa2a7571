// The taps of a laboratory: where packets are watched for the verifier.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "harness/cli/box_state.h"
#include "harness/cli/lab_context.h"
#include "harness/cli/topology.h"
#include "harness/verify/evidence.h"
#include "harness/verify/tap.h"

namespace mirrorlab::cli {

class Taps {
 public:
  // At the clients, on each online host toward the clients and on all its devices, at each test
  // host.
  // Throws std::runtime_error.
  Taps(const LabContext& lab, const Topology& topology);
  // Ends the watch; what was seen goes into the evidence, and into captures in `directory`. Once.
  void stop(verify::Evidence& evidence, const std::string& directory);

 private:
  std::vector<std::unique_ptr<verify::Tap>> clients_, online_, egress_, test_;
  BoxDrops drops_before_;
  bool stopped_ = false;
};

}  // namespace mirrorlab::cli
