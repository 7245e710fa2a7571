// One online connection and its mirrored twin. Plain data: the rules live in capture_side, turns,
// sender, receiver and mirror.
//
// Kept small: an idle session is this struct, a table slot and a timer. What is needed only while
// something is under way is a Work, taken from a pool and given back.
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

// Of a session that has segments, out-of-order answers, a handshake or a timer under way.
struct Work {
  SegmentQueue queue;
  SegmentList out_of_order;  // sorted, disjoint, beyond client_next
  uint32_t out_of_order_count = 0;
  uint64_t buffered = 0;   // memory of queue and out_of_order, bytes
  Nanos hole_since = 0;    // when out_of_order became non-empty
  int64_t hole_acked = 0;  // client_acked then: progress beyond it is evidence (S2)

  Nanos rto_at = kNever;    // SYN, retransmission or persist timer
  Nanos probe_at = kNever;  // tail loss probe
  Nanos turn_at = kNever;
  Nanos ack_at = kNever;   // AckPolicy::client
  Nanos opened_at = 0;     // first SYN of the mirrored connection
  wire::Seq replaced_irs;  // Session::irs_next by the SYN-ACK before the one that is in use
  bool has_replaced = false;
  Nanos refused_at = 0;     // the handshake's first refusal; see Session::refused
  Nanos challenged_at = 0;  // an old connection of the test host last answered a SYN; 0: none
  // Since when the test host has taken nothing although bytes wait or are in flight; 0: it takes.
  Nanos stalled_since = 0;
  Nanos enough_at = 0;  // when the next turn's answer was first seen to be there; 0: not yet

  // Scoreboard (RFC 6675): sums over the segments in flight, bytes.
  uint32_t sacked_out = 0;
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

  // Eifel (RFC 3522): what a time-out may turn out to have changed for nothing. 0: none to undo.
  uint32_t undo_cwnd = 0;
  uint32_t undo_ssthresh = 0;
  uint32_t resent_at = 0;  // own timestamp of the time-out's first retransmission

  int64_t fin_at = -1;                        // offset of a FIN that came out of order
  std::array<Range, 4> out_of_order_answers;  // latest first (RFC 2018)
};

// What a session without work shows: nothing. Never written, and in memory that cannot be.
inline constexpr Work kNoWork{};

struct Session {
  // Identity.
  wire::Endpoint client;
  wire::Endpoint online;
  uint16_t mapping = 0;
  Connection connection = Connection::none;
  LossReason discard_reason = LossReason::none;
  LossReason first_loss = LossReason::none;
  Recovery recovery = Recovery::none;
  uint32_t successor = kNoSession;  // a later connection of the same 4-tuple
  uint32_t next_dirty = kNoSession;
  Work* work = const_cast<Work*>(&kNoWork);

  bool dirty : 1 = false;
  bool live : 1 = false;  // slot in use
  bool busy : 1 = false;  // counted in SessionTable's busy sessions

  // Client side: what was captured.
  bool counted : 1 = false;     // in the account; false while only acks were seen
  bool whole : 1 = false;       // began with a captured SYN
  bool discarding : 1 = false;  // bytes are lost until the next turn boundary
  bool discard_for_ever : 1 = false;
  bool stream_complete : 1 = false;  // FIN or RST captured in order: nothing more will come
  bool fin_captured : 1 = false;
  bool answer_zero_known : 1 = false;
  bool claimed : 1 = false;
  bool has_older : 1 = false;
  bool older_whole : 1 = false;
  // From the client's SYN.
  bool client_has_scale : 1 = false;
  bool client_sack : 1 = false;
  bool client_timestamps : 1 = false;
  // Mirrored connection, sending.
  bool tlp_sent : 1 = false;
  bool resend_now : 1 = false;  // the first of a recovery does not wait for the congestion window
  bool sack_ok : 1 = false;
  bool timestamps_ok : 1 = false;
  bool scale_ok : 1 = false;
  bool confirmed : 1 = false;      // an ack of data showed that the SYN-ACK was no stale one
  bool taken_back : 1 = false;     // this handshake was begun anew already
  bool refused : 1 = false;        // the last SYN was answered by RST
  bool syn_timed_out : 1 = false;  // RFC 6298 5.7
  bool fin_acked : 1 = false;
  bool took_turn : 1 = false;  // something was sent on this connection
  // Receiving.
  bool ack_due : 1 = false;
  bool rcv_fin : 1 = false;
  bool last_pushed : 1 = false;     // PSH on the latest in-order answer segment
  bool answers_differ : 1 = false;  // this session's answers differ in length (S3)
  bool pipelines : 1 = false;       // surplus was seen to be answers the client had not waited for

  uint8_t client_scale = 0;
  uint8_t snd_scale = 0;
  uint8_t dup_acks = 0;
  uint8_t backoff = 0;       // RTO doublings
  uint8_t refused_back = 0;  // how often by a reset; see kMostRefusals
  uint8_t rcv_ranges = 0;    // of Work::out_of_order_answers
  uint16_t snd_mss = 0;
  uint16_t client_window = 0;  // last seen, as sent
  uint16_t client_mss = 0;     // 0: no option
  uint16_t window_sent = 0;    // window field of the latest packet

  wire::Seq zero;              // sequence number of stream offset 0
  wire::Seq older_zero;        // of the connection that had the 4-tuple before
  wire::Seq client_seen;       // stream end as acks and cut packets showed it: bytes may be missed
  wire::Seq answer_zero;       // online host's sequence number of answer offset 0
  uint32_t greeting = 0;       // answer bytes the client had seen before its first byte
  int64_t client_next = 0;     // next in-order stream offset
  int64_t last_data_mark = 0;  // answer mark of the latest data (S3)
  int64_t client_acked = 0;    // answer bytes the client has acked
  // Offset of the latest ack without data that moved client_acked: a client that had its answer.
  int64_t bare_ack_at = -1;
  uint64_t bytes_captured = 0;
  uint64_t bytes_mirrored = 0;
  uint64_t bytes_lost = 0;
  uint64_t answer_bytes = 0;
  uint32_t turns = 0;
  uint32_t connections = 0;

  // Mirrored connection, sending (RFC 9293 names; offsets of the client's stream).
  int64_t snd_una = 0;
  int64_t snd_nxt = 0;
  int64_t recover = 0;   // RFC 6675 RecoveryPoint
  uint32_t snd_wnd = 0;  // bytes
  wire::Seq snd_wl1;     // sequence number of the record the window is from
  uint32_t cwnd = 0;     // bytes (RFC 5681)
  uint32_t ssthresh = 0;
  uint32_t srtt_us = 0;  // 0: no sample yet
  uint32_t rttvar_us = 0;

  // Mirrored connection, receiving.
  wire::Seq irs_next;  // sequence number of answer offset 0
  uint32_t ts_recent = 0;
  uint32_t ts_offset = 0;  // added to the clock: each connection of a 4-tuple starts above the last
  uint32_t idle_limit_ms = 0;     // for which SessionTable's idle timer was set; 0: it was not
  uint32_t client_repeat_ms = 0;  // time to the client's last packet, where it repeats itself
  int64_t rcv_nxt = 0;
  int64_t ack_sent = 0;  // highest answer offset acked

  // Turns: positions deemed equal, online and at the test host.
  int64_t mark_online = 0;
  int64_t mark_test = 0;
  int64_t surplus = 0;  // answer bytes before mark_test that no turn has wanted yet

  // Times.
  Nanos client_at = 0;  // the client's last packet
  Nanos client_acked_at = 0;
  Nanos heard_at = 0;  // last header record
  union {
    Nanos answer_at = 0;  // when rcv_nxt last moved
    Nanos reset_at;       // Connection::finished: when the client's reset is sent once more
  };
  Nanos window_opened_at = 0;  // AckPolicy::client: a window that had held the test host moved
  union {
    Nanos all_acked_at = 0;  // when the last byte in flight was acked
    Nanos end_at;            // Connection::finished: when it is forgotten
  };

  [[nodiscard]] bool has_work() const { return work != &kNoWork; }
  // Last packet or record, for the idle limit.
  [[nodiscard]] Nanos active_at() const { return client_at > heard_at ? client_at : heard_at; }
};

}  // namespace mirrorlab::engine
