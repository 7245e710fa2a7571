#include "harness/scenario/break_expression.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <sstream>
#include <vector>

#include "harness/scenario/model.h"
#include "wire/packet.h"

namespace mirrorlab::scenario {

namespace {
using What = BreakExpression::What;
constexpr std::array<std::pair<const char*, What>, 7> kWhats{{{"SYN", What::syn},
                                                              {"SYN-ACK", What::syn_ack},
                                                              {"FIN", What::fin},
                                                              {"RST", What::rst},
                                                              {"ACK", What::ack},
                                                              {"DATA", What::data},
                                                              {"PACKET", What::packet}}};
constexpr std::array<const char*, kOrigins> kOriginNames{"clients", "online", "copy", "test"};
constexpr const char* kForm =
    "; write `session N sees WHAT from WHO` (WHAT: SYN, SYN-ACK, FIN, RST, ACK, DATA, PACKET; WHO: "
    "clients, online, copy, test), and `any session` for all, `on A-B` for a link";

tl::unexpected<std::string> wrong(const std::string& words) {
  return tl::unexpected(words + kForm);
}

// The words one after the other; an empty one stands for the end.
class Words {
 public:
  explicit Words(const std::string& text) {
    std::istringstream in(text);
    for (std::string word; in >> word;) {
      if (word != "the" && word != "a") all_.push_back(word);
    }
  }
  [[nodiscard]] std::string peek() const { return at_ < all_.size() ? all_[at_] : ""; }
  std::string take() {
    std::string word = peek();
    ++at_;
    return word;
  }
  bool take_if(std::string_view word) {
    if (peek() != word) return false;
    ++at_;
    return true;
  }

 private:
  std::vector<std::string> all_;
  size_t at_ = 0;
};
}  // namespace

const char* to_string(Origin origin) { return kOriginNames[static_cast<size_t>(origin)]; }

bool BreakExpression::matches(const Sighting& seen) const {
  using namespace wire::tcp_flag;
  if (session && *session != seen.session) return false;
  if (from && *from != seen.from) return false;
  if (link.empty() ? !seen.first_hop : link != seen.link) return false;
  const uint8_t kind = seen.flags & (kSyn | kFin | kRst | kAck);
  switch (what) {
    case What::syn:
      return kind == kSyn;
    case What::syn_ack:
      return (kind & (kSyn | kAck)) == (kSyn | kAck);
    case What::fin:
      return (kind & kFin) != 0;
    case What::rst:
      return (kind & kRst) != 0;
    case What::ack:
      return kind == kAck && seen.payload == 0;
    case What::data:
      return seen.payload > 0;
    case What::packet:
      return true;
  }
  return false;
}

tl::expected<BreakExpression, std::string> parse_break(const std::string& text) {
  BreakExpression e;
  e.text = text;
  Words words(text);
  // As one says it: stop when session 17 sees the SYN-ACK from test.
  if (words.take_if("stop") && !words.take_if("when")) return wrong("after `stop` comes `when`");
  if (words.take_if("session")) {
    const std::string number = words.take();
    unsigned n = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), n);
    if (error != std::errc() || end != number.data() + number.size() || n == 0) {
      return wrong("`" + number + "` is no session: they count from 1");
    }
    e.session = n;
  } else if (words.take_if("any")) {
    if (!words.take_if("session")) return wrong("after `any` comes `session`");
  } else {
    return wrong("`" + words.peek() + "` is not how a breakpoint begins");
  }
  if (!words.take_if("sees")) return wrong("`sees` is missing");
  const std::string what = words.take();
  std::string upper = what;
  std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return std::toupper(c); });
  const auto* const found =
      std::ranges::find_if(kWhats, [&](const auto& known) { return upper == known.first; });
  if (found == kWhats.end()) return wrong("`" + what + "` cannot be seen");
  e.what = found->second;
  if (words.take_if("from")) {
    const std::string who = words.take();
    const auto* const origin = std::ranges::find(kOriginNames, who);
    if (origin == kOriginNames.end()) return wrong("nothing comes from `" + who + "`");
    e.from = static_cast<Origin>(origin - kOriginNames.begin());
  }
  if (words.take_if("on")) {
    e.link = words.take();
    if (e.link.empty()) return wrong("`on` which link?");
  }
  if (!words.peek().empty()) return wrong("`" + words.peek() + "` is too much");
  return e;
}

tl::expected<BreakExpression, std::string> parse_break(const std::string& text,
                                                       const Scenario& scenario) {
  auto e = parse_break(text);
  if (!e || e->link.empty()) return e;
  std::string known;
  for (const auto& l : scenario.links) {
    const std::string name = l.a + "-" + l.b;
    if (e->link == name) return e;
    if (e->link == l.b + "-" + l.a) {
      e->link = name;
      return e;
    }
    known += (known.empty() ? "" : ", ") + name;
  }
  return tl::unexpected("no link " + e->link + "; there are: " + known);
}

tl::expected<std::vector<BreakExpression>, std::string> parse_breaks(
    const std::vector<std::string>& texts, const Scenario& scenario) {
  std::vector<BreakExpression> all;
  for (const auto& text : texts) {
    auto e = parse_break(text, scenario);
    if (!e) return tl::unexpected(e.error());
    all.push_back(std::move(*e));
  }
  return all;
}

}  // namespace mirrorlab::scenario
