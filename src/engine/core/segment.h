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
  Segment* previous = nullptr;
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
  bool after_bare_ack = false;  // see Session::bare_ack_at
  bool cut_in_front = false;    // the rest of a packet whose first bytes were known already
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

// In stream order, linked both ways: what arrives late is most often near the end.
struct SegmentList {
  Segment* head = nullptr;
  Segment* tail = nullptr;

  [[nodiscard]] bool empty() const { return head == nullptr; }
  // Behind `before`; null: at the front.
  void insert_after(Segment* before, Segment* s) {
    s->previous = before;
    s->next = before != nullptr ? before->next : head;
    (s->next != nullptr ? s->next->previous : tail) = s;
    (before != nullptr ? before->next : head) = s;
  }
  Segment* pop_front() {
    Segment* s = head;
    head = s->next;
    (head != nullptr ? head->previous : tail) = nullptr;
    s->next = nullptr;
    return s;
  }
};

// First in, first out; `next_unsent` separates what is in flight from what waits.
struct SegmentQueue : SegmentList {
  Segment* next_unsent = nullptr;

  [[nodiscard]] bool in_flight() const { return head != next_unsent; }
  // The last one sent; null when nothing is in flight.
  [[nodiscard]] Segment* last_in_flight() const {
    if (!in_flight()) return nullptr;
    return next_unsent != nullptr ? next_unsent->previous : tail;
  }
  void push_back(Segment* s) {
    insert_after(tail, s);
    if (next_unsent == nullptr) next_unsent = s;
  }
  Segment* pop_front() {
    if (next_unsent == head) next_unsent = head->next;
    return SegmentList::pop_front();
  }
};

}  // namespace mirrorlab::engine
