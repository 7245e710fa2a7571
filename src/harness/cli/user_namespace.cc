#include "harness/cli/user_namespace.h"

#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "os/error.h"
#include "os/fd.h"

namespace mirrorlab::cli {

namespace {
constexpr const char* kMend =
    "run as root, or allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, "
    "kernel.apparmor_restrict_unprivileged_userns=0, user.max_user_namespaces above 0)";

struct Range {
  std::string first;
  std::string count;
};

// The first range of at least 65,536 ids that `file` (/etc/subuid, /etc/subgid) gives to the user.
std::optional<Range> subordinate_ids(const char* file, uid_t user) {
  const passwd* entry = ::getpwuid(user);
  const std::string name = entry != nullptr ? entry->pw_name : "";
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const auto owner = line.substr(0, first);
    if (owner != name && owner != std::to_string(user)) continue;
    const auto count = line.substr(second + 1);
    if (std::strtoul(count.c_str(), nullptr, 10) < 65536) continue;
    return Range{line.substr(first + 1, second - first - 1), "65536"};
  }
  return std::nullopt;
}

bool succeeds(const std::vector<std::string>& command) {
  std::vector<char*> argv;
  for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  return error == 0 && ::waitpid(pid, &status, 0) == pid && status == 0;
}

// A child that stays outside, and maps a range of ids into the namespace of its parent when told
// to.
class Mapper {
 public:
  Mapper(const Range& users, const Range& groups) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) < 0) return;
    os::Fd wait(ends[0]);
    go_.reset(ends[1]);
    const std::string parent = std::to_string(::getpid());
    const std::string uid = std::to_string(::getuid()), gid = std::to_string(::getgid());
    pid_ = ::fork();
    if (pid_ != 0) return;
    go_.reset();
    char told = 0;
    const bool mapped =
        ::read(wait.get(), &told, 1) == 1 &&
        succeeds({"newuidmap", parent, "0", uid, "1", "1", users.first, users.count}) &&
        succeeds({"newgidmap", parent, "0", gid, "1", "1", groups.first, groups.count});
    ::_exit(mapped ? 0 : 1);
  }
  bool map() {
    if (pid_ <= 0) return false;
    const bool told = ::write(go_.get(), "g", 1) == 1;
    int status = 0;
    return told && ::waitpid(pid_, &status, 0) == pid_ && status == 0;
  }

 private:
  os::Fd go_;
  pid_t pid_ = -1;
};

bool write_file(const char* path, const std::string& text) {
  const os::Fd fd(::open(path, O_WRONLY | O_CLOEXEC));
  return fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}
}  // namespace

Rootless become_root() {
  if (::geteuid() == 0) return {};
  const uid_t user = ::getuid();
  const gid_t group = ::getgid();
  const auto users = subordinate_ids("/etc/subuid", user);
  const auto groups = subordinate_ids("/etc/subgid", user);
  std::optional<Mapper> mapper;
  if (users && groups) mapper.emplace(*users, *groups);
  if (::unshare(CLONE_NEWUSER) < 0) {
    return {UserMap::none, os::error_text("cannot make a user namespace", errno, kMend)};
  }
  if (mapper && mapper->map()) return {UserMap::range, {}};
  const bool mapped = write_file("/proc/self/setgroups", "deny") &&
                      write_file("/proc/self/uid_map", "0 " + std::to_string(user) + " 1") &&
                      write_file("/proc/self/gid_map", "0 " + std::to_string(group) + " 1");
  if (!mapped) return {UserMap::none, os::error_text("cannot map the user to root", errno, kMend)};
  return {UserMap::single, {}};
}

}  // namespace mirrorlab::cli
