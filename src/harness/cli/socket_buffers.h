// How much buffer TCP gives a socket of a host: tcp_rmem and tcp_wmem of its namespace.
#pragma once

#include <string>

#include "harness/net/namespace.h"

namespace mirrorlab::cli {

struct SocketBuffers {
  std::string receive, send;  // least, first, most, in bytes: as the kernel writes them

  // At most so many bytes each way; 0: what the kernel comes with.
  static SocketBuffers at_most(uint64_t bytes);
};

// Sets them and gives what they were. Throws std::runtime_error.
SocketBuffers exchange_buffers(const net::Namespace& host, const SocketBuffers& buffers);

}  // namespace mirrorlab::cli
