// What waits in a session's stream: captured data and the events between it, in stream order.
#pragma once

#include <cstdint>

#include "engine/core/config.h"
#include "engine/core/pool.h"

namespace mirrorlab::engine {

enum class SegmentKind : uint8_t {
  data,
  fin,  // the client's FIN: one sequence number, no bytes
  rst,  // the client reset here
  gap,  // bytes before this point were never captured: reset, and open anew after it
};

// Offsets are those of the client's stream: 0 is the byte after its SYN (or where it was joined).
struct Segment {
  Segment* next = nullptr;
  Buffer* buffer = nullptr;  // holds `data`; null when length is 0
  uint8_t* data = nullptr;
  int64_t offset = 0;
  int64_t answer_mark = 0;  // answer bytes the client had acked when it sent this (S3)
  Nanos captured_at = 0;
  Nanos think = 0;      // from the answer it had seen to this segment (S4)
  Nanos sent_at = 0;    // last transmission
  uint32_t length = 0;  // bytes
  SegmentKind kind = SegmentKind::data;
  bool turn_start = false;
  bool push = false;
  // Scoreboard (RFC 6675). A segment is in flight when transmissions > 0.
  uint8_t transmissions = 0;  // saturates
  bool sacked = false;
  bool lost = false;
  bool retransmitted = false;  // since it was marked lost

  [[nodiscard]] uint32_t sequence_length() const {
    return length + (kind == SegmentKind::fin ? 1U : 0U);
  }
  [[nodiscard]] int64_t end() const { return offset + length; }
};

// First in, first out; `next_unsent` separates what is in flight from what waits.
struct SegmentQueue {
  Segment* head = nullptr;
  Segment* tail = nullptr;
  Segment* next_unsent = nullptr;

  [[nodiscard]] bool empty() const { return head == nullptr; }
  [[nodiscard]] bool in_flight() const { return head != next_unsent; }
  void push_back(Segment* s) {
    s->next = nullptr;
    if (tail == nullptr) {
      head = s;
    } else {
      tail->next = s;
    }
    tail = s;
    if (next_unsent == nullptr) next_unsent = s;
  }
  Segment* pop_front() {
    Segment* s = head;
    head = s->next;
    if (next_unsent == s) next_unsent = head;
    if (head == nullptr) tail = nullptr;
    s->next = nullptr;
    return s;
  }
};

}  // namespace mirrorlab::engine
