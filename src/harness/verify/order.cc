#include "harness/verify/order.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

namespace mirrorlab::verify {

namespace {
// Ends of requests and answers, in stream offsets, as a service recorded them.
struct RecordedEnds {
  std::vector<int64_t> request, answer;
  explicit RecordedEnds(const RecordedConnection& r) {
    int64_t requests = 0;
    int64_t answers = 0;
    for (const RecordedTurn& turn : r.turns) {
      request.push_back(requests += turn.request_bytes);
      answer.push_back(answers += turn.answer_bytes);
    }
  }
};

bool answers_equal(const RecordedConnection& a, size_t from, const RecordedConnection& b) {
  const size_t common = std::min(a.turns.size() - std::min(from, a.turns.size()), b.turns.size());
  for (size_t i = 0; i < common; ++i) {
    if (a.turns[from + i].answer_bytes != b.turns[i].answer_bytes) return false;
  }
  return true;
}

// One mirrored connection against the turns of the online stream that it carried.
class TwinOrder {
 public:
  TwinOrder(const Connection& online, const Connection& test, int64_t start,
            const RecordedConnection* online_record, const RecordedConnection* test_record)
      : online_(online), test_(test), start_(start), a_(online_record), b_(test_record) {
    if (a_ == nullptr || b_ == nullptr || a_->turns_left_out > 0 || b_->turns_left_out > 0) {
      // Without both: equal when the client and its twin acked equally much in all.
      const Piece* first = online.at(start);
      const int64_t before = start == 0 || first == nullptr ? 0 : first->acked;
      equal_ = online.acked - before == test.acked;
      a_ = b_ = nullptr;
      return;
    }
    const RecordedEnds ends(*a_);
    answer_ends_ = ends.answer;
    first_turn_ =
        static_cast<size_t>(std::ranges::upper_bound(ends.request, start) - ends.request.begin());
    equal_ = answers_equal(*a_, first_turn_, *b_);
    request_ends_ = RecordedEnds(*b_).request;
  }

  void check(const std::vector<TurnStart>& turns, Order& out) {
    int64_t base = -1;
    size_t piece = 0;
    const TurnStart* previous = nullptr;
    int64_t previous_ns = 0;
    for (const TurnStart& turn : turns) {
      const int64_t at = turn.offset - start_;
      if (at < 0 || at >= test_.length) continue;
      while (test_.pieces[piece].end() <= at) ++piece;
      const Piece& came = test_.pieces[piece];
      if (base < 0) base = start_ == 0 ? 0 : turn.acked;
      if (turn.acked > base) {
        ++out.turns;
        judge(turn, at, came, base, out);
      }
      seen_online_ = turn.acked;
      seen_test_ = came.acked;
      out.lag_ms.push_back(static_cast<float>(came.time_ns - turn.time_ns) / 1e6F);
      if (previous != nullptr) {
        const auto error = (came.time_ns - previous_ns) - (turn.time_ns - previous->time_ns);
        out.think_error_ms.push_back(
            static_cast<float>(std::abs(static_cast<double>(error)) / 1e6));
      }
      previous = &turn;
      previous_ns = came.time_ns;
    }
  }

 private:
  void judge(const TurnStart& turn, int64_t at, const Piece& came, int64_t base, Order& out) {
    const bool enough = came.acked >= turn.acked - base;
    if (a_ != nullptr) {
      out.violations += (equal_ ? !enough : answered_too_late(turn, at)) ? 1 : 0;
      return;
    }
    const int64_t needed = turn.acked - std::max<int64_t>(seen_online_, base);
    const int64_t got = came.acked - seen_test_;
    if (enough || got >= needed) return;
    ++(got == 0 ? out.violations : equal_ ? out.suspect : out.unproven);
  }

  // By the services' own order: each answer the turn newly depended on must have been on its way
  // before the read that brought the turn.
  bool answered_too_late(const TurnStart& turn, int64_t at) {
    const auto seen = static_cast<size_t>(std::ranges::upper_bound(answer_ends_, turn.acked) -
                                          answer_ends_.begin());
    const size_t from = std::max(depended_, first_turn_);
    depended_ = std::max(depended_, seen);
    const auto which =
        static_cast<size_t>(std::ranges::upper_bound(request_ends_, at) - request_ends_.begin());
    if (which >= b_->turns.size()) return false;  // the service never read it
    // A turn that begins in the midst of a request: when that part came is not recorded.
    if (at > (which == 0 ? 0 : request_ends_[which - 1])) return false;
    for (size_t answer = from; answer < seen; ++answer) {
      const size_t twin = answer - first_turn_;
      if (twin >= which) break;  // of this turn itself, or beyond: a longer 1xx prelude
      const uint32_t answered = b_->turns[twin].answered;
      if (answered == 0 || answered >= b_->turns[which].came) return true;
    }
    return false;
  }

  const Connection& online_;
  const Connection& test_;
  const int64_t start_;
  const RecordedConnection* a_;
  const RecordedConnection* b_;
  bool equal_ = true;
  size_t first_turn_ = 0;    // of the online record, the first one this connection carried
  int64_t seen_online_ = 0;  // answer bytes acked at the turn before, on either side
  int64_t seen_test_ = 0;
  size_t depended_ = 0;  // online answers that earlier turns already depended on
  std::vector<int64_t> answer_ends_, request_ends_;
};
}  // namespace

void check_order(const Session& session, const Connections& online, const Connections& test,
                 const Recorded* online_records, const Recorded* test_records, Order& out) {
  const Connection& o = online.all[session.online];
  if (session.twins.empty()) return;
  const auto turns = turn_starts(o);
  for (const Twin& twin : session.twins) {
    const Connection& t = test.all[twin.connection];
    if (t.length == 0) continue;
    TwinOrder(o, t, twin.start, online_records ? online_records->of[session.online] : nullptr,
              test_records ? test_records->of[twin.connection] : nullptr)
        .check(turns, out);
  }
}

}  // namespace mirrorlab::verify
