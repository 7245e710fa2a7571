// PacketSender that finds each test host's way: frames on the link where that is possible, raw IP
// sockets elsewhere (loopback, tunnels).
//
// What is known of a destination is asked again four times a second, and at once, but not more
// often than every kSoon, when a packet could not be sent. A destination without a route, or behind
// a device that is down, costs its packets without a system call each until it is back; the
// sessions repair that. So does a neighbour that is not found (EHOSTUNREACH): left to the kernel,
// packets would wait for it, and each end in an ICMP error to its source, a real client. Packets
// above the MTU of today's route are cut to it. Threads: one.
#pragma once

#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "os/link_sender.h"
#include "os/raw_sender.h"
#include "os/route_lookup.h"

namespace mirrorlab::os {

enum class InjectWay : uint8_t { packet, raw };

class Injector : public PacketSender {
 public:
  struct Parts {
    std::unique_ptr<RouteLookup> routes;
    SendMany send_many = ::sendmmsg;
  };
  static tl::expected<std::unique_ptr<PacketSender>, std::string> open(InjectWay way,
                                                                       size_t max_packet);
  static tl::expected<std::unique_ptr<PacketSender>, std::string> open(InjectWay way,
                                                                       size_t max_packet,
                                                                       Parts parts);
  void expect(const wire::IpAddress& destination) override { find(destination); }
  void send(const wire::TcpHeader& header, wire::Bytes payload) override;
  void flush(Nanos now) override;
  [[nodiscard]] bool full() const override;
  [[nodiscard]] Wait wait() const override;
  [[nodiscard]] const SendCounters& counters() const override;

  static constexpr Nanos kFresh = 250 * kNanosPerMilli;
  static constexpr Nanos kSoon = 10 * kNanosPerMilli;
  static constexpr Nanos kResolve = 200 * kNanosPerMilli;  // between two tries to find a neighbour

 private:
  struct Destination {
    wire::IpAddress address;
    NextHop hop;
    Nanos asked = 0;
    Nanos resolve_at = 0;  // no sooner
  };
  Injector(RawSender raw, Parts parts) : routes_(std::move(parts.routes)), raw_(std::move(raw)) {}
  Destination& find(const wire::IpAddress& address);
  void ask(Destination& destination);
  void send_raw(const wire::TcpHeader& header, wire::Bytes payload, uint32_t mtu);
  void look_at_errors();

  std::unique_ptr<RouteLookup> routes_;
  RawSender raw_;
  std::unique_ptr<LinkSender> link_;  // none: raw sockets only
  std::vector<Destination> destinations_;
  size_t last_ = 0;  // the one used last
  Nanos now_ = 0;    // of the last flush
  uint64_t unreachable_ = 0;
  uint64_t unresolved_ = 0;
  uint64_t cut_ = 0;
  mutable SendCounters sum_;
};

}  // namespace mirrorlab::os
