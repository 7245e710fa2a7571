// What the prompt's commands do to programs, traffic, links and nodes.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <stdexcept>

#include "harness/cli/foreground.h"
#include "harness/cli/hands_on.h"
#include "harness/cli/link_words.h"
#include "harness/scenario/suggest.h"

namespace mirrorlab::cli {

namespace {
constexpr int kEndMs = 5000;
}

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

void HandsOn::traffic(const Words& arguments) {
  const bool starts = arguments[0] == "start";
  if (!starts && arguments[0] != "stop") throw std::runtime_error("traffic start, or traffic stop");
  bool known = false;
  for (const auto& t : scenario_.traffic) {
    if (arguments.size() > 1 && t.id != arguments[1]) continue;
    known = true;
    Running& r = traffic_[t.id];
    const bool runs = r.child && r.code < 0;
    if (starts && !runs) {
      r = {lab_.launch(t), os::steady_now(), 0, -1};
      std::cout << "traffic " << t.id << " started\n";
    } else if (!starts && runs) {
      if (stopped_) r.child->signal_group(SIGCONT);
      r.child->stop(kEndMs);
    }
  }
  if (!known) throw std::runtime_error("no traffic " + (arguments.size() > 1 ? arguments[1] : ""));
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
