#include "harness/cli/box_state.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "os/fd.h"

namespace mirrorlab::cli {
namespace {

TEST(BoxState, CountsAServicesConnectionsUntilBothHaveClosed) {
  const os::Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(::listen(listener.get(), 4), 0);
  ASSERT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
  const uint16_t port = ntohs(address.sin_port);
  EXPECT_EQ(open_connections(port), 0U) << "a listening socket is no connection";

  os::Fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
  os::Fd accepted(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  EXPECT_EQ(open_connections(port), 1U);
  accepted.reset();
  EXPECT_EQ(open_connections(port), 1U) << "the client has not closed";
  client.reset();
  EXPECT_EQ(open_connections(port), 0U) << "TIME-WAIT is no leftover";
}
TEST(BoxState, ProtocolsFollowTheService) {
  scenario::Service service;
  EXPECT_EQ(protocol_of(service), verify::Protocol::http);
  service.recorder.mode = "greeting";
  EXPECT_EQ(protocol_of(service), verify::Protocol::turns);
  service.kind = scenario::ServiceKind::redis;
  EXPECT_EQ(protocol_of(service), verify::Protocol::resp);
}
}  // namespace
}  // namespace mirrorlab::cli
