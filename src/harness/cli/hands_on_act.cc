// What the prompt's commands do to programs, traffic, links and nodes.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <sstream>
#include <stdexcept>

#include "harness/cli/foreground.h"
#include "harness/cli/hands_on.h"
#include "harness/cli/link_words.h"
#include "harness/scenario/suggest.h"

namespace mirrorlab::cli {

namespace {
std::string indented(const std::string& lines) {
  std::string text;
  std::istringstream in(lines);
  for (std::string line; std::getline(in, line);) text += "    " + line + "\n";
  return text;
}
}  // namespace

Program& HandsOn::program(const std::string& name) {
  std::vector<std::string> known;
  for (const auto& p : lab_.programs()) {
    if (p->spec().name == name) return *p;
    known.push_back(p->spec().name);
  }
  throw std::runtime_error("no program " + name + scenario::suggestion(name, known));
}

int HandsOn::node_space(const std::string& node) {
  const auto spaces = lab_.spaces();
  if (const auto found = spaces.find(node); found != spaces.end()) return found->second;
  std::vector<std::string> known;
  for (const auto& n : scenario_.nodes) known.push_back(n.name);
  throw std::runtime_error("no node " + node + scenario::suggestion(node, known));
}

void HandsOn::start(const Words& arguments) {
  if (stopped_) throw std::runtime_error("everything is stopped; `continue` first");
  program(arguments[0]).start();
  down_.erase(arguments[0]);
}

void HandsOn::end(const Words& arguments) {
  down_.insert(arguments[0]);
  program(arguments[0]).terminate();
}

void HandsOn::kill(const Words& arguments) {
  down_.insert(arguments[0]);
  program(arguments[0]).kill();
}

void HandsOn::halt(const Words& arguments) { program(arguments[0]).halt(); }
void HandsOn::resume(const Words& arguments) { program(arguments[0]).resume(); }

void HandsOn::play(const Words&) {
  if (stopped_) throw std::runtime_error("everything is stopped; `continue` first");
  if (!lab_.play().over() || !lab_.play().timeline().idle()) {
    throw std::runtime_error("it is playing; see `status` and `timeline`");
  }
  began_ = true;
  lab_.begin_play();
  for (const auto& run : lab_.play().runs()) {
    std::cout << fmt::format("traffic {} {}\n", run.name(),
                             run.traffic->start.count() > 0
                                 ? "starts after " + scenario::to_text(run.traffic->start)
                                 : "starts");
  }
}

void HandsOn::traffic(const Words& arguments) {
  const bool starts = arguments[0] == "start";
  if (!starts && arguments[0] != "stop") throw std::runtime_error("traffic start, or traffic stop");
  if (stopped_) throw std::runtime_error("everything is stopped; `continue` first");
  std::vector<std::string> known;
  bool found = false;
  for (auto& run : lab_.play().runs()) {
    const std::string& id = run.traffic->id;
    known.push_back(id);
    if (arguments.size() > 1 && id != arguments[1]) continue;
    found = true;
    if (!starts) {
      lab_.play().stop(run);
    } else if (run.running()) {
      std::cout << "traffic " << run.name() << " runs already\n";
    } else {
      began_ = true;
      lab_.play().start(run);
      std::cout << "traffic " << run.name() << " started\n";
    }
  }
  if (found) return;
  if (arguments.size() < 2) throw std::runtime_error("the scenario has no traffic");
  throw std::runtime_error("no traffic " + arguments[1] +
                           scenario::suggestion(arguments[1], known));
}

void HandsOn::timeline(const Words&) {
  auto& timeline = lab_.play().timeline();
  const std::string done = timeline.history(), to_come = timeline.to_come();
  if (!done.empty()) std::cout << "  done\n" << indented(done);
  if (!to_come.empty()) std::cout << "  to come\n" << indented(to_come);
  if (!done.empty() || !to_come.empty()) return;
  std::cout << (scenario_.timeline.empty() ? "  the scenario has none\n"
                                           : "  it begins with `play`\n");
}

void HandsOn::change(const std::string& a, const std::string& b,
                     const scenario::Impairments& change, const std::string& words) {
  const auto link = std::ranges::find_if(scenario_.links, [&](const scenario::Link& l) {
    return (l.a == a && l.b == b) || (l.a == b && l.b == a);
  });
  if (link == scenario_.links.end()) throw std::runtime_error("no link between " + a + " and " + b);
  changes_.push_back({link->a + "-" + link->b, words, lab_.topology().change(a, b, change)});
}

void HandsOn::impair(const Words& arguments) {
  const std::span<const std::string> words(arguments.begin() + 2, arguments.end());
  const auto parsed = parse_impairments(words);
  if (!parsed) throw std::runtime_error(parsed.error());
  change(arguments[0], arguments[1], *parsed, fmt::format("{}", fmt::join(words, " ")));
}

void HandsOn::down(const Words& arguments) {
  scenario::Impairments impairments;
  impairments.down = true;
  change(arguments[0], arguments[1], impairments, "down");
}

void HandsOn::heal(const Words& arguments) {
  size_t healed = 0;
  for (const auto& name : {arguments[0] + "-" + arguments[1], arguments[1] + "-" + arguments[0]}) {
    healed += std::erase_if(changes_, [&](const Change& c) {
      if (c.link == name) lab_.topology().undo(c.number);
      return c.link == name;
    });
  }
  if (healed == 0) throw std::runtime_error("nothing was done to a link between these two");
}

void HandsOn::exec(const Words& arguments) {
  const Words command(arguments.begin() + 1, arguments.end());
  const auto code = run_in_foreground(command, {"", node_space(arguments[0]), !prompt_.terminal()});
  if (!code) throw std::runtime_error(code.error());
  if (*code != 0) refuse(fmt::format("`{}` ended with {}", command.front(), *code));
}

void HandsOn::shell(const Words& arguments) {
  const char* shell = std::getenv("SHELL");
  const auto code = run_in_foreground({shell != nullptr ? shell : "/bin/sh"},
                                      {"", node_space(arguments[0]), !prompt_.terminal()});
  if (!code) throw std::runtime_error(code.error());
}

}  // namespace mirrorlab::cli
