// After the traffic: waits until nothing is on its way to the test host any more.
#pragma once

#include <atomic>

#include "harness/cli/lab_context.h"
#include "harness/cli/program.h"
#include "harness/cli/topology.h"
#include "os/clock.h"

namespace mirrorlab::cli {

class Drain {
 public:
  // All of them outlive it.
  Drain(const LabContext& lab, const Topology& topology, FindProgram find,
        const std::atomic<bool>& interrupted)
      : lab_(lab), topology_(topology), find_(std::move(find)), interrupted_(interrupted) {}

  // False when the scenario's drain time was over first.
  [[nodiscard]] bool wait();

 private:
  // Our copy engine says so itself, when it is asked.
  [[nodiscard]] bool drained(const scenario::Engine& copy, os::Nanos deadline);
  // Another program does not: nothing came in at the test host for a while.
  [[nodiscard]] bool quiet(os::Nanos deadline);

  const LabContext& lab_;
  const Topology& topology_;
  FindProgram find_;
  const std::atomic<bool>& interrupted_;
};

}  // namespace mirrorlab::cli
