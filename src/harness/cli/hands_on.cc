#include "harness/cli/hands_on.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <iostream>
#include <stdexcept>

#include "harness/cli/engine_question.h"
#include "harness/scenario/command_text.h"
#include "harness/scenario/suggest.h"

namespace mirrorlab::cli {

namespace {
constexpr os::Nanos kBetweenQuestions = 10 * os::kNanosPerMilli;
constexpr os::Nanos kAnswerTime = 100 * os::kNanosPerMilli;
}  // namespace

HandsOn::HandsOn(Lab& lab, SessionWatch& watch, const Interruption& interruption, std::string id)
    : lab_(lab),
      watch_(watch),
      scenario_(lab.context().scenario),
      interruption_(interruption),
      id_(std::move(id)),
      prompt_(
          STDIN_FILENO, "mirrorlab> ", [this] { return expected(); }, [this] { tell_news(); }) {}

Prompt::News HandsOn::expected() {
  Prompt::News news;
  news.set.add(watch_.fd());
  news.set.add(interruption_.fd());
  lab_.play().watch(news.set);
  for (const auto& p : lab_.programs()) news.set.add(p->watch_end());
  const os::Nanos next = lab_.play().next_start();
  if (next != os::kNever && !stopped_) news.within = next - lab_.wait().now();
  return news;
}

void HandsOn::tell_news() {
  if (interruption_.happened()) return prompt_.leave();
  tell_hits();
  tell_ends();
}

const std::vector<HandsOn::Command>& HandsOn::commands() {
  static const std::vector<Command> kCommands{
      {"status", "", "programs, traffic, links, breakpoints", 0, &HandsOn::status},
      {"counters", "[ENGINE]", "what the engines count, without the zeros", 0, &HandsOn::counters},
      {"sessions", "[COUNT]", "the last sessions", 0, &HandsOn::sessions},
      {"session", "N", "one session and its last packets", 1, &HandsOn::session},
      {"links", "", "what the links did, and what was done to them", 0, &HandsOn::links},
      {"play", "", "the scenario from its beginning: traffic and timeline, each at its time", 0,
       &HandsOn::play},
      {"traffic", "start|stop [ID]", "traffic alone and at once, all of it or one", 1,
       &HandsOn::traffic},
      {"timeline", "", "what was done to the laboratory, and what is to come", 0,
       &HandsOn::timeline},
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
      {"wait", "traffic|drained|break [TIME]", "until all is over, mirrored, or something is hit",
       1, &HandsOn::wait},
      {"help", "", "this list", 0, &HandsOn::help},
      {"quit", "", "ends the laboratory", 0, &HandsOn::quit}};
  return kCommands;
}

bool HandsOn::run() {
  for (const auto& p : lab_.programs()) {
    if (!p->running()) down_.insert(p->spec().name);
  }
  if (prompt_.terminal()) {
    std::cout << id_ << " is up; " << (began_ ? "" : "`play` begins its scenario, ")
              << "`help` lists the commands, `quit` ends it\n";
  }
  while (!quit_) {
    const auto line = prompt_.next_line();
    if (!line) break;
    enter(*line);
  }
  if (stopped_) go_on({});
  return !refused_;
}

void HandsOn::serve_break() {
  tell_hits();
  while (stopped_ && !quit_) {
    const auto line = prompt_.next_line();
    if (!line) break;
    enter(*line);
  }
  if (stopped_) go_on({});
  if (quit_) throw std::runtime_error("ended at a breakpoint, by `quit`");
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

void HandsOn::quit(const Words&) { quit_ = true; }

void HandsOn::wait(const Words& arguments) {
  const std::string& what = arguments[0];
  if (what != "traffic" && what != "drained" && what != "break") {
    throw std::runtime_error("wait traffic, wait drained, or wait break");
  }
  scenario::Duration time = std::chrono::seconds(60);
  if (arguments.size() > 1) {
    const auto parsed = scenario::parse_duration(arguments[1]);
    if (!parsed) throw std::runtime_error(parsed.error());
    time = *parsed;
  }
  const auto deadline = os::steady_now() + time.count();
  for (;;) {
    tell_news();
    // Stopped, nothing else ever comes.
    if (stopped_ || interruption_.happened()) return;
    const bool over = what != "break" && lab_.play().over();
    if (over && (what == "traffic" || drained())) return;
    const auto left = deadline - os::steady_now();
    if (left <= 0) {
      throw std::runtime_error("waited " + scenario::to_text(time) + " for " + what + " in vain");
    }
    Prompt::News news = expected();
    // An engine tells what it has left only when it is asked again.
    const auto question = over ? kBetweenQuestions : os::kNever;
    news.set.poll(std::min({news.within, left, question}));
  }
}

// Nothing is on its way to a test host any more, as far as our copy engines say.
bool HandsOn::drained() {
  for (const auto* copy : scenario_.engines_of(scenario::EngineKind::copy)) {
    if (!copy->command.empty()) continue;
    const auto figures = ask_engine(lab_.context(), program(copy->id), kAnswerTime);
    if (figures && figures->is_object() && !figures->value("drained", false)) return false;
    // One that does not run has nothing to say.
    if (!figures && program(copy->id).running()) return false;
  }
  return true;
}

void HandsOn::tell_ends() {
  auto& play = lab_.play();
  // What stands still is not started.
  const auto ended = play.turn(stopped_ ? 0 : lab_.wait().now());
  for (const auto& line : play.timeline().take_news()) {
    prompt_.interrupt_line();
    std::cout << "timeline: " << line << std::endl;
  }
  for (const auto& p : lab_.programs()) {
    const std::string& name = p->spec().name;
    if (p->running()) {
      down_.erase(name);
    } else if (p->runs() > 0 && down_.insert(name).second) {
      prompt_.interrupt_line();
      const auto how = p->unexpected_end();
      std::cout << name << " " << (how.empty() ? "has ended" : how) << std::endl;
    }
  }
  for (const auto* t : ended) {
    prompt_.interrupt_line();
    std::cout << fmt::format("traffic {} ended with {} after {:.1f} s; {}\n", t->name(), t->code,
                             static_cast<double>(t->took) / 1e9, play.log_of(*t))
              << std::flush;
  }
}

}  // namespace mirrorlab::cli
