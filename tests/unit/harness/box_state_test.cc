#include "harness/cli/box_state.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <sstream>

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
  EXPECT_EQ(open_connections(port).open, 0U) << "a listening socket is no connection";

  os::Fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
  os::Fd accepted(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  EXPECT_EQ(open_connections(port).open, 1U);
  accepted.reset();
  EXPECT_EQ(open_connections(port).open, 1U) << "the client has not closed";
  client.reset();
  EXPECT_EQ(open_connections(port).open, 0U) << "TIME-WAIT is no leftover";
}

TEST(BoxState, ACloseIsUnderWayUntilItsFinIsAcked) {
  std::istringstream table(R"(  sl  local_address rem_address   st tx_queue rx_queue
   0: 0100007F:1F90 0100007F:C001 01 00000000:00000000
   1: 0100007F:1F90 0100007F:C002 04 00000001:00000000
   2: 0100007F:1F90 0100007F:C003 05 00000000:00000000
   3: 0100007F:1F90 0100007F:C004 06 00000000:00000000
   4: 0100007F:1F90 0100007F:C005 08 00000000:00000000
   5: 0100007F:1F90 0100007F:C006 09 00000001:00000000
   6: 0100007F:1F90 0100007F:C007 0B 00000001:00000000
   7: 0100007F:1F91 0100007F:C008 09 00000001:00000000
)");
  const OpenConnections found = open_connections(table, 0x1F90);
  EXPECT_EQ(found.open, 6U);
  EXPECT_EQ(found.closing, 3U) << "FIN-WAIT-1, LAST-ACK and CLOSING";
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
