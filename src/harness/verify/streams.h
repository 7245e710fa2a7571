// Client streams put together again from a tap: the verifier's own reassembly, which shares nothing
// with the engines but the packet parser.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "wire/flow.h"
#include "wire/seq.h"

namespace mirrorlab::verify {

// A packet as a tap saw it, from the IP header on.
struct TapPacket {
  int64_t time_ns = 0;  // CLOCK_MONOTONIC
  std::vector<uint8_t> bytes;
};

// The data that first filled a place in the stream, and how far the sender had acked by then.
struct Arrival {
  uint64_t offset = 0;
  int64_t acked = 0;  // answer bytes, counted from the first ack of the connection
  int64_t time_ns = 0;
};

enum class CloseKind : uint8_t { open, fin, rst };

struct ClientStream {
  wire::Endpoint client;
  std::string bytes;         // in order, from the byte after the SYN
  uint64_t beyond_hole = 0;  // bytes seen behind a hole that never closed
  std::vector<Arrival> arrivals;
  CloseKind close = CloseKind::open;
};

// Connections of every client endpoint toward `service`, in the order of their SYNs.
using StreamsByClient = std::map<wire::Endpoint, std::vector<ClientStream>>;
[[nodiscard]] StreamsByClient reassemble(const std::vector<TapPacket>& packets,
                                         const wire::Endpoint& service);

// Whole HTTP/1.1 requests at the front of a stream (by Content-Length).
[[nodiscard]] uint64_t count_requests(const std::string& stream);

}  // namespace mirrorlab::verify
