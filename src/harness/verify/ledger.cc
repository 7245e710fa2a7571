#include "harness/verify/ledger.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "harness/verify/engine_hops.h"
#include "harness/verify/tally.h"

namespace mirrorlab::verify {

namespace {
// A packet is under way for so long where no link delays it: softirqs of a busy box.
constexpr int64_t kSlack = 50'000'000;

uint64_t total(const std::vector<LedgerEntry>& entries) {
  uint64_t sum = 0;
  for (const auto& e : entries) sum += e.packets;
  return sum;
}

// Uses allowances up, the first ones first; what is left of the difference.
uint64_t use_up(uint64_t difference, const std::vector<LedgerEntry>& allowed,
                std::vector<LedgerEntry>& used) {
  for (const auto& a : allowed) {
    const uint64_t part = std::min(a.packets, difference);
    if (part > 0) used.push_back({a.name, part});
    difference -= part;
  }
  return difference;
}

struct WayKind {
  const char* from;
  const char* to;
  Kind kind;
  const char* what;
};
constexpr WayKind kWays[] = {
    {"clients", "online", Kind::request, "client packets"},
    {"online", "clients", Kind::answer, "answers"},
    {"online", "test", Kind::mirrored, "mirrored packets"},
    {"test", "assistant", Kind::reply, "replies"},
    {"test", "online", Kind::header_record, "header connection"},
    {"online", "test", Kind::header_ack, "header connection, back"},
    {"assistant", "online", Kind::header_record, "header connection"},
    {"online", "assistant", Kind::header_ack, "header connection, back"},
};

class LedgerMaker {
 public:
  explicit LedgerMaker(const Evidence& e)
      : e_(e),
        clients_(e, e.clients, e.taps_until_ns),
        online_(e, e.online, e.taps_until_ns),
        test_(e, e.test, e.taps_until_ns) {
    uint64_t left_out = e.clients.left_out() + e.online.left_out() + e.test.left_out();
    for (const Waypoint& w : e.waypoints) {
      waypoints_.emplace_back(e, w.seen, e.taps_until_ns);
      left_out += w.seen.left_out();
    }
    taps_lost_ = e.tap_drops + left_out > 0;
  }

  Ledger make() {
    if (e_.hops.ways.empty()) return {};
    for (const WayKind& w : kWays) way(w);
    for (size_t i = 0; i < waypoints_.size(); ++i) waypoint(i);
    for (auto& [line, allowances] : engine_hops(e_, online_, test_)) add(line, allowances);
    for (const KernelDrop& drop : e_.hops.kernel_drops) {
      if (drop.packets > 0) ledger_.kernel_drops.push_back(drop);
    }
    return std::move(ledger_);
  }

 private:
  void add(LedgerLine line, Allowances allowances) {
    if (taps_lost_) {
      allowances.missing_open = allowances.surplus_open = true;
      line.remark = "the taps lost packets";
    }
    settle(line, allowances);
    ledger_.lines.push_back(std::move(line));
  }

  [[nodiscard]] const Tally* tally_of(const std::string& role) const {
    if (role == "clients") return &clients_;
    if (role == "online") return &online_;
    if (role == "test") return &test_;
    return nullptr;
  }

  // An assistant's taps are those of all waypoints that such packets end or begin at.
  [[nodiscard]] Tally::Times at(const std::string& role, Kind kind, bool outgoing) const {
    if (const Tally* one = tally_of(role)) return outgoing ? one->out(kind) : one->in(kind);
    Tally::Times all;
    for (size_t i = 0; i < waypoints_.size(); ++i) {
      if (!intercepts(e_.waypoints[i].name)) continue;
      const auto& times = outgoing ? waypoints_[i].out(kind) : waypoints_[i].in(kind);
      all.insert(all.end(), times.begin(), times.end());
    }
    std::ranges::sort(all);
    return all;
  }
  [[nodiscard]] bool intercepts(const std::string& node) const {
    return std::ranges::any_of(e_.hops.engines, [&](const EngineSays& s) {
      return s.role == "intercept" && s.on == "assistant" && s.node == node;
    });
  }

  void way(const WayKind& w) {
    const auto found = std::ranges::find_if(
        e_.hops.ways, [&](const Way& way) { return way.from == w.from && way.to == w.to; });
    if (found == e_.hops.ways.end()) return;
    // A header connection ends where its intercept is.
    const bool headers = w.kind == Kind::header_record || w.kind == Kind::header_ack;
    const std::string far = std::string(w.from) == "online" ? w.to : w.from;
    if (headers && !std::ranges::all_of(e_.hops.engines, [&](const EngineSays& s) {
          return s.role != "intercept" || s.on == far;
        })) {
      return;
    }
    const auto left = at(w.from, w.kind, true);
    const auto arrived = at(w.to, w.kind, false);
    if (left.empty() && arrived.empty()) return;
    LedgerLine line;
    line.hop = std::string(w.from) + " > " + w.to;
    line.what = w.what;
    line.counts = "tap / tap";
    line.in = left.size();
    line.out = arrived.size();
    Allowances allowed;
    const uint64_t late =
        left.size() - Tally::before(left, e_.taps_until_ns - found->delay_ns - kSlack);
    allowed.missing.push_back({"under way at the end", late});
    for (const StageCount& stage : found->stages) add_stage(stage, w.kind, line, allowed);
    allowed.missing.push_back({"dropped by devices", found->device_drops});
    allowed.missing.push_back({"dropped by a kernel on the way", kernel_drops_on_the_way()});
    // An inbound packet that the sender's tap saw too late, or a link figure taken too early.
    allowed.surplus.push_back({"under way at the end", late});
    if (found->recuts) allowed.surplus.push_back({"cut on the way", UINT64_MAX});
    add(line, allowed);
  }

  // Of any packets: a router that finds one too long for its next link, for instance.
  [[nodiscard]] uint64_t kernel_drops_on_the_way() const {
    uint64_t sum = 0;
    for (const auto& waypoint : e_.waypoints) {
      if (!intercepts(waypoint.name)) sum += kernel_drops_at(waypoint.name);
    }
    return sum;
  }
  [[nodiscard]] uint64_t kernel_drops_at(const std::string& node) const {
    return std::accumulate(
        e_.hops.kernel_drops.begin(), e_.hops.kernel_drops.end(), uint64_t{0},
        [&](uint64_t sum, const KernelDrop& d) { return sum + (d.node == node ? d.packets : 0); });
  }

  // What a stage lists by name is certain; of what its list does not hold, and of what it added,
  // only the sum over all flows is known.
  void add_stage(const StageCount& stage, Kind kind, LedgerLine& line, Allowances& allowed) const {
    std::map<std::string, uint64_t> listed;
    std::map<std::string, uint64_t> mine;
    for (const auto& drop : stage.listed) {
      ++listed[drop.cause];
      if (is_of(drop.flow, kind)) ++mine[drop.cause];
    }
    for (const auto& [cause, packets] : mine) line.dropped.push_back({cause, packets});
    for (const auto& [cause, packets] : stage.dropped) {
      const uint64_t unlisted = packets - std::min(packets, listed[cause]);
      if (unlisted > 0) allowed.missing.push_back({cause, unlisted});
    }
    allowed.missing.push_back({"corrupted beyond recognition", stage.corrupted});
    allowed.missing.push_back({"lost by the link stage", stage.lost_by_box});
    allowed.surplus.push_back({"duplicates", stage.duplicated});
    allowed.surplus.push_back({"cut from super-packets", stage.cut});
    allowed.surplus.push_back({"corrupted into it", stage.corrupted});
  }

  // The direction is the stage's own; a flow is told by its service's endpoint on either side.
  [[nodiscard]] bool is_of(const wire::FlowKey& flow, Kind kind) const {
    const auto touches = [&](const wire::Endpoint& endpoint) {
      return flow.server == endpoint || flow.client == endpoint;
    };
    switch (kind) {
      case Kind::request:
      case Kind::answer:
        return std::ranges::any_of(e_.services, [&](const auto& s) { return touches(s.online); });
      case Kind::mirrored:
      case Kind::reply:
        return std::ranges::any_of(e_.services, [&](const auto& s) { return touches(s.test); });
      case Kind::header_record:
      case Kind::header_ack:
        return std::ranges::any_of(e_.hops.engines, [&](const auto& engine) {
          return engine.serves && touches(*engine.serves);
        });
    }
    return false;
  }

  // What comes in at a host between the others goes out again, but for what is intercepted there.
  void waypoint(size_t i) {
    const std::string& name = e_.waypoints[i].name;
    const uint64_t kernel = kernel_drops_at(name);
    for (const Kind kind : {Kind::request, Kind::answer, Kind::mirrored, Kind::reply,
                            Kind::header_record, Kind::header_ack}) {
      const auto& in = waypoints_[i].in(kind);
      const auto& out = waypoints_[i].out(kind);
      if (in.empty() && out.empty()) continue;
      // Where replies and header connections end or begin, the ways to there count them.
      if (kind >= Kind::reply && intercepts(name)) continue;
      static constexpr const char* kWhat[] = {"client packets",    "answers",
                                              "mirrored packets",  "replies",
                                              "header connection", "header connection, back"};
      LedgerLine line;
      line.hop = name;
      line.what = kWhat[static_cast<size_t>(kind)];
      line.counts = "tap / tap";
      line.in = in.size();
      line.out = out.size();
      Allowances allowed;
      const uint64_t late = in.size() - Tally::before(in, e_.taps_until_ns - kSlack);
      allowed.missing = {{"under way at the end", late}, {"dropped by its kernel", kernel}};
      if (std::ranges::any_of(e_.hops.ways, &Way::recuts))
        allowed.surplus.push_back({"cut on the way", UINT64_MAX});
      add(line, allowed);
    }
  }

  const Evidence& e_;
  Tally clients_, online_, test_;
  std::vector<Tally> waypoints_;
  bool taps_lost_ = false;
  Ledger ledger_;
};
}  // namespace

const char* to_string(Balance balance) {
  switch (balance) {
    case Balance::balanced:
      return "balanced";
    case Balance::unbalanced:
      return "unbalanced";
    case Balance::open:
      break;
  }
  return "open";
}

uint64_t Ledger::unbalanced() const {
  return static_cast<uint64_t>(
      std::ranges::count(lines, Balance::unbalanced, &LedgerLine::balance));
}

uint64_t Ledger::dropped() const {
  uint64_t sum = 0;
  for (const auto& line : lines) sum += total(line.dropped);
  return sum;
}

void settle(LedgerLine& line, const Allowances& allowed) {
  const uint64_t had = line.in + total(line.gained);
  const uint64_t went = line.out + total(line.dropped);
  if (had > went) {
    line.unaccounted = static_cast<int64_t>(use_up(had - went, allowed.missing, line.dropped));
  } else {
    line.unaccounted = -static_cast<int64_t>(use_up(went - had, allowed.surplus, line.gained));
  }
  const bool tolerated = line.unaccounted > 0 ? allowed.missing_open : allowed.surplus_open;
  line.balance = line.unaccounted == 0 ? Balance::balanced
                 : tolerated           ? Balance::open
                                       : Balance::unbalanced;
  if (line.balance == Balance::balanced) line.remark.clear();
}

std::string in_words(const LedgerLine& line) {
  const auto list = [](const char* word, const std::vector<LedgerEntry>& entries) {
    std::string text;
    for (const auto& e : entries) {
      text += (text.empty() ? std::string(", ") + word + " " : std::string(", ")) +
              std::to_string(e.packets) + " (" + e.name + ")";
    }
    return text;
  };
  std::string text = line.hop + ", " + line.what + ": in " + std::to_string(line.in) + ", out " +
                     std::to_string(line.out) + list("gained", line.gained) +
                     list("dropped", line.dropped);
  if (line.unaccounted > 0) {
    text += ", " + std::to_string(line.unaccounted) + " vanished without a trace";
  } else if (line.unaccounted < 0) {
    text += ", " + std::to_string(-line.unaccounted) + " came out of nothing";
  }
  if (!line.remark.empty()) text += " (" + line.remark + ")";
  return text;
}

Ledger make_ledger(const Evidence& e) { return LedgerMaker(e).make(); }

}  // namespace mirrorlab::verify
