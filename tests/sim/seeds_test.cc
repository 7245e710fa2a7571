// A short fixed set of seeds of every scenario, and that a seed is all a run depends on.
#include <gtest/gtest.h>

#include "sim/run.h"

namespace mirrorlab::sim {
namespace {

std::string text_of(const Outcome& out, std::string_view scenario) {
  std::string text = "again: mirrorlab sim --seeds " + std::to_string(out.seed) + " --scenario " +
                     std::string(scenario) + " --shrink --trace\n";
  for (const Violation& v : out.violations) {
    text += std::string(to_string(v.check)) + ": " + v.text + "\n";
  }
  return text;
}

class EveryScenario : public testing::TestWithParam<Scenario> {};

TEST_P(EveryScenario, PassesItsFixedSeeds) {
  uint64_t judged = 0;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    const Outcome out = run_seed(seed, GetParam(), {});
    judged += out.exact_streams + out.excused_streams;
    ASSERT_TRUE(out.passed()) << text_of(out, GetParam().name);
  }
  EXPECT_GT(judged, 100U) << "the seeds have nothing to judge";
}

TEST_P(EveryScenario, GivesTheSameTraceForTheSameSeed) {
  RunOptions traced;
  traced.trace = true;
  for (uint64_t seed = 7; seed < 12; ++seed) {
    const Outcome one = run_seed(seed, GetParam(), traced);
    const Outcome two = run_seed(seed, GetParam(), traced);
    ASSERT_FALSE(one.trace.empty());
    ASSERT_EQ(one.trace, two.trace) << "seed " << seed;
    EXPECT_EQ(one.digest, run_seed(seed, GetParam(), {}).digest) << "seed " << seed;
    EXPECT_NE(one.digest, run_seed(seed + 100, GetParam(), {}).digest);
  }
}

std::string name_of(const testing::TestParamInfo<Scenario>& tested) {
  std::string name(tested.param.name);
  std::erase(name, '-');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Sim, EveryScenario,
                         testing::ValuesIn(scenarios().begin(), scenarios().end()), name_of);

TEST(Scenarios, AreFoundByName) {
  EXPECT_NE(find_scenario("mixed"), nullptr);
  EXPECT_EQ(find_scenario("no such"), nullptr);
}

// What campaigns found and was mended, in the engine or in the judge.
TEST(Seeds, ThatFailedOncePass) {
  const std::pair<const char*, uint64_t> found[] = {
      {"answers", 3558},        {"answers", 5615},       {"answers", 17389},
      {"answers", 29649},       {"answers", 55995},      {"mixed", 40502},
      {"mixed", 52248},         {"capture-loss", 28784}, {"capture-loss", 40744},
      {"capture-loss", 50279},  {"limits", 50279},       {"answers", 63653},
      {"answers", 65463},       {"answers", 66849},      {"answers", 89192},
      {"loss", 73466},          {"loss", 210489},        {"capture-loss", 106729},
      {"reuse", 100451},        {"disorder", 61486},     {"disorder", 75181},
      {"restarts", 83487},      {"restarts", 83489},     {"restarts", 85889},
      {"restarts", 707754},     {"disorder", 803612},    {"headers", 802607},
      {"limits", 907452},       {"limits", 908399},      {"reuse", 916972},
      {"restarts", 958949},     {"restarts", 973292},    {"limits", 977426},
      {"answers", 990154},      {"answers", 1022717},    {"answers", 1035895},
      {"mixed", 1031720},       {"disorder", 989113},    {"capture-loss", 982614},
      {"capture-loss", 989308},
  };
  for (const auto& [scenario, seed] : found) {
    const Outcome out = run_seed(seed, *find_scenario(scenario), {});
    EXPECT_TRUE(out.passed()) << text_of(out, scenario);
  }
}

// A fault list given back to the same seed gives the same run; without them none happens.
TEST(Faults, AreAllThatIsAllowed) {
  const Scenario& loss = *find_scenario("loss");
  const Outcome all = run_seed(3, loss, {});
  ASSERT_FALSE(all.faults.empty());
  RunOptions o;
  o.only = all.faults;
  EXPECT_EQ(run_seed(3, loss, o).digest, all.digest);
  o.only = std::vector<Fault>{};
  EXPECT_TRUE(run_seed(3, loss, o).faults.empty());
}

}  // namespace
}  // namespace mirrorlab::sim
