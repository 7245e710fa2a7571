// How the prompt stops everything, and goes on.
#include <fmt/format.h>

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
  const auto expression =
      scenario::parse_break(fmt::format("{}", fmt::join(arguments, " ")), scenario_);
  if (!expression) throw std::runtime_error(expression.error());
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
  lab_.play().freeze(stop);
}

void HandsOn::stop_everything() {
  lab_.topology().gate().hold();
  lab_.play().timeline().stand_still();
  // The engines can still answer, as nothing reaches them any more.
  counters({});
  freeze(true);
  stopped_ = true;
}

bool HandsOn::tell_hits() {
  const auto hits = watch_.take_hits();
  if (hits.empty()) return false;
  prompt_.interrupt_line();
  for (const auto& hit : hits) {
    std::cout << fmt::format("breakpoint {}: {}\n  {}\n", hit.breakpoint, hit.text, hit.packet);
    if (const auto s = watch_.session(hit.session)) print_session(*s);
  }
  if (!stopped_) stop_everything();
  say_what_waits();
  std::cout.flush();
  return true;
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
  lab_.play().timeline().go_on();
  freeze(false);
}

void HandsOn::settle() {
  auto& gate = lab_.topology().gate();
  const auto began = os::steady_now();
  uint64_t seen = 0;
  (void)gate.wait_arrival(seen, 0);
  while (gate.wait_arrival(seen, kQuiet) && os::steady_now() - began < kLongest) {
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
    if (tell_hits()) return;
  }
  say_what_waits();
}

}  // namespace mirrorlab::cli
