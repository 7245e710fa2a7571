#include "harness/cli/drain.h"

#include <algorithm>
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
constexpr os::Nanos kAnswer = os::kNanosPerSecond;
// Some retransmissions of a header connection; records that vanished do not hold up the run.
constexpr os::Nanos kLastHeaders = 3 * os::kNanosPerSecond;
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

void Drain::await_headers(os::Nanos deadline) {
  const auto comparable = [&](const scenario::Engine& e) {
    return e.command.empty() && find_(e.id).running() && find_(e.id).runs() == 1;
  };
  if (!std::ranges::all_of(lab_.scenario.engines, comparable)) return;
  const auto look = [&] {
    uint64_t sent = 0;
    uint64_t came = 0;
    for (const auto& e : lab_.scenario.engines) {
      const auto all = ask_engine(lab_, find_(e.id), kAnswer);
      if (!all) return true;  // it has ended, or says nothing: the ledger tells
      const bool copy = e.kind == scenario::EngineKind::copy;
      const auto part = all->value(copy ? "header_return" : "counters", nlohmann::json::object());
      if (copy) {
        came += part.value("records", uint64_t{0});
        if (part.value("breaks", uint64_t{0}) > 0) return true;  // what was in it is gone
      } else {
        sent += part.value("records_returned", uint64_t{0});
      }
    }
    return came >= sent;
  };
  wait_.look_again(look, kBetweenLooks, std::min(deadline, wait_.now() + kLastHeaders));
}

bool Drain::wait() {
  const auto deadline = wait_.now() + lab_.scenario.drain.count();
  bool all = true;
  for (const auto& copy : lab_.scenario.engines) {
    if (copy.kind != scenario::EngineKind::copy) continue;
    if (!find_(copy.id).running()) continue;  // ended by the timeline, for good
    all = (copy.command.empty() ? drained(copy, deadline) : quiet(deadline)) && all;
  }
  if (all) await_headers(deadline);
  return all;
}

}  // namespace mirrorlab::cli
