// Writes seed corpora for the fuzz targets: make_seeds CAPTURES OUT [DIRECTORY_OF_YAML...]
//
// Packets, options and header records come from the captures as they are; each TCP conversation
// becomes an engine script (engine_script.h) with its flags, lengths, holes and pauses.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <set>

#include "fuzz/engine_script.h"
#include "support/capture_file.h"
#include "wire/header_return.h"

namespace {
using namespace mirrorlab;
namespace fs = std::filesystem;
using Blob = std::vector<uint8_t>;

constexpr size_t kScriptBytes = 1200;

class Corpus {
 public:
  explicit Corpus(fs::path root) : root_(std::move(root)) {}
  void add(const std::string& target, const Blob& bytes) {
    if (!seen_[target].insert(std::string(bytes.begin(), bytes.end())).second) return;
    fs::create_directories(root_ / target);
    const fs::path path = root_ / target / ("seed-" + std::to_string(seen_[target].size()));
    std::ofstream out(path, std::ios::binary);
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<long>(bytes.size()));
    if (!out) throw std::runtime_error("cannot write " + path.string());
  }
  void print() const {
    for (const auto& [target, all] : seen_) std::cout << target << ": " << all.size() << '\n';
  }

 private:
  fs::path root_;
  std::map<std::string, std::set<std::string>> seen_;
};

// The inverse of engine_script.cc's codes, as near as they come.
uint8_t length_code(uint32_t n) {
  if (n < 64) return static_cast<uint8_t>(n);
  if (n < 92 * 129) return static_cast<uint8_t>(63 + std::max(1U, n / 92));
  return static_cast<uint8_t>(191 + std::min(64U, std::max(1U, n / 1008)));
}
uint8_t offset_code(int64_t n) {
  if (n >= 0) return static_cast<uint8_t>(n < 64 ? n : 63 + std::clamp<int64_t>(n / 730, 1, 56));
  return static_cast<uint8_t>(n >= -64 ? 192 + n : 256 - std::clamp<int64_t>(-n / 730, 1, 64));
}
uint8_t time_code(int64_t ns) {
  uint8_t code = 0;
  while (code < 27 && (int64_t{1000} << code) < ns) ++code;
  return code;
}

struct Conversation {
  wire::Endpoint client;
  Blob script{0};
  Blob frame;
  size_t records = 0;
  wire::Seq next, online_next;
  bool started = false;
  int64_t at = 0;
};

void append(Blob& to, std::initializer_list<uint8_t> bytes) { to.insert(to.end(), bytes); }

void client_side(Conversation& c, const wire::TcpPacket& p) {
  const auto& h = p.header;
  const auto delta = c.started ? h.seq.since(c.next) : 0;
  const auto acked = c.started && h.has(wire::tcp_flag::kAck) ? h.ack.since(c.online_next) : 0;
  c.started = true;
  append(c.script, {uint8_t(fuzz::Op::client), 0, h.flags, offset_code(delta),
                    length_code(p.payload_length), offset_code(acked)});
  c.next = h.seq + p.sequence_length();
  c.online_next = h.ack;
}
void server_side(Conversation& c, const wire::TcpPacket& p) {
  const auto& h = p.header;
  constexpr uint8_t kAll = fuzz::extra_bit::kMss | fuzz::extra_bit::kWindowScale |
                           fuzz::extra_bit::kSackPermitted | fuzz::extra_bit::kTimestamps;
  const uint8_t extras = h.has(wire::tcp_flag::kSyn) ? kAll : fuzz::extra_bit::kTimestamps;
  append(c.script, {uint8_t(fuzz::Op::header), 0, h.flags, 0, 0, length_code(p.payload_length),
                    uint8_t(h.window >> 8U), extras});
  wire::HeaderRecord r;
  r.flow = {h.dst, h.src};
  r.seq = h.seq;
  r.ack = h.ack;
  r.flags = h.flags;
  r.window = h.window;
  r.payload_length = p.payload_length;
  r.options = h.options;
  if (c.frame.empty()) wire::begin_frame(c.frame, wire::FrameType::headers);
  wire::append_record(c.frame, r);
  ++c.records;
}

void take_options(Corpus& corpus, std::set<std::string>& kinds, const wire::TcpPacket& p) {
  const size_t offset = (p.tcp[12] >> 4U) * 4U;
  const auto raw = p.tcp.subspan(20, offset - 20);
  std::string shape;  // the kinds and lengths, without the values
  for (size_t i = 0; i < raw.size();) {
    shape += static_cast<char>(raw[i]);
    if (raw[i] < 2 || i + 1 >= raw.size()) {
      ++i;
      continue;
    }
    shape += static_cast<char>(raw[i + 1]);
    i += std::max<size_t>(raw[i + 1], 2);
  }
  if (kinds.insert(shape).second) corpus.add("options", Blob(raw.begin(), raw.end()));
}

void from_capture(Corpus& corpus, std::set<std::string>& option_kinds, const std::string& path) {
  const auto file = testing::read_capture(path);
  if (!file) throw std::runtime_error(file.error());
  std::map<std::pair<wire::Endpoint, wire::Endpoint>, Conversation> all;
  std::set<uint8_t> flags;
  for (const auto& packet : file->packets) {
    const auto p = wire::parse_ip_packet(packet.ip);
    if (!p || flags.insert(p->header.flags).second) {
      corpus.add("packet", Blob(packet.ip.begin(),
                                packet.ip.begin() +
                                    static_cast<long>(std::min<size_t>(packet.ip.size(), 160))));
    }
    if (!p) continue;
    take_options(corpus, option_kinds, *p);
    const auto ends = std::minmax(p->header.src, p->header.dst);
    auto& c = all[ends];
    if (c.script.size() == 1 && !c.started) {
      const bool from_server = p->header.has(wire::tcp_flag::kSyn | wire::tcp_flag::kAck)
                                   ? p->header.flags == 0x12
                                   : p->header.src.port < p->header.dst.port;
      c.client = from_server ? p->header.dst : p->header.src;
      c.at = packet.time_ns;
    }
    if (c.script.size() > kScriptBytes) continue;
    append(c.script, {uint8_t(fuzz::Op::step), time_code(packet.time_ns - c.at)});
    c.at = packet.time_ns;
    if (p->header.src == c.client) {
      client_side(c, *p);
    } else {
      server_side(c, *p);
    }
  }
  for (auto& [ends, c] : all) {
    corpus.add("engine", c.script);
    if (c.records == 0) continue;
    wire::end_frame(c.frame, 0, c.records);
    corpus.add("header_return", c.frame);
  }
}

void small_texts(Corpus& corpus) {
  static constexpr std::string_view kTexts[] = {"010.0.0.2:8080",
                                                "0[fd00::1]:80",
                                                "0::1",
                                                "0127.0.0.1",
                                                "180-10.0.0.2:8080",
                                                "110.0.0.1:80-10.0.0.2:8080,443-[fd00::2]:8443",
                                                "25ms..50ms",
                                                "264KiB",
                                                "20.1%",
                                                "21Gbit",
                                                "21..10",
                                                "286400s",
                                                "3sessions.exact == 100%",
                                                "3latency.online.p99 < 5ms",
                                                "3lost.bytes.capture_gap <= 1KiB",
                                                "3copy.segments_sent>0",
                                                "3leaked_packets != 0"};
  for (const auto text : kTexts) {
    Blob bytes(text.begin(), text.end());
    bytes[0] = static_cast<uint8_t>(bytes[0] - '0');
    corpus.add("text", bytes);
  }
}

void claims(Corpus& corpus) {
  Blob out;
  const wire::FlowKey flow{*wire::Endpoint::parse("192.0.2.7:40000"),
                           *wire::Endpoint::parse("10.0.0.2:80")};
  const wire::FlowKey flow6{*wire::Endpoint::parse("[2001:db8::7]:40000"),
                            *wire::Endpoint::parse("[fd00::2]:80")};
  for (const auto type : {wire::FrameType::claim, wire::FrameType::unclaim}) {
    const size_t begin = wire::begin_frame(out, type);
    wire::append_flow(out, flow);
    wire::append_flow(out, flow6);
    wire::end_frame(out, begin, 2);
  }
  const size_t begin = wire::begin_frame(out, wire::FrameType::claim_range);
  wire::append_range(out, {flow.client.address, 24, flow.server});
  wire::append_range(out, {flow6.client.address, 64, flow6.server});
  wire::end_frame(out, begin, 2);
  corpus.add("header_return", out);
}
}  // namespace

int main(int argc, char** argv) try {
  if (argc < 3) {
    std::cerr << "usage: make_seeds CAPTURES OUT [DIRECTORY_OF_YAML...]\n";
    return 2;
  }
  Corpus corpus(argv[2]);
  std::set<std::string> option_kinds;
  for (const auto& path : testing::capture_paths(argv[1])) from_capture(corpus, option_kinds, path);
  claims(corpus);
  small_texts(corpus);
  for (int i = 3; i < argc; ++i) {
    for (const auto& entry : fs::recursive_directory_iterator(argv[i])) {
      if (entry.path().extension() != ".yaml") continue;
      std::ifstream in(entry.path(), std::ios::binary);
      corpus.add("scenario", Blob(std::istreambuf_iterator<char>(in), {}));
    }
  }
  corpus.print();
} catch (const std::exception& e) {
  std::cerr << "make_seeds: " << e.what() << '\n';
  return 1;
}
