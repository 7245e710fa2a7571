#include "os/command.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "os/error.h"
#include "os/fd.h"

namespace mirrorlab::os {

namespace {
// The attributes of a child that starts as from a shell: no blocked signals, SIGPIPE as usual.
struct Attributes {
  posix_spawnattr_t value{};
  Attributes() {
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&value);
    posix_spawnattr_setsigmask(&value, &none);
    posix_spawnattr_setsigdefault(&value, &all);
    posix_spawnattr_setflags(&value, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~Attributes() { posix_spawnattr_destroy(&value); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
};

// Input is small (rules): it fits the pipe, so writing before reading cannot lock up.
tl::expected<Fd, std::string> input_pipe(const std::string& input) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) < 0) return failure("cannot make a pipe");
  Fd reader(ends[0]);
  const Fd writer(ends[1]);
  ::fcntl(writer.get(), F_SETPIPE_SZ, 1 << 20);
  if (::write(writer.get(), input.data(), input.size()) != static_cast<ssize_t>(input.size())) {
    return failure("cannot fill a pipe");
  }
  return reader;
}
}  // namespace

tl::expected<CommandOutcome, std::string> run_command(const std::vector<std::string>& command,
                                                      const std::string& input) {
  auto in = input_pipe(input);
  if (!in) return tl::unexpected(in.error());
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) < 0) return failure("cannot make a pipe");
  const Fd reader(ends[0]);
  Fd writer(ends[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in->get(), 0);
  posix_spawn_file_actions_adddup2(&actions, writer.get(), 1);
  posix_spawn_file_actions_adddup2(&actions, writer.get(), 2);
  std::vector<char*> argv;
  for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const Attributes attributes;
  pid_t pid = 0;
  const int error =
      ::posix_spawnp(&pid, argv[0], &actions, &attributes.value, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return failure("cannot run " + command[0], error);
  writer.reset();
  CommandOutcome outcome;
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t n = ::read(reader.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    outcome.output.append(buffer.data(), static_cast<size_t>(n));
  }
  while (::waitpid(pid, &outcome.status, 0) < 0 && errno == EINTR) {
  }
  while (!outcome.output.empty() && outcome.output.back() == '\n') outcome.output.pop_back();
  return outcome;
}

}  // namespace mirrorlab::os
