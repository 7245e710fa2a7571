#include "harness/cli/fault_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <tuple>

namespace mirrorlab::cli {

namespace {
using nlohmann::json;
using wirebox::Direction;
using wirebox::Fault;
using wirebox::FaultKind;

const char* direction_name(Direction d) { return d == Direction::a_to_b ? "there" : "back"; }

std::optional<FaultKind> kind_named(const std::string& name) {
  for (size_t i = 0; i < wirebox::kFaultKinds; ++i) {
    if (name == wirebox::to_string(static_cast<FaultKind>(i))) return static_cast<FaultKind>(i);
  }
  return std::nullopt;
}

json to_json(const LinkFault& f) {
  json j{{"link", f.link},
         {"direction", direction_name(f.fault.direction)},
         {"protocol", f.fault.protocol},
         {"from", f.fault.flow.client.to_string()},
         {"to", f.fault.flow.server.to_string()},
         {"number", f.fault.number},
         {"packet", f.fault.ordinal},
         {"what", wirebox::to_string(f.fault.kind)}};
  if (f.fault.detail != 0) j["detail"] = f.fault.detail;
  return j;
}

// The error names the key.
tl::expected<LinkFault, std::string> read_fault(const json& j) {
  const auto text = [&](const char* key) {
    const auto found = j.find(key);
    return found != j.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const auto number = [&](const char* key, uint64_t limit) -> std::optional<uint64_t> {
    const auto found = j.find(key);
    if (found == j.end() || !found->is_number_unsigned()) return std::nullopt;
    const auto value = found->get<uint64_t>();
    return value <= limit ? std::optional(value) : std::nullopt;
  };
  const auto wrong = [](const char* key) {
    return tl::unexpected(fmt::format("`{}` is missing or wrong", key));
  };
  if (!j.is_object()) return tl::unexpected(std::string("is no object"));
  LinkFault f;
  f.link = text("link");
  if (f.link.empty()) return wrong("link");
  const std::string direction = text("direction");
  if (direction != "there" && direction != "back") return wrong("direction");
  f.fault.direction = direction == "there" ? Direction::a_to_b : Direction::b_to_a;
  const auto from = wire::Endpoint::parse(text("from"));
  const auto to = wire::Endpoint::parse(text("to"));
  if (!from) return wrong("from");
  if (!to) return wrong("to");
  f.fault.flow = {*from, *to};
  const auto protocol = number("protocol", 255);
  const auto flow_number = number("number", UINT32_MAX);
  const auto packet = number("packet", UINT64_MAX);
  if (!protocol) return wrong("protocol");
  if (!flow_number) return wrong("number");
  if (!packet) return wrong("packet");
  f.fault.protocol = static_cast<uint8_t>(*protocol);
  f.fault.number = static_cast<uint32_t>(*flow_number);
  f.fault.ordinal = *packet;
  const auto kind = kind_named(text("what"));
  if (!kind) return wrong("what");
  f.fault.kind = *kind;
  const bool distance = *kind == FaultKind::reorder;
  if (j.contains("detail") || distance) {
    const auto detail = number("detail", distance ? 255 : UINT64_MAX);
    if (!detail || (distance && *detail == 0)) return wrong("detail");
    f.fault.detail = *detail;
  }
  return f;
}
}  // namespace

std::vector<LinkFault> faults_of(const std::vector<wirebox::Figures>& links) {
  std::vector<LinkFault> all;
  for (const auto& link : links) {
    for (const Fault& fault : link.faults) {
      if (fault.kind != FaultKind::pool_full) all.push_back({link.name, fault});
    }
  }
  const auto name = [](const LinkFault& f) {
    const Fault& o = f.fault;
    return std::tuple(std::string_view(f.link), o.direction, o.flow.client.address, o.flow.server,
                      o.protocol, o.number, o.ordinal, o.kind);
  };
  std::ranges::sort(all, {}, name);
  return all;
}

uint64_t missing_faults(const std::vector<wirebox::Figures>& links) {
  uint64_t missing = 0;
  for (const auto& link : links) {
    missing += link.flows_forgotten;
    for (const auto& c : link.counters) missing += c.unlisted;
  }
  return missing;
}

std::string to_json_text(const FaultList& list) {
  json all = json::array();
  for (const auto& fault : list.faults) all.push_back(to_json(fault));
  const json whole{
      {"schema_version", 1},     {"scenario", {{"name", list.name}, {"path", list.path}}},
      {"variant", list.variant}, {"seed", list.seed},
      {"missing", list.missing}, {"faults", all}};
  return whole.dump(1) + "\n";
}

tl::expected<FaultList, std::string> read_faults(const std::string& place) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::path path = place;
  if (fs::is_directory(path, error)) {
    path /= kFaultFile;
  } else if (path.filename() == "result.json") {
    path = path.parent_path() / kFaultFile;
  }
  std::ifstream in(path);
  if (!in) {
    return tl::unexpected(
        fmt::format("{}: cannot be read; name a run's directory, its result.json or {}",
                    path.string(), kFaultFile));
  }
  const json j = json::parse(in, nullptr, false);
  const auto wrong = [&](const std::string& what) {
    return tl::unexpected(fmt::format("{}: {}", path.string(), what));
  };
  if (!j.is_object()) return wrong("is no list of faults (JSON)");
  if (j.value("schema_version", json()) != 1) return wrong("`schema_version` is not 1");
  FaultList list;
  const auto scenario = j.value("scenario", json());
  if (!scenario.is_object() || !scenario.value("path", json()).is_string() ||
      !scenario.value("name", json()).is_string()) {
    return wrong("`scenario` is missing or wrong");
  }
  list.name = scenario["name"];
  list.path = scenario["path"];
  const auto variant = j.value("variant", json());
  const auto seed = j.value("seed", json());
  const auto missing = j.value("missing", json());
  if (!variant.is_string()) return wrong("`variant` is missing or wrong");
  if (!seed.is_number_unsigned()) return wrong("`seed` is missing or wrong");
  if (!missing.is_number_unsigned()) return wrong("`missing` is missing or wrong");
  list.variant = variant;
  list.seed = seed;
  list.missing = missing;
  const auto faults = j.value("faults", json());
  if (!faults.is_array()) return wrong("`faults` is missing or no list");
  for (size_t i = 0; i < faults.size(); ++i) {
    auto fault = read_fault(faults[i]);
    if (!fault) return wrong(fmt::format("faults[{}]: {}", i, fault.error()));
    list.faults.push_back(std::move(*fault));
  }
  return list;
}

std::string fault_text(const LinkFault& f) {
  return fmt::format("{} {} {} number {} packet {} {}", f.link, direction_name(f.fault.direction),
                     f.fault.flow.to_string(), f.fault.number, f.fault.ordinal,
                     wirebox::to_string(f.fault.kind));
}

}  // namespace mirrorlab::cli
