// The taps of a laboratory: where packets are watched for the verifier. One for each host, on all
// its devices.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "harness/cli/lab_context.h"
#include "harness/cli/topology.h"
#include "harness/verify/evidence.h"
#include "harness/verify/tap.h"

namespace mirrorlab::cli {

class Taps {
 public:
  // Throws std::runtime_error. The laboratory outlives them.
  Taps(const LabContext& lab, const Topology& topology);
  // Ends the watch; what was seen goes into the evidence, and into captures in `directory`. Once.
  void stop(verify::Evidence& evidence, const std::string& directory);

 private:
  struct Place {
    const scenario::Node* node;
    std::unique_ptr<verify::Tap> tap;
  };
  std::vector<Place> places_;
  bool stopped_ = false;
};

}  // namespace mirrorlab::cli
