// The list of a run's link faults, written and read again.
#include "harness/cli/fault_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace mirrorlab::cli {
namespace {
using nlohmann::json;

FaultList sample() {
  wirebox::Fault f;
  f.flow = {*wire::Endpoint::parse("10.1.0.1:40000"), *wire::Endpoint::parse("10.2.0.1:80")};
  f.protocol = 6;
  f.number = 3;
  f.ordinal = 17;
  wirebox::Fault corrupt = f;
  corrupt.kind = wirebox::FaultKind::corrupt;
  corrupt.detail = UINT64_MAX - 5;
  corrupt.direction = wirebox::Direction::b_to_a;
  wirebox::Fault v6 = f;
  v6.flow = {*wire::Endpoint::parse("[fd00::1]:40000"), *wire::Endpoint::parse("[fd00::2]:80")};
  v6.kind = wirebox::FaultKind::reorder;
  v6.detail = 2;
  return {"n", "dir/n.yaml", "ip=v4", 42, 0, {{"a-b", f}, {"a-b", corrupt}, {"b-c", v6}}};
}

class FaultFile : public ::testing::Test {
 protected:
  FaultFile() {
    std::string name = "/tmp/fault-file-XXXXXX";
    directory_ = ::mkdtemp(name.data());
  }
  ~FaultFile() override { std::filesystem::remove_all(directory_); }
  void write(const std::string& text) const {
    std::ofstream(directory_ + "/" + kFaultFile) << text;
  }
  std::string directory_;
};

TEST_F(FaultFile, ComesBackAsItWas) {
  const FaultList list = sample();
  write(to_json_text(list));
  for (const std::string& place :
       {directory_, directory_ + "/result.json", directory_ + "/" + kFaultFile}) {
    const auto read = read_faults(place);
    ASSERT_TRUE(read) << read.error();
    EXPECT_EQ(to_json_text(*read), to_json_text(list));
  }
  EXPECT_EQ(fault_text(list.faults[1]),
            "a-b back 10.1.0.1:40000>10.2.0.1:80 number 3 packet 17 corrupt");
}
TEST_F(FaultFile, WhatIsWrongWithItIsNamed) {
  EXPECT_NE(read_faults(directory_).error().find("cannot be read"), std::string::npos);
  const json good = json::parse(to_json_text(sample()));
  const auto error = [&](const json& j) {
    write(j.dump());
    const auto read = read_faults(directory_);
    return read ? "no error" : read.error();
  };
  EXPECT_EQ(error(good), "no error");
  write("{\"faults\": [");
  EXPECT_NE(read_faults(directory_).error().find("JSON"), std::string::npos);
  EXPECT_NE(error(json::array()).find("JSON"), std::string::npos);
  for (const char* key : {"schema_version", "scenario", "variant", "seed", "missing", "faults"}) {
    for (const json& wrong : {json(), json(-1), json::array({1}), json("x"), json::object()}) {
      json j = good;
      j[key] = wrong;
      if (std::string(key) == "variant" && wrong.is_string()) continue;
      EXPECT_NE(error(j).find(std::string(key) == "faults" && wrong.is_array() ? "faults[0]" : key),
                std::string::npos)
          << key << ' ' << wrong;
    }
  }
  for (const char* key :
       {"link", "direction", "protocol", "from", "to", "number", "packet", "what"}) {
    for (const json& wrong : {json(), json(-1), json(json::array()), json("")}) {
      json j = good;
      j["faults"][1][key] = wrong;
      EXPECT_NE(error(j).find(std::string("faults[1]: `") + key), std::string::npos) << key;
    }
  }
  json j = good;
  j["faults"][2].erase("detail");
  EXPECT_NE(error(j).find("faults[2]: `detail`"), std::string::npos);
  j["faults"][2]["detail"] = 300;
  EXPECT_NE(error(j).find("faults[2]: `detail`"), std::string::npos);
}
TEST(Faults, WhatTheBoxDidIsLeftOutAndWhatHasNoNameIsCounted) {
  wirebox::Figures f;
  f.name = "a-b";
  wirebox::Fault fault;
  f.faults = {fault, fault};
  f.faults[1].kind = wirebox::FaultKind::pool_full;
  f.counters[1].unlisted = 4;
  f.flows_forgotten = 1;
  EXPECT_EQ(faults_of({f}).size(), 1U);
  EXPECT_EQ(missing_faults({f}), 5U);
}
}  // namespace
}  // namespace mirrorlab::cli
