// The small parsers of options and scenario values. The first byte chooses one, the rest is text.
#include <array>
#include <string_view>

#include "engine/driver/mapping_option.h"
#include "fuzz/check.h"
#include "harness/scenario/expression.h"
#include "harness/scenario/units.h"

using namespace mirrorlab;

namespace {
void endpoint(std::string_view text) {
  if (const auto e = wire::Endpoint::parse(text)) {
    fuzz::require(wire::Endpoint::parse(e->to_string()) == e, "an endpoint comes back");
    fuzz::require(text.find('\0') == std::string_view::npos, "no byte of it was ignored");
  }
  if (const auto a = wire::IpAddress::parse(text)) {
    fuzz::require(wire::IpAddress::parse(a->to_string()) == a, "an address comes back");
  }
}
void mapping(std::string_view text) {
  const auto all = engine::parse_mappings(text);
  if (!all) return fuzz::require(!all.error().empty(), "an error says something");
  for (const auto& m : *all) {
    fuzz::require(m.online.port != 0 && m.test.port != 0, "ports are given");
    fuzz::require(m.online != m.test, "no service is mirrored to itself");
  }
}
void units(std::string_view text) {
  using namespace scenario;
  if (const auto d = parse_duration(text)) {
    fuzz::require(d->count() >= 0 && *d <= std::chrono::hours(24), "a duration within a day");
    static_cast<void>(to_text(*d));
  }
  if (const auto p = parse_percent(text)) fuzz::require(*p >= 0 && *p <= 1, "0% to 100%");
  if (const auto s = parse_size(text)) fuzz::require(*s <= uint64_t{1} << 40, "up to 1 TiB");
  if (const auto r = parse_size_range(text)) fuzz::require(r->low <= r->high, "low end first");
  static_cast<void>(parse_rate(text));
  static_cast<void>(parse_duration_range(text));
  static_cast<void>(parse_count_range(text));
}
void expression(std::string_view text) {
  const std::array<std::string, 2> engines{"copy", "intercept"};
  const auto e = scenario::parse_expression(text, engines);
  if (!e) return fuzz::require(!e.error().empty(), "an error says something");
  for (const double value : {0.0, 1.0, 1e15}) {
    const auto outcome = scenario::evaluate(*e, [&](std::string_view) { return value; });
    fuzz::require(!outcome.actual.empty(), "an outcome shows what was found");
  }
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > 4096) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  static constexpr std::array kParsers{endpoint, mapping, units, expression};
  kParsers[data[0] % kParsers.size()](text);
  return 0;
}
