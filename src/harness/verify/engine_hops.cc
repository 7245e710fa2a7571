#include "harness/verify/engine_hops.h"

#include <algorithm>
#include <string>

namespace mirrorlab::verify {

namespace {
// What an engine had not read yet when it was told to end, and what it still took after that.
constexpr int64_t kEnding = 200'000'000;
constexpr uint64_t kAnyNumber = UINT64_MAX;

uint64_t number(const nlohmann::json& figures, const char* group, const char* key) {
  if (!figures.is_object() || !figures.contains(group)) return 0;
  const auto& g = figures[group];
  return g.is_object() && g.contains(key) && g[key].is_number_unsigned() ? g[key].get<uint64_t>()
                                                                         : 0;
}
bool has(const nlohmann::json& figures, const char* group, const char* key) {
  return figures.is_object() && figures.contains(group) && figures[group].is_object() &&
         figures[group].contains(key);
}

class EngineHops {
 public:
  EngineHops(const Evidence& e, const Tally& online, const Tally& test)
      : e_(e), online_(online), test_(test) {}

  std::vector<std::pair<LedgerLine, Allowances>> make() {
    for (const EngineSays& s : e_.hops.engines) {
      if (s.role == "copy") {
        capture(s);
        queue_to_send(s);
      }
    }
    inject();
    for (const EngineSays& s : e_.hops.engines) {
      if (s.role == "intercept") {
        reply_queue(s);
        records_made(s);
      }
    }
    header_return();
    for (const EngineSays& s : e_.hops.engines) {
      if (s.role == "copy") records_taken(s);
    }
    return std::move(lines_);
  }

 private:
  static LedgerLine begin(std::string hop, const char* what, const char* counts) {
    LedgerLine line;
    line.hop = std::move(hop);
    line.what = what;
    line.counts = counts;
    line.of_engine = true;
    return line;
  }
  static void dropped(LedgerLine& line, const nlohmann::json& figures, const char* group,
                      std::initializer_list<const char*> keys) {
    for (const char* key : keys) {
      if (const uint64_t n = number(figures, group, key); n > 0) line.dropped.push_back({key, n});
    }
  }
  void add(LedgerLine line, Allowances allowed) {
    lines_.emplace_back(std::move(line), std::move(allowed));
  }

  // What came in at the online host, and what the engine says it captured. A packet for a port it
  // watches, but for another service, is in its count too.
  void capture(const EngineSays& s) {
    if (!has(s.figures, "capture", "packets")) return;
    LedgerLine line = begin("online > " + s.id, "client packets", "tap / engine");
    const auto seen = online_.requests_to(s.services);
    line.in = Tally::before(seen, s.ending_ns);
    const uint64_t others = number(s.figures, "counters", "packets_unmapped") +
                            number(s.figures, "capture", "own_injected");
    const uint64_t captured = number(s.figures, "capture", "packets");
    line.out = captured - std::min(captured, others);
    Allowances allowed;
    // These may be of packets that are no client's: neighbour discovery, corrupted ports.
    for (const char* key : {"kernel_drops", "bad_checksum", "fragments", "reassembled", "truncated",
                            "malformed", "unwanted", "not_for_us"}) {
      allowed.missing.push_back({key, number(s.figures, "capture", key)});
    }
    allowed.missing.push_back({"not read any more when it was ended",
                               line.in - Tally::before(seen, s.ending_ns - kEnding)});
    allowed.surplus = {{"while it ended", seen.size() - line.in}};
    allowed.missing_open = !s.not_whole.empty();
    line.remark = s.not_whole;
    add(line, allowed);
  }

  // Packets made by the session logic, and packets the kernel took.
  void queue_to_send(const EngineSays& s) {
    if (!has(s.figures, "counters", "segments_sent")) return;
    LedgerLine line = begin(s.id + ", sending", "packets made and sent", "engine / engine");
    line.in = number(s.figures, "counters", "segments_sent");
    line.out = number(s.figures, "inject", "packets");
    dropped(line, s.figures, "inject", {"overflow", "refused_destination"});
    // Errors by name, packets lost to each.
    const nlohmann::json none = nlohmann::json::object();
    const auto& inject = s.figures.contains("inject") ? s.figures["inject"] : none;
    const auto& errors = inject.contains("errors") ? inject["errors"] : none;
    for (const auto& [name, count] : errors.items()) {
      if (count.is_number_unsigned()) line.dropped.push_back({name, count.get<uint64_t>()});
    }
    Allowances allowed;
    if (number(s.figures, "inject", "deferred") > 0) {
      allowed.missing = {{"queued when it was ended", kAnyNumber}};
    }
    if (number(s.figures, "inject", "cut") > 0) {
      allowed.surplus = {{"pieces of packets above the MTU", kAnyNumber}};
    }
    add(line, allowed);
  }

  // What all copy engines say they sent, and what left the online host as a client.
  void inject() {
    LedgerLine line = begin("copy > wire", "mirrored packets", "engine / tap");
    Allowances allowed;
    bool any = false;
    uint64_t merged = 0;
    for (const EngineSays& s : e_.hops.engines) {
      if (s.role != "copy") continue;
      any = any || has(s.figures, "inject", "packets");
      line.in += number(s.figures, "inject", "packets");
      // A super-packet that its device takes as it is leaves as one; elsewhere the kernel cuts it
      // before the tap.
      const uint64_t by_link = number(s.figures, "inject", "by_link");
      merged += by_link - std::min(by_link, number(s.figures, "inject", "frames"));
      if (number(s.figures, "inject", "cut") > 0) {
        allowed.surplus.push_back({"cut to the MTU", kAnyNumber});
      }
      if (!s.not_whole.empty()) {
        allowed.surplus_open = true;
        line.remark = s.not_whole;
      }
    }
    if (!any) return;
    // A client's own packet to the test host, which the online host only passes on, is none of it.
    const uint64_t passed_on = online_.in(Kind::mirrored).size();
    const uint64_t left = online_.out(Kind::mirrored).size();
    line.out = left - std::min(left, passed_on);
    const auto takes_whole = [](const Way& w) { return w.from == "online" && w.offloads; };
    if (std::ranges::any_of(e_.hops.ways, takes_whole)) {
      allowed.missing.push_back({"merged into super-packets", merged});
    }
    for (const KernelDrop& d : e_.hops.kernel_drops) {
      if (d.role == "online" && d.outgoing) allowed.missing.push_back({d.counter, d.packets});
    }
    add(line, allowed);
  }

  // Replies that the kernel queued, and replies the engine says it took.
  void reply_queue(const EngineSays& s) {
    const auto q = std::ranges::find(e_.hops.queues, s.id, &ReplyQueueCount::engine);
    if (q == e_.hops.queues.end() || !has(s.figures, "counters", "replies_taken")) return;
    LedgerLine line = begin("test > " + s.id, "replies", "kernel / engine");
    line.in = q->entered + q->dropped_full;
    line.out = number(s.figures, "counters", "replies_taken");
    if (q->dropped_full > 0) line.dropped.push_back({"queue full", q->dropped_full});
    if (q->dropped_user > 0) line.dropped.push_back({"socket buffer full", q->dropped_user});
    Allowances allowed;
    // A reply later than the kernel was asked needs a packet shortly before, or an open connection.
    const auto& came = test_.in(Kind::mirrored);
    const bool quiet = e_.test_connections_left.value_or(1) == 0;
    allowed.surplus = {
        {"after the kernel was asked",
         quiet ? came.size() - Tally::before(came, q->time_ns - kEnding) : kAnyNumber}};
    allowed.surplus_open = !s.not_whole.empty();  // the queue of an earlier run is gone
    line.remark = s.not_whole;
    add(line, allowed);
  }

  void records_made(const EngineSays& s) {
    if (!has(s.figures, "counters", "records_returned")) return;
    LedgerLine line = begin(s.id, "replies made header records", "engine / engine");
    line.in = number(s.figures, "counters", "replies_taken");
    line.out = number(s.figures, "counters", "records_returned");
    dropped(line, s.figures, "counters",
            {"replies_unclaimed", "hold_overflow", "peer_queue_overflow", "handover_overflow",
             "not_tcp", "malformed"});
    Allowances allowed;
    // Some ways of interception count a reply whose header is lost as taken, others do not.
    allowed.missing = {{"headers_lost", number(s.figures, "counters", "headers_lost")},
                       {"held when it was ended", number(s.figures, "counters", "replies_held")}};
    add(line, allowed);
  }

  void header_return() {
    LedgerLine line = begin("intercept > copy", "header records", "engine / engine");
    Allowances allowed;
    bool sent = false;
    bool taken = false;
    for (const EngineSays& s : e_.hops.engines) {
      if (s.role == "intercept") {
        sent = sent || has(s.figures, "counters", "records_returned");
        line.in += number(s.figures, "counters", "records_returned");
        allowed.surplus_open = allowed.surplus_open || !s.not_whole.empty();
      } else {
        taken = taken || has(s.figures, "header_return", "records");
        line.out += number(s.figures, "header_return", "records");
        allowed.missing_open = allowed.missing_open || !s.not_whole.empty();
        if (number(s.figures, "header_return", "breaks") > 0) {
          allowed.missing = {{"in a header connection that broke", kAnyNumber}};
        }
      }
      if (!s.not_whole.empty()) line.remark = s.not_whole;
    }
    if (!sent || !taken) return;
    if (!e_.drained) {
      allowed.missing_open = true;
      line.remark = "the engines were ended before they had finished";
    }
    add(line, allowed);
  }

  void records_taken(const EngineSays& s) {
    if (!has(s.figures, "counters", "header_records")) return;
    LedgerLine line = begin(s.id + ", receiving", "header records", "engine / engine");
    line.in = number(s.figures, "header_return", "records");
    line.out = number(s.figures, "counters", "header_records");
    add(line, {});
  }

  const Evidence& e_;
  const Tally& online_;
  const Tally& test_;
  std::vector<std::pair<LedgerLine, Allowances>> lines_;
};
}  // namespace

std::vector<std::pair<LedgerLine, Allowances>> engine_hops(const Evidence& evidence,
                                                           const Tally& online, const Tally& test) {
  return EngineHops(evidence, online, test).make();
}

}  // namespace mirrorlab::verify
