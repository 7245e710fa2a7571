// How one virtual host does TCP. Every field is something real hosts differ in.
#pragma once

#include <cstdint>

#include "sim/event_queue.h"

namespace mirrorlab::sim {

struct TcpSettings {
  uint16_t mss = 1460;      // advertised; 0: the option is left out
  int8_t window_scale = 7;  // -1: the option is left out
  bool sack = true;
  bool timestamps = true;
  uint32_t timestamp_base = 0;  // the host's clock at time 0, milliseconds
  uint32_t receive_buffer = 64 * 1024;
  uint32_t send_buffer = 256 * 1024;
  uint32_t initial_window = 10;  // segments (RFC 6928)
  bool nagle = false;
  uint8_t super_packet = 1;               // segments one packet may hold (GSO, TSO)
  uint8_t ack_every = 2;                  // full segments
  Nanos delayed_ack = 40 * kMillisecond;  // 0: ack at once
  Nanos rto_min = 200 * kMillisecond;
  Nanos syn_rto = kSecond;
  uint8_t retries = 12;              // RTOs in a row before giving up
  bool probe_with_data = false;      // zero-window probes carry a byte (BSD) or none (Linux)
  Nanos keepalive = kNever;          // idle time before a keep-alive probe
  bool keepalive_with_data = false;  // with one byte of garbage (RFC 9293 3.8.4)
  uint8_t takes_half = 0;  // percent of segments of which only the first half is taken (no memory)
  Nanos time_wait = kSecond;         // 2 MSL
  Nanos fin_wait_2 = 600 * kSecond;  // after a full close
};

}  // namespace mirrorlab::sim
