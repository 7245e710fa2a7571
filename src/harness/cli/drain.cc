#include "harness/cli/drain.h"

#include <optional>

#include "harness/cli/engine_question.h"
#include "harness/net/netlink.h"

namespace mirrorlab::cli {

namespace {
using scenario::Role;

// Nothing came in at the test host for so long: another pair of engines has nothing left to send.
constexpr os::Nanos kQuiet = 500 * os::kNanosPerMilli;
constexpr os::Nanos kBetweenLooks = 20 * os::kNanosPerMilli;
// An engine that is asked all the time gets nothing done.
constexpr os::Nanos kBetweenQuestions = 10 * os::kNanosPerMilli;
}  // namespace

bool Drain::drained(const scenario::Engine& copy, os::Nanos deadline) {
  Program& engine = find_(copy.id);
  EngineQuestion question(lab_, engine);
  while (wait_.now() < deadline && !wait_.interrupted()) {
    WaitSet set;
    set.add(question.fd());
    os::Fd end = question.end();
    const bool runs = end.valid();
    set.add(std::move(end));
    if (runs) wait_.until(deadline, std::move(set));
    const auto figures = question.answer();
    if (!figures) {
      if (!runs) return false;
      continue;
    }
    if (figures->is_object() && figures->value("drained", false)) return true;
    wait_.until(wait_.now() + kBetweenQuestions);
    question.ask();
  }
  return false;
}

bool Drain::quiet(os::Nanos deadline) {
  std::optional<uint64_t> last;
  os::Nanos since = 0;
  const auto look = [&] {
    uint64_t now = 0;
    for (const auto* test : lab_.scenario.nodes_of(Role::test)) {
      topology_.space(test->name).run([&] {
        for (const auto& device : lab_.plan.devices(test->name)) {
          now += net::received_packets(device);
        }
      });
    }
    if (now != last) since = wait_.now();
    last = now;
    return wait_.now() - since > kQuiet;
  };
  return wait_.look_again(look, kBetweenLooks, deadline);
}

bool Drain::wait() {
  const auto deadline = wait_.now() + lab_.scenario.drain.count();
  bool all = true;
  for (const auto& copy : lab_.scenario.engines) {
    if (copy.kind != scenario::EngineKind::copy) continue;
    if (!find_(copy.id).running()) continue;  // ended by the timeline, for good
    all = (copy.command.empty() ? drained(copy, deadline) : quiet(deadline)) && all;
  }
  return all;
}

}  // namespace mirrorlab::cli
