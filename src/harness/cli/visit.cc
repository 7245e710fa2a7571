#include "harness/cli/visit.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>

#include "harness/cli/foreground.h"
#include "harness/cli/lab_door.h"
#include "harness/cli/unix_message.h"
#include "os/error.h"

namespace mirrorlab::cli {

namespace {
constexpr int kAnswerMs = 5000;

int complain(int code, const std::string& words) {
  std::cerr << "mirrorlab: " << words << '\n';
  return code;
}

// Names of all laboratories' sockets, this user's or not.
std::vector<std::string> names() {
  std::vector<std::string> found;
  std::ifstream in("/proc/net/unix");
  const std::string mark = std::string("@") + kDoorPrefix;
  for (std::string line; std::getline(in, line);) {
    const auto at = line.find(mark);
    // A connection's end at the laboratory bears the name, too; 00010000 is a listening one.
    if (at != std::string::npos && line.find(" 00010000 ") != std::string::npos) {
      found.push_back(line.substr(at + mark.size()));
    }
  }
  return found;
}

// A connection to a laboratory of this user; none when it is another's or gone.
os::Fd connect_to(const std::string& id) {
  os::Fd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  const std::string name = kDoorPrefix + id;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (!fd || name.size() + 1 > sizeof address.sun_path) return {};
  std::memcpy(&address.sun_path[1], name.data(), name.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) < 0) return {};
  // Anybody may take an abstract name: whom it belongs to is what counts.
  return user_of_peer(fd.get()) == ::geteuid() ? std::move(fd) : os::Fd();
}

tl::expected<UnixMessage, std::string> ask(const os::Fd& lab, const std::string& question) {
  if (const auto sent = send_message(lab.get(), question, {}); !sent) {
    return tl::unexpected(sent.error());
  }
  pollfd answered{lab.get(), POLLIN, 0};
  if (::poll(&answered, 1, kAnswerMs) <= 0) {
    return tl::unexpected(std::string("the laboratory does not answer"));
  }
  return receive_message(lab.get());
}

std::vector<std::string> own_labs() {
  std::vector<std::string> mine;
  for (const auto& name : names()) {
    if (connect_to(name)) mine.push_back(name);
  }
  std::ranges::sort(mine);
  return mine;
}

bool is_own(int fd, const char* kind) {
  struct stat theirs {
  }, ours{};
  return ::fstat(fd, &theirs) == 0 &&
         ::stat((std::string("/proc/self/ns/") + kind).c_str(), &ours) == 0 &&
         theirs.st_ino == ours.st_ino;
}

// Into all of them, in the only order in which each gives the right to the next.
std::optional<std::string> enter(const std::vector<os::Fd>& spaces) {
  const auto step = [](const os::Fd& fd, int kind, const char* name) -> std::optional<std::string> {
    if (::setns(fd.get(), kind) == 0) return std::nullopt;
    return os::error_text(std::string("cannot enter the ") + name + " namespace", errno,
                          "enter as the user who started the laboratory");
  };
  if (!is_own(spaces[0].get(), "user")) {
    if (auto why = step(spaces[0], CLONE_NEWUSER, "user")) return why;
  }
  if (auto why = step(spaces[3], CLONE_NEWNET, "network")) return why;
  if (auto why = step(spaces[2], CLONE_NEWPID, "pid")) return why;
  return step(spaces[1], CLONE_NEWNS, "mount");
}
}  // namespace

int list_labs() {
  for (const auto& id : own_labs()) {
    const auto lab = connect_to(id);
    if (!lab) continue;  // it has ended
    const auto info = ask(lab, "info");
    if (!info) return complain(3, id + ": " + info.error());
    std::istringstream in(info->text);
    std::string name, variant, out, nodes;
    std::getline(in, name);
    std::getline(in, variant);
    std::getline(in, out);
    std::getline(in, nodes);
    std::cout << id << (variant.empty() ? "" : " [" + variant + "]") << "\n    nodes  " << nodes
              << "\n    files  " << out << '\n';
  }
  return 0;
}

int visit(const std::string& wanted, const std::string& node, std::vector<std::string> command) {
  std::string id = wanted;
  if (id.empty()) {
    const auto mine = own_labs();
    if (mine.empty()) return complain(2, "no laboratory is up; start one with `mirrorlab up`");
    if (mine.size() > 1) {
      std::string all;
      for (const auto& one : mine) all += " " + one;
      return complain(2, "several laboratories are up; choose one with --run:" + all);
    }
    id = mine.front();
  }
  const auto lab = connect_to(id);
  if (!lab) return complain(2, "no laboratory " + id + " of yours is up; see `mirrorlab labs`");
  const auto answer = ask(lab, "enter " + node);
  if (!answer) return complain(3, answer.error());
  if (answer->descriptors.size() != 4) return complain(2, answer->text);
  const std::string here = std::filesystem::current_path().string();
  if (const auto why = enter(answer->descriptors)) return complain(3, *why);
  if (command.empty()) {
    const char* shell = std::getenv("SHELL");
    command = {shell != nullptr ? shell : "/bin/sh"};
    ::setenv("MIRRORLAB_NODE", node.c_str(), 1);
  }
  const auto code = run_in_foreground(command, {here, -1, false});
  return code ? *code : complain(3, code.error());
}

}  // namespace mirrorlab::cli
