#include "harness/cli/socket_buffers.h"

#include <fmt/format.h>

#include <fstream>
#include <stdexcept>

#include "harness/net/netlink.h"

namespace mirrorlab::cli {

namespace {
// Of the network namespace of whoever opens it.
std::string read_sysctl(const char* file) {
  std::ifstream in(std::string("/proc/sys/net/ipv4/") + file);
  std::string line;
  if (!std::getline(in, line)) {
    throw std::runtime_error(std::string("cannot read /proc/sys/net/ipv4/") + file);
  }
  return line;
}
}  // namespace

SocketBuffers SocketBuffers::at_most(uint64_t bytes) {
  if (bytes == 0) return {"4096 131072 6291456", "4096 16384 4194304"};
  return {fmt::format("4096 {0} {0}", bytes), fmt::format("4096 {0} {0}", bytes)};
}

SocketBuffers exchange_buffers(const net::Namespace& host, const SocketBuffers& buffers) {
  SocketBuffers before;
  host.run([&] {
    before = {read_sysctl("tcp_rmem"), read_sysctl("tcp_wmem")};
    net::write_sysctl("net.ipv4.tcp_rmem", buffers.receive);
    net::write_sysctl("net.ipv4.tcp_wmem", buffers.send);
  });
  return before;
}

}  // namespace mirrorlab::cli
