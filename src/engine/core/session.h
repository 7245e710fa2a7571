// One online connection and its mirrored twin. Plain data: the rules live in capture_side, turns,
// sender, receiver and mirror. Kept small: an idle session is this struct and a table slot.
#pragma once

#include <array>
#include <cstdint>

#include "engine/core/config.h"
#include "engine/core/loss_reason.h"
#include "engine/core/segment.h"
#include "wire/flow.h"
#include "wire/seq.h"
#include "wire/tcp_options.h"

namespace mirrorlab::engine {

inline constexpr uint32_t kNoSession = UINT32_MAX;

enum class Connection : uint8_t {
  none,     // no mirrored connection now; one is opened when the queue has a first segment
  waiting,  // an older twin still holds the 4-tuple (S10)
  syn_sent,
  established,
  finished,  // a tombstone: the account is closed, late packets are answered (TIME-WAIT)
};

// RFC 6582, 6675: why the congestion window is not growing as usual.
enum class Recovery : uint8_t { none, fast, timeout };

struct Range {  // answer bytes received out of order, [left, right)
  int64_t left = 0;
  int64_t right = 0;
};

struct Session {
  // Identity.
  wire::Endpoint client;
  wire::Endpoint online;
  uint16_t mapping = 0;
  Connection connection = Connection::none;
  uint32_t successor = kNoSession;  // a later connection of the same 4-tuple
  uint32_t next_dirty = kNoSession;
  bool dirty = false;
  bool live = false;  // slot in use
  bool busy = false;  // counted in SessionTable's busy sessions

  // Client side: what was captured.
  bool counted = false;     // in the account; false while only acks were seen
  bool whole = false;       // began with a captured SYN
  bool discarding = false;  // bytes are lost until the next turn boundary
  bool discard_for_ever = false;
  bool stream_complete = false;  // FIN or RST captured in order: nothing more will come
  bool fin_captured = false;
  bool answer_zero_known = false;
  bool claimed = false;
  LossReason discard_reason = LossReason::none;
  LossReason first_loss = LossReason::none;
  wire::Seq zero;        // sequence number of stream offset 0
  wire::Seq older_zero;  // of the connection that had the 4-tuple before
  bool has_older = false;
  bool older_whole = false;
  wire::Seq answer_zero;       // online host's sequence number of answer offset 0
  uint16_t client_window = 0;  // last seen, as sent
  // From the client's SYN.
  uint16_t client_mss = 0;  // 0: no option
  uint8_t client_scale = 0;
  bool client_has_scale = false;
  bool client_sack = false;
  bool client_timestamps = false;
  int64_t client_next = 0;     // next in-order stream offset
  int64_t last_data_mark = 0;  // answer mark of the latest data (S3)
  int64_t client_acked = 0;    // answer bytes the client has acked
  Nanos client_acked_at = 0;
  Nanos client_at = 0;            // the client's last packet
  uint32_t client_repeat_ms = 0;  // time to it from the one before, where it repeats itself
  // Offset of the latest ack without data that moved client_acked: a client that had its answer.
  int64_t bare_ack_at = -1;
  SegmentList out_of_order;  // sorted, disjoint, beyond client_next
  uint32_t out_of_order_count = 0;
  uint32_t greeting = 0;   // answer bytes the client had seen before its first byte
  Nanos hole_since = 0;    // when out_of_order became non-empty
  int64_t hole_acked = 0;  // client_acked then: progress beyond it is evidence (S2)
  SegmentQueue queue;
  uint64_t buffered = 0;  // memory of queue and out_of_order, bytes
  uint64_t bytes_captured = 0;
  uint64_t bytes_mirrored = 0;
  uint64_t bytes_lost = 0;
  uint64_t answer_bytes = 0;
  uint32_t turns = 0;
  uint32_t connections = 0;

  // Mirrored connection, sending (RFC 9293 names; offsets of the client's stream).
  int64_t snd_una = 0;
  int64_t snd_nxt = 0;
  uint32_t snd_wnd = 0;  // bytes
  wire::Seq snd_wl1;     // sequence number of the record the window is from
  uint32_t cwnd = 0;     // bytes (RFC 5681)
  uint32_t ssthresh = 0;
  uint32_t sacked_out = 0;  // bytes
  uint32_t lost_out = 0;
  uint32_t retrans_out = 0;
  // Of lost_judged and beyond: what was sacked above it.
  uint32_t sacked_above = 0;
  uint32_t sacked_above_segments = 0;
  // How far the walks along the scoreboard have come; null: not begun.
  Segment* sack_hint = nullptr;                // where the latest SACK block ended
  Segment* lost_judged = nullptr;              // it and all before it are sacked or lost
  Segment* resend_hint = nullptr;              // it and all before it need no retransmission
  std::array<wire::SackBlock, 4> sack_seen{};  // blocks of the latest record that had any
  int64_t recover = 0;                         // RFC 6675 RecoveryPoint
  uint32_t srtt_us = 0;                        // 0: no sample yet
  uint32_t rttvar_us = 0;
  uint16_t snd_mss = 0;
  uint8_t snd_scale = 0;
  uint8_t dup_acks = 0;
  uint8_t backoff = 0;  // RTO doublings
  Recovery recovery = Recovery::none;
  bool tlp_sent = false;
  bool resend_now = false;  // the first of a recovery does not wait for the congestion window
  bool sack_ok = false;
  bool timestamps_ok = false;
  bool scale_ok = false;
  bool confirmed = false;    // an ack of data showed that the SYN-ACK was no stale one
  bool taken_back = false;   // this handshake was begun anew already
  uint8_t refused_back = 0;  // how often by a reset; see kMostRefusals
  bool refused = false;      // the last SYN was answered by RST
  bool fin_acked = false;
  bool took_turn = false;  // something was sent on this connection

  // Mirrored connection, receiving.
  bool ack_due = false;
  bool rcv_fin = false;
  bool last_pushed = false;     // PSH on the latest in-order answer segment
  bool answers_differ = false;  // this session's answers differ in length (S3)
  bool pipelines = false;       // surplus was seen to be answers the client had not waited for
  uint8_t rcv_ranges = 0;
  wire::Seq irs_next;  // sequence number of answer offset 0
  uint32_t ts_recent = 0;
  uint32_t ts_offset = 0;  // added to the clock: each connection of a 4-tuple starts above the last
  int64_t rcv_nxt = 0;
  int64_t ack_sent = 0;                       // highest answer offset acked
  uint16_t window_sent = 0;                   // window field of the latest packet
  int64_t rcv_fin_at = -1;                    // offset of a FIN that came out of order
  std::array<Range, 4> out_of_order_answers;  // latest first (RFC 2018)
  Nanos answer_at = 0;                        // when rcv_nxt last moved
  Nanos window_opened_at = 0;  // AckPolicy::client: a window that had held the test host moved

  // Turns: positions deemed equal, online and at the test host.
  int64_t mark_online = 0;
  int64_t mark_test = 0;
  int64_t surplus = 0;  // answer bytes before mark_test that no turn has wanted yet
  Nanos enough_at = 0;  // when the next turn's answer was first seen to be there; 0: not yet

  // Times.
  Nanos challenged_at = 0;  // an old connection of the test host last answered a SYN; 0: none
  Nanos opened_at = 0;      // first SYN of the mirrored connection
  Nanos all_acked_at = 0;   // when the last byte in flight was acked
  Nanos heard_at = 0;       // last header record
  Nanos active_at = 0;      // last packet or record, for the idle limit
  // Since when the test host has taken nothing although bytes wait or are in flight; 0: it takes.
  Nanos stalled_since = 0;
  Nanos rto_at = kNever;    // SYN, retransmission or persist timer
  Nanos probe_at = kNever;  // tail loss probe
  Nanos turn_at = kNever;
  Nanos ack_at = kNever;  // AckPolicy::client
  Nanos end_at = kNever;  // of a tombstone
};

}  // namespace mirrorlab::engine
