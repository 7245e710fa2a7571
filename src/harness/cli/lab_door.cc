#include "harness/cli/lab_door.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "harness/cli/unix_message.h"
#include "os/error.h"

namespace mirrorlab::cli {

namespace {
constexpr int kMostLabs = 1000;
constexpr int kPatienceMs = 1000;

os::Fd open_namespace(const char* kind) {
  os::Fd fd(::open((std::string("/proc/self/ns/") + kind).c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) {
    throw std::runtime_error(os::error_text(std::string("cannot open the namespace ") + kind));
  }
  return fd;
}

// False when the name is taken.
bool bind_to(int socket, const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (name.size() + 1 > sizeof address.sun_path) {
    throw std::runtime_error("the name " + name + " is too long for a socket");
  }
  std::memcpy(&address.sun_path[1], name.data(), name.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (::bind(socket, reinterpret_cast<const sockaddr*>(&address), size) == 0) return true;
  if (errno == EADDRINUSE) return false;
  throw std::runtime_error(os::error_text("cannot bind @" + name));
}
}  // namespace

LabDoor::LabDoor(About about, std::map<std::string, int> nodes)
    : about_(std::move(about)),
      nodes_(std::move(nodes)),
      user_(open_namespace("user")),
      mount_(open_namespace("mnt")),
      pid_(open_namespace("pid")) {
  stop_.reset(::eventfd(0, EFD_CLOEXEC));
  listening_.reset(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!stop_ || !listening_) throw std::runtime_error(os::error_text("cannot make a socket"));
  open();
  thread_ = std::thread([this] { serve(); });
}

LabDoor::~LabDoor() {
  if (::eventfd_write(stop_.get(), 1) == 0) thread_.join();
}

void LabDoor::open() {
  const std::string base = about_.name.substr(0, 80);
  for (int n = 1; n <= kMostLabs; ++n) {
    id_ = n == 1 ? base : base + "." + std::to_string(n);
    if (!bind_to(listening_.get(), kDoorPrefix + id_)) continue;
    if (::listen(listening_.get(), 8) == 0) return;
    throw std::runtime_error(os::error_text("cannot listen for visitors"));
  }
  throw std::runtime_error("a thousand laboratories of this name are up");
}

void LabDoor::serve() {
  std::array<pollfd, 2> fds{{{listening_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
  for (;;) {
    if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) return;
    if (fds[1].revents != 0) return;
    const os::Fd visitor(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    // In a user namespace the user who made it is root, and nobody else is.
    if (!visitor || user_of_peer(visitor.get()) != ::geteuid()) continue;
    std::array<pollfd, 2> asks{{{visitor.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
    if (::poll(asks.data(), asks.size(), kPatienceMs) > 0 && asks[0].revents != 0) {
      answer(visitor.get());
    }
  }
}

std::string LabDoor::nodes_in_words() const {
  std::string text;
  for (const auto& [name, fd] : nodes_) {
    if (name.find('.') == std::string::npos) text += (text.empty() ? "" : " ") + name;
  }
  return text;
}

void LabDoor::answer(int visitor) {
  const auto asked = receive_message(visitor);
  if (!asked) return;
  std::string text = "no such question";
  std::vector<int> descriptors;
  if (asked->text == "info") {
    text = about_.name + "\n" + about_.variant + "\n" + about_.out + "\n";
    text += nodes_in_words();
  } else if (asked->text.starts_with("enter ")) {
    const auto node = nodes_.find(asked->text.substr(6));
    if (node != nodes_.end()) {
      text = "ok";
      descriptors = {user_.get(), mount_.get(), pid_.get(), node->second};
    } else {
      text = "there is no node " + asked->text.substr(6) + "; there are: " + nodes_in_words();
    }
  }
  // A visitor who left meanwhile needs no answer.
  [[maybe_unused]] const auto sent = send_message(visitor, text, descriptors);
}

}  // namespace mirrorlab::cli
