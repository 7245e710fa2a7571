// After the traffic: waits until nothing is on its way to the test host any more.
#pragma once

#include "harness/cli/lab_context.h"
#include "harness/cli/lab_wait.h"
#include "harness/cli/program.h"
#include "harness/cli/topology.h"
#include "os/clock.h"

namespace mirrorlab::cli {

class Drain {
 public:
  // All of them outlive it.
  Drain(const LabContext& lab, const Topology& topology, FindProgram find, LabWait& wait)
      : lab_(lab), topology_(topology), find_(std::move(find)), wait_(wait) {}

  // False when the scenario's drain time was over first.
  [[nodiscard]] bool wait();

 private:
  // Our copy engine says so itself, when it is asked.
  [[nodiscard]] bool drained(const scenario::Engine& copy, os::Nanos deadline);
  // Another program does not: nothing came in at the test host for a while.
  [[nodiscard]] bool quiet(os::Nanos deadline);

  // What the intercepts have sent has come to the copy engines: on a bad path a header connection
  // may be at its last bytes still. Of engines that were started again nothing can be told.
  void await_headers(os::Nanos deadline);

  const LabContext& lab_;
  const Topology& topology_;
  FindProgram find_;
  LabWait& wait_;
};

}  // namespace mirrorlab::cli
