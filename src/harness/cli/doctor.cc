#include "harness/cli/doctor.h"

#include <linux/if_ether.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <iostream>
#include <sstream>
#include <string>

#include "harness/net/namespace.h"
#include "os/error.h"
#include "os/fd.h"

namespace mirrorlab::cli {

namespace {
bool say(const std::string& what, bool there, const std::string& detail) {
  std::cout << (there ? "  yes  " : "  NO   ") << what << (detail.empty() ? "" : ": " + detail)
            << '\n';
  return there;
}

bool socket_works(const std::string& what, int family, int type, int protocol,
                  const std::string& mend) {
  const os::Fd fd(::socket(family, type, protocol));
  return say(what, fd.valid(), fd ? "" : os::error_text("refused", errno, mend));
}

bool program(const std::string& name, const std::string& package) {
  const char* path = ::getenv("PATH");
  std::istringstream in(std::string(path != nullptr ? path : "") + ":/usr/sbin:/sbin");
  for (std::string directory; std::getline(in, directory, ':');) {
    if (::access((directory + "/" + name).c_str(), X_OK) == 0) return say(name, true, directory);
  }
  return say(name, false, "install the package " + package);
}
}  // namespace

int doctor() {
  bool needed = true;
  std::cout << "needed for every scenario\n";
  try {
    net::Namespace::create();
    say("network namespaces", true, "");
  } catch (const std::exception& e) {
    needed = say("network namespaces", false, e.what());
  }
  needed &= socket_works("packet sockets", AF_PACKET, SOCK_DGRAM, 0, "run as root");
  needed &= socket_works("raw sockets", AF_INET, SOCK_RAW, 255, "run as root");
  needed &= socket_works("netfilter netlink (NFQUEUE)", AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER,
                         "a kernel with nfnetlink_queue is needed");
  needed &= program("iptables", "iptables");
  std::cout << "needed for some\n";
  program("nginx", "nginx-light");
  program("wrk", "wrk");
  program("redis-server", "redis-server");
  std::cout << (needed ? "scenarios can run here\n" : "scenarios cannot run here\n");
  return needed ? 0 : 3;
}

}  // namespace mirrorlab::cli
