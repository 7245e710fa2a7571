#include "harness/cli/hands_on.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <iostream>
#include <stdexcept>

#include "harness/scenario/command_text.h"
#include "harness/scenario/suggest.h"

namespace mirrorlab::cli {

HandsOn::HandsOn(Lab& lab, SessionWatch& watch, const Interruption& interruption, std::string id)
    : lab_(lab),
      watch_(watch),
      scenario_(lab.context().scenario),
      id_(std::move(id)),
      prompt_(STDIN_FILENO, "mirrorlab> ",
              {{watch.fd(), [this] { tell_hits(); }},
               {interruption.fd(), [this] { prompt_.leave(); }}}) {
  for (const auto& p : lab_.programs()) {
    if (!p->running()) down_.insert(p->spec().name);
  }
}

const std::vector<HandsOn::Command>& HandsOn::commands() {
  static const std::vector<Command> kCommands{
      {"status", "", "programs, traffic, links, breakpoints", 0, &HandsOn::status},
      {"counters", "[ENGINE]", "what the engines count, without the zeros", 0, &HandsOn::counters},
      {"sessions", "[COUNT]", "the last sessions", 0, &HandsOn::sessions},
      {"session", "N", "one session and its last packets", 1, &HandsOn::session},
      {"links", "", "what the links did, and what was done to them", 0, &HandsOn::links},
      {"traffic", "start|stop [ID]", "the scenario's traffic, all of it or one", 1,
       &HandsOn::traffic},
      {"exec", "NODE COMMAND...", "a command in a node", 2, &HandsOn::exec},
      {"shell", "NODE", "a shell in a node", 1, &HandsOn::shell},
      {"start", "PROGRAM", "starts an engine or a service (NODE.SERVICE) again", 1,
       &HandsOn::start},
      {"end", "PROGRAM", "SIGTERM", 1, &HandsOn::end},
      {"kill", "PROGRAM", "SIGKILL", 1, &HandsOn::kill},
      {"halt", "PROGRAM", "SIGSTOP", 1, &HandsOn::halt},
      {"resume", "PROGRAM", "SIGCONT", 1, &HandsOn::resume},
      {"impair", "A B KEY=VALUE...", "changes a link: delay jitter rate queue loss burst ...", 3,
       &HandsOn::impair},
      {"down", "A B", "nothing passes the link", 2, &HandsOn::down},
      {"heal", "A B", "the link is as in the scenario again", 2, &HandsOn::heal},
      {"break", "EXPRESSION", "e.g. break session 17 sees SYN-ACK from test", 1,
       &HandsOn::set_break},
      {"breaks", "", "the breakpoints", 0, &HandsOn::breaks},
      {"delete", "N", "a breakpoint", 1, &HandsOn::delete_break},
      {"hold", "", "stops everything now", 0, &HandsOn::hold},
      {"continue", "", "lets everything go on", 0, &HandsOn::go_on},
      {"step", "[COUNT]", "lets one packet go, then stops again", 0, &HandsOn::step},
      {"wait", "traffic|break [TIME]", "until the traffic has ended, or something is hit", 1,
       &HandsOn::wait},
      {"help", "", "this list", 0, &HandsOn::help},
      {"quit", "", "ends the laboratory", 0, &HandsOn::quit}};
  return kCommands;
}

bool HandsOn::run() {
  const bool typed = prompt_.terminal();
  if (typed) {
    std::cout << id_ << " is up; `help` lists the commands, `quit` ends it\n";
  }
  while (const auto line = prompt_.next_line([this] { tell_ends(); })) enter(*line);
  if (stopped_) go_on({});
  return !refused_;
}

void HandsOn::enter(const std::string& line) {
  auto words = scenario::split_words(line);
  if (!words) return refuse(words.error());
  if (words->empty() || words->front().starts_with('#')) return;
  const auto& all = commands();
  const auto command =
      std::ranges::find_if(all, [&](const Command& c) { return words->front() == c.name; });
  if (command == all.end()) {
    std::vector<std::string> known;
    for (const auto& c : all) known.emplace_back(c.name);
    return refuse("no command `" + words->front() + "`" +
                  scenario::suggestion(words->front(), known) + "; `help` lists them");
  }
  const Words arguments(words->begin() + 1, words->end());
  if (arguments.size() < command->least) {
    return refuse(fmt::format("usage: {} {}", command->name, command->arguments));
  }
  try {
    (this->*command->act)(arguments);
  } catch (const std::exception& e) {
    refuse(e.what());
  }
  std::cout.flush();
}

void HandsOn::refuse(const std::string& words) {
  refused_ = true;
  std::cout << "error: " << words << std::endl;
}

unsigned HandsOn::number(const std::string& text) {
  unsigned n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw std::runtime_error("`" + text + "` is no number");
  }
  return n;
}

void HandsOn::help(const Words&) {
  for (const auto& c : commands()) {
    std::cout << fmt::format("  {:<30} {}\n", std::string(c.name) + " " + c.arguments, c.help);
  }
}

void HandsOn::quit(const Words&) { prompt_.leave(); }

void HandsOn::wait(const Words& arguments) {
  const bool for_traffic = arguments[0] == "traffic";
  if (!for_traffic && arguments[0] != "break")
    throw std::runtime_error("wait for traffic or break");
  scenario::Duration time = std::chrono::seconds(60);
  if (arguments.size() > 1) {
    const auto parsed = scenario::parse_duration(arguments[1]);
    if (!parsed) throw std::runtime_error(parsed.error());
    time = *parsed;
  }
  const auto deadline = os::steady_now() + time.count();
  const auto done = [&] {
    if (!for_traffic) return stopped_;
    return std::ranges::all_of(traffic_, [](const auto& one) { return one.second.code >= 0; });
  };
  tell_hits();
  while (!done()) {
    // Stopped, the traffic never ends.
    if (stopped_ || lab_.interrupted()) return;
    if (os::steady_now() > deadline) {
      throw std::runtime_error("waited " + scenario::to_text(time) + " for " + arguments[0] +
                               " in vain");
    }
    pollfd hit{watch_.fd(), POLLIN, 0};
    if (::poll(&hit, 1, 20) > 0) tell_hits();
    tell_ends();
  }
}

void HandsOn::tell_ends() {
  for (const auto& p : lab_.programs()) {
    const std::string& name = p->spec().name;
    if (p->running()) {
      down_.erase(name);
    } else if (down_.insert(name).second) {
      prompt_.interrupt_line();
      const auto how = p->unexpected_end();
      std::cout << name << " " << (how.empty() ? "has ended" : how) << std::endl;
    }
  }
  for (auto& [id, t] : traffic_) {
    if (t.code >= 0) continue;
    t.code = t.child->wait(0);
    if (t.code < 0) continue;
    t.took = os::steady_now() - t.began;
    prompt_.interrupt_line();
    std::cout << fmt::format("traffic {} ended with {} after {:.1f} s; {}/logs/traffic-{}.log\n",
                             id, t.code, static_cast<double>(t.took) / 1e9, lab_.context().out, id)
              << std::flush;
  }
}

}  // namespace mirrorlab::cli
