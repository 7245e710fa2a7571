#include "engine/driver/mapping_option.h"

#include <charconv>

namespace mirrorlab::engine {

namespace {
tl::expected<Mapping, std::string> parse_one(std::string_view text) {
  const auto wrong = [&] {
    return tl::unexpected("'" + std::string(text) +
                          "' is not [ADDR:]PORT-ADDR:PORT, e.g. 80-10.0.0.2:8080 or "
                          "10.0.0.1:80-10.0.0.2:8080");
  };
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) return wrong();
  const auto online = text.substr(0, dash);
  const auto test = wire::Endpoint::parse(text.substr(dash + 1));
  if (!test || test->port == 0 || test->address.is_unspecified()) return wrong();
  Mapping m;
  m.test = *test;
  if (const auto whole = wire::Endpoint::parse(online)) {
    m.online = *whole;
    if (m.online.address.family() != m.test.address.family()) {
      return tl::unexpected("'" + std::string(text) + "' maps one IP family to the other");
    }
  } else {
    const auto [end, error] =
        std::from_chars(online.data(), online.data() + online.size(), m.online.port);
    if (error != std::errc{} || end != online.data() + online.size()) return wrong();
  }
  if (m.online.port == 0) return wrong();
  if (m.online == m.test)
    return tl::unexpected("'" + std::string(text) + "' maps a service to itself");
  return m;
}
}  // namespace

tl::expected<std::vector<Mapping>, std::string> parse_mappings(std::string_view text) {
  std::vector<Mapping> all;
  for (;;) {
    const auto comma = text.find(',');
    auto one = parse_one(text.substr(0, comma));
    if (!one) return tl::unexpected(one.error());
    all.push_back(*one);
    if (comma == std::string_view::npos) return all;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace mirrorlab::engine
