// The tables below the rules: timer wheel, flow index, pools.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "engine/core/flow_index.h"
#include "engine/core/pool.h"
#include "engine/core/timer_wheel.h"

namespace mirrorlab::engine {
namespace {

TEST(TimerWheel, FiresAtItsTimeAndAtMostATickLate) {
  TimerWheel wheel;
  std::vector<uint32_t> due;
  wheel.arm(1, 10 * kMillisecond);
  wheel.advance(10 * kMillisecond - 1, due);
  EXPECT_TRUE(due.empty());
  wheel.advance(10 * kMillisecond + TimerWheel::kTick, due);
  EXPECT_EQ(due, std::vector<uint32_t>{1});
  EXPECT_FALSE(wheel.armed(1));
  EXPECT_EQ(wheel.next_wakeup(), kNever);
}

TEST(TimerWheel, APastDeadlineFiresWithTheNextTick) {
  TimerWheel wheel;
  std::vector<uint32_t> due;
  wheel.arm(1, kSecond);
  wheel.advance(kSecond / 2, due);
  wheel.arm(1, 0);
  wheel.advance(kSecond / 2 + TimerWheel::kTick, due);
  EXPECT_EQ(due, std::vector<uint32_t>{1});
}

TEST(TimerWheel, CancelAndMove) {
  TimerWheel wheel;
  std::vector<uint32_t> due;
  for (uint32_t id = 0; id < 5; ++id) wheel.arm(id, kSecond);
  wheel.cancel(2);
  wheel.cancel(2);
  wheel.cancel(77);
  wheel.arm(3, 2 * kSecond);
  EXPECT_EQ(wheel.size(), 4U);
  EXPECT_FALSE(wheel.later_than(3, 2 * kSecond));
  EXPECT_TRUE(wheel.later_than(3, 2 * kSecond - TimerWheel::kTick));
  wheel.advance(kSecond + TimerWheel::kTick, due);
  std::ranges::sort(due);
  EXPECT_EQ(due, (std::vector<uint32_t>{0, 1, 4}));
}

TEST(TimerWheel, BeyondItsHorizonATimerFiresThere) {
  TimerWheel wheel;
  std::vector<uint32_t> due;
  const Nanos day = 24 * 3600 * kSecond;
  wheel.arm(1, 40 * day);
  wheel.advance(12 * day, due);
  EXPECT_TRUE(due.empty());
  wheel.advance(13 * day, due);
  EXPECT_EQ(due, std::vector<uint32_t>{1});
}

TEST(TimerWheel, AJumpOfDaysCostsByWhatFires) {
  TimerWheel wheel;
  std::vector<uint32_t> due;
  Nanos now = 0;
  // Tick by tick, or roll-over by roll-over, this would take minutes.
  for (int i = 0; i < 2000; ++i) {
    wheel.arm(1, now + 10 * 24 * 3600 * kSecond);
    now += 11 * 24 * 3600 * kSecond;
    due.clear();
    wheel.advance(now, due);
    ASSERT_EQ(due.size(), 1U);
  }
}

TEST(TimerWheel, AgreesWithASortedListUnderRandomUse) {
  std::mt19937_64 random(7);
  TimerWheel wheel;
  std::map<uint32_t, Nanos> model;
  Nanos now = 0;
  std::vector<uint32_t> due;
  for (int step = 0; step < 20000; ++step) {
    const auto id = static_cast<uint32_t>(random() % 50);
    switch (random() % 4) {
      case 0:
      case 1: {
        // Spans of every level of the wheel.
        const Nanos at = now + static_cast<Nanos>(random() % (Nanos{1} << (10 + random() % 36)));
        wheel.arm(id, at);
        model[id] = at;
        break;
      }
      case 2:
        wheel.cancel(id);
        model.erase(id);
        break;
      default: {
        const Nanos wake = wheel.next_wakeup();
        Nanos first = kNever;
        for (const auto& [_, at] : model) first = std::min(first, at);
        if (first == kNever) break;
        ASSERT_LE(wake, std::max(first, now) + TimerWheel::kTick);
        now = std::max(now, random() % 2 == 0 ? wake : first);
        due.clear();
        wheel.advance(now, due);
        for (const uint32_t fired : due) {
          ASSERT_EQ(model.count(fired), 1U);
          ASSERT_LE(model[fired], now);
          model.erase(fired);
        }
        for (const auto& [_, at] : model) ASSERT_GT(at, now - TimerWheel::kTick);
      }
    }
    ASSERT_EQ(wheel.size(), model.size());
  }
}

TEST(FlowIndex, AgreesWithAMapUnderRandomUseAndCollisions) {
  std::mt19937_64 random(11);
  FlowIndex index;
  std::map<uint64_t, uint32_t> model;
  // Few hashes: long runs and equal tags.
  const auto hash_of = [](uint64_t key) { return key % 97 == 0 ? 5 : key * 3 % 2048; };
  const auto find = [&](uint64_t key) {
    return index.find(hash_of(key), [&](uint32_t id) { return id == key; });
  };
  for (int step = 0; step < 50000; ++step) {
    const uint64_t key = random() % 3000;
    if (model.count(key) == 0) {
      ASSERT_EQ(find(key), FlowIndex::kNone);
      index.insert(hash_of(key), static_cast<uint32_t>(key));
      model[key] = static_cast<uint32_t>(key);
    } else {
      ASSERT_EQ(find(key), key);
      if (random() % 3 != 0) {
        index.erase(hash_of(key), static_cast<uint32_t>(key));
        model.erase(key);
      }
    }
    ASSERT_EQ(index.size(), model.size());
  }
}

TEST(FlowIndex, ReplaceKeepsThePlace) {
  FlowIndex index;
  index.insert(42, 1);
  index.replace(42, 1, 2);
  index.prefetch(42);
  EXPECT_EQ(index.find(42, [](uint32_t id) { return id == 2; }), 2U);
  EXPECT_GT(index.memory_bytes(), 0U);
}

TEST(Pool, BuffersAreUsedAgainAndBigOnesGivenBack) {
  BufferPool pool;
  Buffer* small = pool.take(100);
  BufferPool::add_reference(small);
  pool.release(small);
  EXPECT_EQ(pool.in_use(), 1U);
  pool.release(small);
  EXPECT_EQ(pool.in_use(), 0U);
  const uint64_t kept = pool.memory_bytes();
  EXPECT_EQ(pool.take(128), small);
  pool.release(small);
  Buffer* big = pool.take(BufferPool::kMaxBytes);
  EXPECT_GT(pool.memory_bytes(), kept);
  pool.release(big);
  EXPECT_EQ(pool.memory_bytes(), kept);
}

TEST(Pool, ObjectsComeBackAsNew) {
  ObjectPool<int> pool;
  int* a = pool.take();
  *a = 7;
  EXPECT_EQ(pool.in_use(), 1U);
  pool.give_back(a);
  EXPECT_EQ(*pool.take(), 0);
  EXPECT_GT(pool.memory_bytes(), 0U);
}

}  // namespace
}  // namespace mirrorlab::engine
