// A laboratory with a prompt: look at it, run commands in its nodes, play its scenario, hurt its
// links and programs, stop everything at a packet and go on packet by packet. Of a run it has the
// prompt only while everything is stopped, or once the run has ended.
//
// Threads: one (the main one: programs die with the thread that started them).
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "harness/cli/interruption.h"
#include "harness/cli/lab.h"
#include "harness/cli/prompt.h"
#include "harness/cli/session_watch.h"

namespace mirrorlab::cli {

class HandsOn {
 public:
  // All of them outlive it. `watch` sees the packets of the laboratory's links.
  HandsOn(Lab& lab, SessionWatch& watch, const Interruption& interruption, std::string id);

  // Takes commands until `quit`, the end of the input or an interruption. False when a command was
  // refused (what a script wants to know).
  bool run();
  // In the midst of a run: tells what was hit and takes commands until everything goes on. The end
  // of the input lets it go on, too; `quit` throws std::runtime_error, which ends the run.
  void serve_break();
  // Somebody said `quit`.
  [[nodiscard]] bool left() const { return quit_; }
  // The first command, as if it had been typed.
  void enter(const std::string& line);

 private:
  using Words = std::vector<std::string>;
  struct Command {
    const char* name;
    const char* arguments;
    const char* help;
    size_t least;  // arguments
    void (HandsOn::*act)(const Words& arguments);
  };
  struct Change {
    std::string link, words;
    uint64_t number = 0;
  };

  static const std::vector<Command>& commands();
  void help(const Words& arguments);
  void quit(const Words& arguments);
  void wait(const Words& arguments);
  [[nodiscard]] bool drained();

  // Looking.
  void status(const Words& arguments);
  void counters(const Words& arguments);
  void sessions(const Words& arguments);
  void session(const Words& arguments);
  void links(const Words& arguments);
  void print_counters(const std::string& engine);
  void print_session(const SessionWatch::Session& session);

  // Programs, traffic, links, nodes.
  void start(const Words& arguments);
  void end(const Words& arguments);
  void kill(const Words& arguments);
  void halt(const Words& arguments);
  void resume(const Words& arguments);
  void play(const Words& arguments);
  void traffic(const Words& arguments);
  void timeline(const Words& arguments);
  void impair(const Words& arguments);
  void down(const Words& arguments);
  void heal(const Words& arguments);
  void exec(const Words& arguments);
  void shell(const Words& arguments);
  void change(const std::string& a, const std::string& b, const scenario::Impairments& change,
              const std::string& words);
  Program& program(const std::string& name);
  int node_space(const std::string& node);

  // Stopping.
  void set_break(const Words& arguments);
  void breaks(const Words& arguments);
  void delete_break(const Words& arguments);
  void hold(const Words& arguments);
  void go_on(const Words& arguments);
  void step(const Words& arguments);
  void stop_everything();
  void freeze(bool stop);
  void settle();
  bool tell_hits();  // true when something was hit
  void say_what_waits();

  [[nodiscard]] Prompt::News expected();
  void tell_news();
  void tell_ends();
  void refuse(const std::string& words);
  [[nodiscard]] unsigned number(const std::string& text);

  Lab& lab_;
  SessionWatch& watch_;
  const scenario::Scenario& scenario_;
  const Interruption& interruption_;
  std::string id_;
  Prompt prompt_;
  std::set<std::string> down_;  // programs whose end has been told, or was asked for
  std::vector<Change> changes_;
  std::map<std::string, nlohmann::json> known_counters_;
  bool stopped_ = false;
  bool quit_ = false;
  bool began_ = false;  // play, or traffic
  bool refused_ = false;
};

}  // namespace mirrorlab::cli
