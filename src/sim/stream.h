// One online connection: its script, and what the judge needs to know of it. The evidence is
// gathered where packets enter and leave the engine, never from the engine itself.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/content.h"
#include "sim/conversation.h"
#include "sim/interval_set.h"
#include "wire/flow.h"
#include "wire/seq.h"

namespace mirrorlab::sim {

struct Stream {
  uint32_t id = 0;
  uint32_t slot = 0;  // number of its 4-tuple
  wire::FlowKey online;
  Conversation script;
  Content content{0};
  wire::Seq isn;
  bool started = false;
  bool finished = false;  // the client's side is closed

  // Given to the engine that runs now.
  bool syn_captured = false;
  bool syn_unseen = false;  // something else came before its SYN
  bool seen = false;        // any packet that shows a connection
  IntervalSet captured;
  int64_t known_end = 0;      // greatest offset that any captured packet shows to exist
  int64_t fin_captured = -1;  // offset
  int64_t rst_captured = -1;
  bool reset_done = false;  // the online host has taken it
  uint32_t data_packets = 0;
  uint32_t lowest_data_ack = 0;
  std::vector<int64_t> boundaries;  // packet starts whose ack had moved: a turn may begin there
  uint32_t resets_since_syn = 0;    // the engine's, since its latest SYN
  int64_t sent_end = 0;             // of what the engine sent
  Nanos asked_at = kNever;          // the engine's first question since it heard of the test host
  // What befell it.
  bool missed_packets = false;  // something was kept from the engine
  bool engine_was_new = false;  // an engine started or ended during it
  bool misled = false;          // a SYN long out of date came in between
  bool superseded = false;      // its 4-tuple was taken before its close was captured
  bool hole_lasted = false;     // its client repeated what was missed later than gap_grace
  Nanos hole_since = kNever;
  bool unreachable = false;  // nothing was heard of the test host for the user time-out
  bool abandoned = false;    // the test host retransmitted in vain and gave up in the middle
};

// A connection the engine opened to the test host, as the test host saw it.
struct MirroredConnection {
  uint32_t stream = 0;
  uint32_t engine = 0;    // which start of the engine opened it
  int64_t start = 0;      // offset of its first byte in the stream
  int64_t delivered = 0;  // end of what the application was given, offset in the stream
  int64_t fin_at = -1;
  int64_t rst_at = -1;
  // The latest exchange of which a byte came, and what the engine had heard of the service by then.
  int exchange = -1;
  int64_t said_before = 0;
  bool established = false;  // the handshake was completed
  bool finished = false;     // the test host's end is closed or in TIME-WAIT
  bool late_reset = false;   // by a reset that was sent before its SYN, and to another one
  bool gave_up = false;      // the test host retransmitted in vain
};

}  // namespace mirrorlab::sim
