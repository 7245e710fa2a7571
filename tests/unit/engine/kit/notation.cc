#include "unit/engine/kit/notation.h"

#include <charconv>
#include <utility>

#include "wire/packet.h"

namespace mirrorlab::engine::kit {

namespace {
constexpr std::pair<char, uint8_t> kFlags[] = {
    {'S', wire::tcp_flag::kSyn}, {'F', wire::tcp_flag::kFin}, {'R', wire::tcp_flag::kRst},
    {'P', wire::tcp_flag::kPsh}, {'U', wire::tcp_flag::kUrg}, {'E', wire::tcp_flag::kEce},
    {'W', wire::tcp_flag::kCwr}, {'.', wire::tcp_flag::kAck}};

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) { skip(); }
  [[nodiscard]] bool done() const { return rest_.empty(); }
  bool word(std::string_view w) {
    if (!rest_.starts_with(w)) return false;
    rest_.remove_prefix(w.size());
    skip();
    return true;
  }
  template <typename T>
  bool number(T& out) {
    const auto [end, ec] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), out);
    if (ec != std::errc()) return false;
    rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
    skip();
    return true;
  }
  template <typename T>
  bool number(std::optional<T>& out) {
    return number(out.emplace());
  }
  bool flags(uint8_t& out) {
    bool any = false;
    while (!rest_.empty() && rest_[0] != ' ') {
      bool known = false;
      for (const auto& [letter, bit] : kFlags) {
        if (rest_[0] == letter) {
          out |= bit;
          known = any = true;
        }
      }
      if (!known) return false;
      rest_.remove_prefix(1);
    }
    skip();
    return any;
  }
  [[nodiscard]] std::string_view rest() const { return rest_; }

 private:
  void skip() {
    while (!rest_.empty() && rest_[0] == ' ') rest_.remove_prefix(1);
  }
  std::string_view rest_;
};

bool read_option(Reader& in, Notation& n) {
  if (in.word("mss")) return in.number(n.mss);
  if (in.word("sackOK")) return n.sack_ok = true;
  if (in.word("wscale")) return in.number(n.scale);
  if (in.word("nop")) return true;
  if (in.word("TS")) {
    if (!in.word("val")) return n.any_timestamps = true;
    auto& ts = n.timestamps.emplace();
    return in.number(ts.value) && in.word("ecr") && in.number(ts.echo);
  }
  if (in.word("sack")) {
    do {
      auto& block = n.sack.emplace_back();
      if (!in.number(block.first) || !in.word(":") || !in.number(block.second)) return false;
    } while (!in.rest().starts_with(",") && !in.rest().starts_with(">"));
    return true;
  }
  return false;
}

bool read(Reader& in, Notation& n) {
  int64_t end = 0;
  if (!in.flags(n.flags) || !in.number(n.seq) || !in.word(":") || !in.number(end) ||
      !in.word("(") || !in.number(n.length) || !in.word(")") || end != n.seq + n.length) {
    return false;
  }
  while (!in.done()) {
    if (in.word("ack")) {
      if (!in.number(n.ack)) return false;
    } else if (in.word("win")) {
      if (!in.number(n.window)) return false;
    } else if (in.word("isn")) {
      if (!in.number(n.isn)) return false;
    } else if (in.word("cut")) {
      if (!in.number(n.cut)) return false;
    } else if (in.word("differs")) {
      n.differs = true;
    } else if (in.word("<")) {
      n.has_options = true;
      if (in.word(">")) continue;
      do {
        if (!read_option(in, n)) return false;
      } while (in.word(","));
      if (!in.word(">")) return false;
    } else {
      return false;
    }
  }
  return true;
}

std::string print_options(const Notation& n) {
  std::string s;
  const auto add = [&](const std::string& text) { s += (s.empty() ? "" : ",") + text; };
  if (n.mss) add("mss " + std::to_string(*n.mss));
  if (n.sack_ok) add("sackOK");
  if (n.timestamps) {
    add("TS val " + std::to_string(n.timestamps->value) + " ecr " +
        std::to_string(n.timestamps->echo));
  } else if (n.any_timestamps) {
    add("TS");
  }
  if (n.scale) add("wscale " + std::to_string(*n.scale));
  std::string blocks;
  for (const auto& [left, right] : n.sack) {
    blocks += " " + std::to_string(left) + ":" + std::to_string(right);
  }
  if (!blocks.empty()) add("sack" + blocks);
  return s;
}
}  // namespace

std::string Notation::print() const {
  std::string s;
  for (const auto& [letter, bit] : kFlags) {
    if ((flags & bit) != 0) s += letter;
  }
  s += " " + std::to_string(seq) + ":" + std::to_string(seq + length) + "(" +
       std::to_string(length) + ")";
  if (ack) s += " ack " + std::to_string(*ack);
  if (window) s += " win " + std::to_string(*window);
  if (isn) s += " isn " + std::to_string(*isn);
  if (cut) s += " cut " + std::to_string(*cut);
  if (differs) s += " differs";
  if (has_options) s += " <" + print_options(*this) + ">";
  return s;
}

std::string Notation::mismatch(const Notation& got) const {
  if (flags != got.flags) return "flags";
  if (seq != got.seq) return "sequence number";
  if (length != got.length) return "length";
  if (ack && ack != got.ack) return "ack";
  if (window && window != got.window) return "window";
  if (differs != got.differs) return "payload bytes";
  if (!has_options) return {};
  if (mss != got.mss) return "mss";
  if (scale != got.scale) return "window scale";
  if (sack_ok != got.sack_ok) return "sackOK";
  if (sack != got.sack) return "sack blocks";
  if (any_timestamps ? !got.timestamps : timestamps.has_value() != got.timestamps.has_value()) {
    return "timestamps";
  }
  if (timestamps && timestamps->value != got.timestamps->value) return "timestamp value";
  if (timestamps && timestamps->echo != got.timestamps->echo) return "timestamp echo";
  return {};
}

std::optional<Notation> parse_notation(std::string_view text, std::string& error) {
  Notation n;
  Reader in(text);
  if (read(in, n)) return n;
  error = "not a packet: '" + std::string(text) + "', stopped at '" + std::string(in.rest()) + "'";
  return std::nullopt;
}

}  // namespace mirrorlab::engine::kit
