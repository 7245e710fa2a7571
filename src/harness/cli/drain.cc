#include "harness/cli/drain.h"

#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "harness/cli/engines.h"
#include "harness/net/netlink.h"

namespace mirrorlab::cli {

namespace {
using scenario::Role;

// Nothing came in at the test host for so long: another pair of engines has nothing left to send.
constexpr os::Nanos kQuiet = 500 * os::kNanosPerMilli;
}  // namespace

bool Drain::drained(const scenario::Engine& copy, os::Nanos deadline) {
  Program& engine = find_(copy.id);
  const std::string file = counters_file(lab_, copy.id, engine.runs());
  while (os::steady_now() < deadline && !interrupted_) {
    std::filesystem::remove(file);
    engine.signal(SIGUSR1);
    // The engine answers by writing the file; its end would be an answer too.
    while (!std::filesystem::exists(file)) {
      if (!engine.running() || os::steady_now() > deadline || interrupted_) return false;
      ::usleep(1000);
    }
    std::ifstream in(file);
    const auto figures = nlohmann::json::parse(in, nullptr, false);
    if (figures.is_object() && figures.value("drained", false)) return true;
    ::usleep(10'000);  // the next question; an engine that is asked all the time gets nothing done
  }
  return false;
}

bool Drain::quiet(os::Nanos deadline) {
  uint64_t last = 0;
  auto since = os::steady_now();
  while (os::steady_now() < deadline && !interrupted_) {
    uint64_t now = 0;
    for (const auto* test : lab_.scenario.nodes_of(Role::test)) {
      topology_.space(test->name).run([&] {
        for (const auto& device : lab_.plan.devices(test->name)) {
          now += net::received_packets(device);
        }
      });
    }
    if (now != last) since = os::steady_now();
    last = now;
    if (os::steady_now() - since > kQuiet) return true;
    ::usleep(20'000);
  }
  return false;
}

bool Drain::wait() {
  const auto deadline = os::steady_now() + lab_.scenario.drain.count();
  bool all = true;
  for (const auto& copy : lab_.scenario.engines) {
    if (copy.kind != scenario::EngineKind::copy) continue;
    if (!find_(copy.id).running()) continue;  // ended by the timeline, for good
    all = (copy.command.empty() ? drained(copy, deadline) : quiet(deadline)) && all;
  }
  return all;
}

}  // namespace mirrorlab::cli
