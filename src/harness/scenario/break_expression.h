// When everything is to be stopped: "session 17 sees SYN-ACK from test".
//
//   [stop when] session N | any session sees WHAT [from WHO] [on A-B]
//
// WHAT: SYN, SYN-ACK, FIN, RST, ACK (an ack and nothing else), DATA, PACKET (any).
// WHO: clients, online, copy (the mirrored client), test (a reply, or its header on the way back).
// A-B: the link, by its nodes; else the first one the packet comes to.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace mirrorlab::scenario {

struct Scenario;

enum class Origin : uint8_t { clients, online, copy, test };
inline constexpr size_t kOrigins = 4;
[[nodiscard]] const char* to_string(Origin origin);

// What of a packet an expression asks about.
struct Sighting {
  unsigned session = 0;
  Origin from = Origin::clients;
  uint8_t flags = 0;  // wire::tcp_flag
  uint32_t payload = 0;
  std::string_view link;
  bool first_hop = true;
};

struct BreakExpression {
  enum class What : uint8_t { syn, syn_ack, fin, rst, ack, data, packet };
  std::optional<unsigned> session;  // empty: any
  What what = What::packet;
  std::optional<Origin> from;
  std::string link;  // empty: at the first hop
  std::string text;

  [[nodiscard]] bool matches(const Sighting& seen) const;
};

// The error says what is wrong and what would do.
[[nodiscard]] tl::expected<BreakExpression, std::string> parse_break(const std::string& text);
// Several; the error is the first one's.
[[nodiscard]] tl::expected<std::vector<BreakExpression>, std::string> parse_breaks(
    const std::vector<std::string>& texts, const Scenario& scenario);
// A link that is named must be one of the scenario's; its nodes may be named in either order.
[[nodiscard]] tl::expected<BreakExpression, std::string> parse_break(const std::string& text,
                                                                     const Scenario& scenario);

}  // namespace mirrorlab::scenario
