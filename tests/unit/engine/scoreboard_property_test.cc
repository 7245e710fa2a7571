// The SACK scoreboard with its hints against one that looks at every byte.
#include <gtest/gtest.h>

#include <deque>
#include <memory>

#include "engine/core/scoreboard.h"
#include "support/generators.h"

namespace mirrorlab::engine {
namespace {

constexpr uint16_t kMss = 100;

struct Model {
  struct Piece {
    int64_t offset;
    uint32_t length;
    bool sacked = false, lost = false, resent = false;
  };
  std::deque<Piece> pieces;

  bool sack(int64_t left, int64_t right) {
    bool any = false;
    for (auto& p : pieces) {
      if (p.sacked || p.offset < left || p.offset + p.length > right) continue;
      p = {p.offset, p.length, true, false, false};
      any = true;
    }
    return any;
  }
  // RFC 6675 section 4: IsLost(), from the definition.
  void mark_lost() {
    for (size_t i = 0; i < pieces.size(); ++i) {
      uint32_t bytes = 0, segments = 0;
      for (size_t k = i + 1; k < pieces.size(); ++k) {
        bytes += pieces[k].sacked ? pieces[k].length : 0;
        segments += pieces[k].sacked ? 1 : 0;
      }
      auto& p = pieces[i];
      if (p.sacked || p.lost) continue;
      if (segments >= kDupThresh || bytes > (kDupThresh - 1U) * kMss) p.lost = true;
    }
  }
  uint32_t sum(bool Piece::*mark) const {
    uint32_t n = 0;
    for (const auto& p : pieces) n += p.*mark ? p.length : 0;
    return n;
  }
};

// A session with segments in flight, and nothing else of an engine around it.
struct Flight {
  Work work;
  Session s = [this] {
    Session made;
    made.work = &work;
    return made;
  }();
  Model model;
  std::deque<Segment> store;

  void send(uint32_t length) {
    store.emplace_back();
    Segment& seg = store.back();
    seg.offset = s.snd_nxt;
    seg.length = length;
    seg.transmissions = 1;
    work.queue.push_back(&seg);
    work.queue.next_unsent = nullptr;
    s.snd_nxt += length;
    model.pieces.push_back({seg.offset, length});
    RC_LOG() << "sent " << seg.offset << ":" << seg.end() << "\n";
  }
  void ack_first() {
    RC_LOG() << "acked " << work.queue.head->end() << "\n";
    leave_scoreboard(s, *work.queue.head);
    s.snd_una = work.queue.head->end();
    work.queue.pop_front();
    model.pieces.pop_front();
  }
  void check() {
    RC_ASSERT(work.sacked_out == model.sum(&Model::Piece::sacked));
    RC_ASSERT(work.lost_out == model.sum(&Model::Piece::lost));
    const Segment* seg = work.queue.head;
    uint32_t resent = 0;
    const Segment* first_to_resend = nullptr;
    for (const auto& p : model.pieces) {
      RC_ASSERT(seg->offset == p.offset);
      RC_ASSERT(seg->sacked == p.sacked);
      RC_ASSERT(seg->lost == p.lost);
      if (p.lost) RC_ASSERT(seg->retransmitted == p.resent);
      if (p.lost && p.resent) resent += p.length;
      if (p.lost && !p.resent && first_to_resend == nullptr) first_to_resend = seg;
      seg = seg->next;
    }
    RC_ASSERT(work.retrans_out == resent);
    RC_ASSERT(next_to_resend(s) == first_to_resend);
  }
};

RC_GTEST_PROP(ScoreboardProperty, AgreesWithTheDefinition, ()) {
  Flight f;
  f.s.zero = *testing::seq();
  f.s.snd_mss = kMss;
  clear_scoreboard(f.s);
  const int operations = *rc::gen::inRange(1, 120);
  for (int i = 0; i < operations; ++i) {
    switch (*rc::gen::inRange(0, 8)) {
      case 0:
      case 1:
        if (f.model.pieces.size() < 40) f.send(*rc::gen::inRange<uint32_t>(1, kMss + 1));
        break;
      case 2:
        if (!f.model.pieces.empty()) f.ack_first();
        break;
      case 3:
        if (Segment* seg = next_to_resend(f.s)) {
          mark_resent(f.s, *seg);
          for (auto& p : f.model.pieces) p.resent |= p.offset == seg->offset;
        }
        break;
      case 4:
        if (*rc::gen::inRange(0, 6) == 0) {  // an RTO, now and then
          mark_all_lost(f.s);
          for (auto& p : f.model.pieces) p = {p.offset, p.length, false, true, false};
        }
        break;
      default: {
        if (f.model.pieces.empty()) break;
        // A block as a receiver would report it, its edges at segments' edges; or any other.
        wire::TcpOptions o;
        o.sack_count = *rc::gen::inRange<uint8_t>(1, 5);
        bool any = false;
        for (uint8_t b = 0; b < o.sack_count; ++b) {
          const auto n = f.model.pieces.size();
          const auto& from = f.model.pieces[*rc::gen::inRange<size_t>(0, n)];
          const auto& to = f.model.pieces[*rc::gen::inRange<size_t>(0, n)];
          const int64_t left = from.offset + *rc::gen::element(0, 0, 0, 1, -1, -5000);
          const int64_t right = to.offset + to.length + *rc::gen::element(0, 0, 0, 1, -1, 5000);
          o.sack[b] = {wire::wrap(left, f.s.zero), wire::wrap(right, f.s.zero)};
          RC_LOG() << "sack " << left << ":" << right << "\n";
          if (left < right && left >= f.s.snd_una && right <= f.s.snd_nxt) {
            any |= f.model.sack(left, right);
          }
        }
        RC_ASSERT(mark_sacked(f.s, o) == any);
        if (f.work.sacked_out > 0) static_cast<void>(mark_lost_by_sack(f.s));
        f.model.mark_lost();
      }
    }
    f.check();
  }
}

}  // namespace
}  // namespace mirrorlab::engine
