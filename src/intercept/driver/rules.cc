#include "intercept/driver/rules.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "os/error.h"
#include "os/fd.h"

namespace mirrorlab::intercept {

namespace {
struct Outcome {
  int status = 0;
  std::string output;
};

tl::expected<Outcome, std::string> run(const std::vector<std::string>& command) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) < 0) return os::failure("cannot make a pipe");
  os::Fd reader(ends[0]);
  os::Fd writer(ends[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, writer.get(), 1);
  posix_spawn_file_actions_adddup2(&actions, writer.get(), 2);
  std::vector<char*> argv;
  for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0)
    return os::failure("cannot run " + command[0], error, "install the package iptables");
  writer.reset();
  Outcome outcome;
  std::array<char, 512> buffer;
  for (ssize_t n = 0; (n = ::read(reader.get(), buffer.data(), buffer.size())) > 0;) {
    outcome.output.append(buffer.data(), static_cast<size_t>(n));
  }
  while (::waitpid(pid, &outcome.status, 0) < 0 && errno == EINTR) {
  }
  return outcome;
}

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::vector<std::string> command(const std::string& program, const std::string& verb,
                                 const std::vector<std::string>& rule) {
  std::vector<std::string> words{program, "-w", "-t", "mangle", verb, "OUTPUT"};
  words.insert(words.end(), rule.begin(), rule.end());
  return words;
}
bool is_v6(const std::string& address) { return address.find(':') != std::string::npos; }
}  // namespace

Rules::Rules(std::vector<uint16_t> service_ports, uint16_t queue, std::vector<std::string> passed)
    : ports_(std::move(service_ports)), queue_(queue), passed_(std::move(passed)) {}

// Each rule is preceded by the program it is for.
std::vector<Rules::Command> Rules::rules() const {
  std::vector<Command> all;
  for (const std::string program : {"iptables", "ip6tables"}) {
    for (const uint16_t port : ports_) {
      const std::vector<std::string> match{program, "-p", "tcp", "--sport", std::to_string(port),
                                           "!",     "-o", "lo"};
      for (const auto& address : passed_) {
        if (is_v6(address) != (program == "ip6tables")) continue;
        Command rule = match;
        rule.insert(rule.end(), {"-d", address, "-j", "RETURN"});
        all.push_back(rule);
      }
      Command rule = match;
      rule.insert(rule.end(), {"-j", "NFQUEUE", "--queue-num", std::to_string(queue_)});
      all.push_back(rule);
    }
  }
  return all;
}

std::vector<std::string> Rules::commands() const {
  std::vector<std::string> lines;
  for (const auto& rule : rules()) {
    lines.push_back(join(command(rule[0], "-A", {rule.begin() + 1, rule.end()})));
  }
  return lines;
}

tl::expected<void, std::string> Rules::install() {
  for (const auto& rule : rules()) {
    const std::vector<std::string> body{rule.begin() + 1, rule.end()};
    const auto there = run(command(rule[0], "-C", body));
    if (!there) return tl::unexpected(there.error());
    if (there->status == 0) continue;
    const auto added = run(command(rule[0], "-A", body));
    if (!added) return tl::unexpected(added.error());
    if (added->status != 0) {
      remove();
      return tl::unexpected("cannot add the rule `" + join(command(rule[0], "-A", body)) +
                            "`: " + added->output + "; run as root on a kernel with NFQUEUE");
    }
  }
  return {};
}

void Rules::remove() {
  for (const auto& rule : rules()) {
    const std::vector<std::string> body{rule.begin() + 1, rule.end()};
    for (auto gone = run(command(rule[0], "-D", body)); gone && gone->status == 0;) {
      gone = run(command(rule[0], "-D", body));
    }
  }
}

}  // namespace mirrorlab::intercept
