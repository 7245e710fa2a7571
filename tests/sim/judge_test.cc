// The judge must be able to say no: an engine broken on purpose, once for each of its checks.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <vector>

#include "sim/run.h"

namespace mirrorlab::sim {
namespace {

using wire::tcp_flag::kFin;
using wire::tcp_flag::kRst;

bool says(const Outcome& out, Check check) {
  return std::ranges::any_of(out.violations, [&](const Violation& v) { return v.check == check; });
}

// Runs seeds of `scenario` until the judge says no for `check`.
bool caught(const char* scenario, Check check, const std::function<Tamper()>& broken,
            uint64_t seeds = 30) {
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    RunOptions o;
    o.tamper = broken();
    if (says(run_seed(seed, *find_scenario(scenario), o), check)) return true;
  }
  return false;
}

Tamper transmit(std::function<void(const wire::TcpHeader&, wire::Bytes, const Tamper::Pass&)> f) {
  Tamper t;
  t.transmit = std::move(f);
  return t;
}

TEST(Judge, PassesAnEngineThatIsOnlyWatched) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    RunOptions o;
    o.tamper = transmit([](const auto& h, auto data, const auto& pass) { pass(h, data); });
    ASSERT_TRUE(run_seed(seed, *find_scenario("clean"), o).passed());
  }
}

TEST(Judge, SeesASegmentThatIsDroppedForGood) {
  const auto broken = [] {
    return transmit([](const auto& h, auto data, const auto& pass) {
      if (data.size() > 100 && h.seq.raw() % 5 == 0) return;
      pass(h, data);
    });
  };
  EXPECT_TRUE(caught("clean", Check::complete, broken));
}

TEST(Judge, SeesBytesAtAShiftedPosition) {
  const auto broken = [] {
    return transmit([](const auto& h, auto data, const auto& pass) {
      pass(h, data);
      if (data.size() < 2) return;
      wire::TcpHeader again = h;
      again.seq = h.seq + 1;
      pass(again, data);
    });
  };
  EXPECT_TRUE(caught("clean", Check::content, broken));
}

TEST(Judge, SeesAChangedByte) {
  const auto broken = [] {
    return transmit([](const auto& h, auto data, const auto& pass) {
      std::vector<uint8_t> copy(data.begin(), data.end());
      if (!copy.empty()) copy.back() ^= 1;
      pass(h, copy);
    });
  };
  EXPECT_TRUE(caught("clean", Check::content, broken));
}

TEST(Judge, SeesTurnsThatAreSwapped) {
  // The engine is told to wait for nothing, and the counters do not say so.
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    RunOptions o;
    o.configure = [](engine::Config& c) { c.wait_for_answers = false; };
    if (says(run_seed(seed, *find_scenario("clean"), o), Check::order)) return;
  }
  FAIL() << "no turn before its answer was seen";
}

TEST(Judge, SeesAPacketForAClientOrTheOnlineHost) {
  const auto broken = [] {
    return transmit([](const auto& h, auto data, const auto& pass) {
      pass(h, data);
      wire::TcpHeader astray = h;
      std::swap(astray.src, astray.dst);
      pass(astray, {});
    });
  };
  EXPECT_TRUE(caught("clean", Check::harmless, broken, 1));
}

TEST(Judge, SeesAPacketBeyondTheMtu) {
  const auto broken = [] {
    return transmit([](const auto& h, auto, const auto& pass) {
      const std::vector<uint8_t> large(10'000);
      pass(h, large);
    });
  };
  EXPECT_TRUE(caught("clean", Check::packet, broken, 1));
}

TEST(Judge, SeesAFinThatIsLostForGood) {
  const auto broken = [] {
    return transmit([](const auto& h, auto data, const auto& pass) {
      if (!h.has(kFin)) pass(h, data);
    });
  };
  EXPECT_TRUE(caught("clean", Check::close, broken));
}

TEST(Judge, SeesAResetThatBecomesAFin) {
  const auto broken = [] {
    return transmit([](const auto& h, auto data, const auto& pass) {
      wire::TcpHeader other = h;
      if (h.has(kRst)) other.flags = static_cast<uint8_t>((h.flags & ~kRst) | kFin);
      pass(other, data);
    });
  };
  EXPECT_TRUE(caught("clean", Check::close, broken, 100));
}

TEST(Judge, SeesASessionThatIsStuck) {
  const auto broken = [] {
    return transmit([](const auto& h, auto data, const auto& pass) {
      if (!h.has(wire::tcp_flag::kSyn)) return;
      pass(h, data);
    });
  };
  EXPECT_TRUE(caught("clean", Check::stuck, broken) || caught("clean", Check::complete, broken));
}

TEST(Judge, SeesAMiscount) {
  const auto books = [](void (*change)(engine::Account&)) {
    return [change] {
      Tamper t;
      t.account = [change](engine::Account& a, engine::Counters&) { change(a); };
      return t;
    };
  };
  EXPECT_TRUE(caught("clean", Check::account, books([](auto& a) { ++a.bytes_mirrored; }), 1));
  EXPECT_TRUE(caught("clean", Check::account, books([](auto& a) { --a.sessions_mirrored; }), 1));
  EXPECT_TRUE(caught("clean", Check::account, books([](auto& a) { a.sessions_live = 1; }), 1));
  // Balanced, but not what happened.
  EXPECT_TRUE(caught("clean", Check::account, books([](auto& a) {
                       ++a.bytes_captured;
                       ++a.bytes_mirrored;
                     }),
                     1));
}

TEST(Judge, SeesALossWithoutACause) {
  const auto broken = [] {
    Tamper t;
    t.account = [](engine::Account& a, engine::Counters&) {
      ++a.bytes_captured;
      ++a.bytes_lost[static_cast<size_t>(engine::LossReason::idle_timeout)];
    };
    return t;
  };
  EXPECT_TRUE(caught("clean", Check::complete, broken, 1));
}

TEST(Judge, SeesReleasesByTheLimitThatNothingExplains) {
  const auto broken = [] {
    Tamper t;
    t.account = [](engine::Account&, engine::Counters& c) { ++c.turn_released_by_timeout; };
    return t;
  };
  EXPECT_TRUE(caught("clean", Check::order, broken, 1));
}

TEST(Shrink, LeavesTheOneFaultThatMatters) {
  // An engine that never repairs a lost segment fails with the first loss.
  const Scenario& loss = *find_scenario("loss");
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    RunOptions o;
    // Every packet only once: what is lost stays lost.
    auto seen = std::make_shared<std::vector<std::pair<uint32_t, size_t>>>();
    o.tamper = transmit([seen](const auto& h, auto data, const auto& pass) {
      if (!data.empty()) {
        const std::pair<uint32_t, size_t> key{h.seq.raw(), h.src.port};
        if (std::ranges::find(*seen, key) != seen->end()) return;
        seen->push_back(key);
      }
      pass(h, data);
    });
    o.before_each = [seen] { seen->clear(); };
    const Outcome failed = run_seed(seed, loss, o);
    if (failed.passed() || failed.faults.size() < 4) continue;
    const Outcome small = shrink(failed, loss, o);
    EXPECT_FALSE(small.passed());
    EXPECT_LT(small.faults.size(), failed.faults.size());
    EXPECT_LE(small.faults.size(), 3U);
    return;
  }
  FAIL() << "no seed failed";
}

}  // namespace
}  // namespace mirrorlab::sim
