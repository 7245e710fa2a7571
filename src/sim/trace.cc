#include "sim/trace.h"

#include <array>
#include <cstdio>

#include "sim/random.h"

namespace mirrorlab::sim {

namespace {
std::string stamp(Nanos now) {
  std::array<char, 32> out{};
  std::snprintf(out.data(), out.size(), "%10.6f ", static_cast<double>(now) / 1e9);
  return out.data();
}

std::string flags_of(const wire::TcpHeader& h) {
  using namespace wire::tcp_flag;
  std::string out;
  if (h.has(kSyn)) out += 'S';
  if (h.has(kFin)) out += 'F';
  if (h.has(kRst)) out += 'R';
  if (h.has(kPsh)) out += 'P';
  if (h.has(kAck)) out += '.';
  return out;
}

std::string options_of(const wire::TcpOptions& o) {
  std::string out;
  if (o.mss) out += ",mss " + std::to_string(*o.mss);
  if (o.sack_permitted) out += ",sackOK";
  if (o.window_scale) out += ",wscale " + std::to_string(*o.window_scale);
  if (o.timestamps) {
    out += ",TS " + std::to_string(o.timestamps->value) + ":" +
           std::to_string(o.timestamps->echo_reply);
  }
  for (uint8_t i = 0; i < o.sack_count; ++i) {
    out += ",sack " + std::to_string(o.sack[i].left.raw()) + "-" +
           std::to_string(o.sack[i].right.raw());
  }
  if (!out.empty()) out = " <" + out.substr(1) + ">";
  return out;
}
}  // namespace

// FNV-1a over words: cheap, and enough to tell two runs apart.
void Trace::add(uint64_t word) { digest_ = (digest_ ^ word) * 0x100000001b3ULL + (digest_ >> 47U); }

void Trace::packet(Nanos now, Hop hop, const wire::TcpHeader& h, uint32_t length,
                   const char* fate) {
  add(static_cast<uint64_t>(now));
  add(uint64_t{h.seq.raw()} << 32U | h.ack.raw());
  add(uint64_t{length} << 32U | uint64_t{h.window} << 16U | uint64_t{h.flags} << 8U |
      static_cast<uint64_t>(hop));
  add(uint64_t{h.src.port} << 16U | h.dst.port);
  if (!keep_) return;
  text_ += stamp(now) + to_string(hop) + ' ' + h.src.to_string() + " > " + h.dst.to_string() + ' ' +
           flags_of(h) + ' ' + std::to_string(h.seq.raw()) + ':' +
           std::to_string(h.seq.raw() + length) + '(' + std::to_string(length) + ')';
  if (h.has(wire::tcp_flag::kAck)) text_ += " ack " + std::to_string(h.ack.raw());
  text_ += " win " + std::to_string(h.window) + options_of(h.options) + fate + '\n';
}

void Trace::note(Nanos now, const std::string& text) {
  add(static_cast<uint64_t>(now));
  for (const char c : text) add(static_cast<uint8_t>(c));
  if (keep_) text_ += stamp(now) + text + '\n';
}

}  // namespace mirrorlab::sim
