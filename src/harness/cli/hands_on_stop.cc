// How the prompt stops everything, and goes on.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <iostream>
#include <stdexcept>

#include "harness/cli/hands_on.h"

namespace mirrorlab::cli {

namespace {
// After a packet has gone, what it brings about comes within microseconds; a packet that nobody
// answers is waited for so long.
constexpr os::Nanos kQuiet = 30 * os::kNanosPerMilli;
constexpr os::Nanos kLongest = 500 * os::kNanosPerMilli;
}  // namespace

void HandsOn::set_break(const Words& arguments) {
  const auto expression = parse_break(fmt::format("{}", fmt::join(arguments, " ")));
  if (!expression) throw std::runtime_error(expression.error());
  bool known = expression->link.empty();
  for (const auto& l : scenario_.links) known = known || expression->link == l.a + "-" + l.b;
  if (!known) throw std::runtime_error("no link " + expression->link);
  const unsigned number = watch_.add(*expression);
  std::cout << fmt::format("breakpoint {}: {}\n", number, expression->text);
}

void HandsOn::breaks(const Words&) {
  for (const auto& [number, expression] : watch_.breakpoints()) {
    std::cout << fmt::format("  {}  {}\n", number, expression.text);
  }
}

void HandsOn::delete_break(const Words& arguments) {
  if (!watch_.remove(number(arguments[0]))) {
    throw std::runtime_error("no breakpoint " + arguments[0]);
  }
}

void HandsOn::freeze(bool stop) {
  for (const auto& p : lab_.programs()) p->freeze(stop);
  for (auto& [id, t] : traffic_) {
    if (!t.child || t.code >= 0) continue;
    if (stop) {
      t.child->halt(true);
    } else {
      t.child->signal_group(SIGCONT);
    }
  }
}

void HandsOn::stop_everything() {
  lab_.topology().gate().hold();
  // The engines can still answer, as nothing reaches them any more.
  counters({});
  freeze(true);
  stopped_ = true;
}

void HandsOn::tell_hits() {
  const auto hits = watch_.take_hits();
  if (hits.empty()) return;
  prompt_.interrupt_line();
  for (const auto& hit : hits) {
    std::cout << fmt::format("breakpoint {}: {}\n  {}\n", hit.breakpoint, hit.text, hit.packet);
    if (const auto s = watch_.session(hit.session)) print_session(*s);
  }
  if (!stopped_) stop_everything();
  say_what_waits();
  std::cout.flush();
}

void HandsOn::say_what_waits() {
  std::cout << fmt::format(
      "everything is stopped; {} packets wait in the links; `step`, `continue`\n",
      lab_.topology().gate().waiting());
}

void HandsOn::hold(const Words&) {
  if (!stopped_) stop_everything();
  say_what_waits();
}

void HandsOn::go_on(const Words&) {
  if (!stopped_) throw std::runtime_error("nothing is stopped");
  stopped_ = false;
  lab_.topology().gate().resume();
  freeze(false);
}

void HandsOn::settle() {
  auto& gate = lab_.topology().gate();
  const auto began = os::steady_now();
  auto since = began;
  uint64_t last = gate.waiting();
  while (os::steady_now() - since < kQuiet && os::steady_now() - began < kLongest) {
    ::usleep(2000);  // between two looks at the same state
    const uint64_t now = gate.waiting();
    if (now != last) since = os::steady_now();
    last = now;
  }
}

void HandsOn::step(const Words& arguments) {
  if (!stopped_) throw std::runtime_error("nothing is stopped; `hold` stops everything");
  const unsigned count = arguments.empty() ? 1 : number(arguments[0]);
  auto& gate = lab_.topology().gate();
  for (unsigned i = 0; i < count; ++i) {
    freeze(false);
    const auto went = gate.step();
    settle();
    freeze(true);
    if (!went) {
      std::cout << "no packet waits; the programs had a moment\n";
      continue;
    }
    const auto middle = went->link.find('-');
    const std::string a = went->link.substr(0, middle), b = went->link.substr(middle + 1);
    const bool forth = went->direction == wirebox::Direction::a_to_b;
    std::cout << fmt::format("went {} to {}: {}\n", forth ? a : b, forth ? b : a, went->text);
    tell_hits();
  }
  say_what_waits();
}

}  // namespace mirrorlab::cli
