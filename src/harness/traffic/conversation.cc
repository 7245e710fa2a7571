#include "harness/traffic/conversation.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>

#include "wire/packet.h"

namespace mirrorlab::traffic {

namespace {
using namespace wire::tcp_flag;

const std::string kTooMany = "beyond the first " + std::to_string(kMaxConversations);
constexpr int64_t kMaxStream = 64LL << 20U;  // bytes of one end

// What one end sent, as captured.
class End {
 public:
  void begin_at(wire::Seq first) { zero_ = first; }
  [[nodiscard]] bool begun() const { return zero_.has_value(); }
  [[nodiscard]] wire::Seq zero() const { return *zero_; }
  [[nodiscard]] int64_t offset(wire::Seq seq) const { return wire::unwrap(seq, *zero_, top_); }

  struct Piece {
    int64_t end = 0;
    int64_t time_ns = 0;
    int64_t after = 0;  // acknowledged offset of the other end
    std::string bytes;
  };

  void add(int64_t at, const wire::TcpPacket& p, int64_t time_ns, int64_t after) {
    if (p.truncated()) cut_ = true;
    if (at < 0 || at > top_ + kMaxStream) return;  // a keep-alive's byte before the first, or noise
    const auto size = static_cast<int64_t>(p.payload.size());
    top_ = std::max(top_, at + size);
    const std::string_view data(reinterpret_cast<const char*>(p.payload.data()), p.payload.size());
    // What is there already stays; only what lies between is new.
    for (int64_t from = at; from < at + size;) {
      auto next = pieces_.upper_bound(from);
      if (next != pieces_.begin()) {
        const auto& before = std::prev(next)->second;
        if (before.end > from) {
          from = before.end;
          continue;
        }
      }
      const int64_t to = next == pieces_.end() ? at + size : std::min(at + size, next->first);
      pieces_[from] = {
          to, time_ns, after,
          std::string(data.substr(static_cast<size_t>(from - at), static_cast<size_t>(to - from)))};
      from = to;
    }
  }
  void close(int64_t at, int64_t time_ns, int64_t after) {
    if (!close_) close_ = {CueKind::close, time_ns, after, at};
  }
  void reset(int64_t time_ns, int64_t after) {
    if (!close_) close_ = {CueKind::reset, time_ns, after, top_};
  }
  void acknowledged(int64_t at) { acked_ = std::max(acked_, at); }

  // Empty when every byte is there.
  [[nodiscard]] std::string missing() const {
    if (!begun()) return "without an answer";
    if (cut_) return "with packets that were cut (snap length)";
    int64_t end = 0;
    for (const auto& [from, piece] : pieces_) {
      if (from != end) return "with a hole";
      end = piece.end;
    }
    if (close_ && close_->kind == CueKind::close && close_->at != end) return "with a hole";
    const bool closed = close_ && close_->kind == CueKind::close;
    if (acked_ > end + (closed ? 1 : 0)) return "with a hole";
    return {};
  }
  [[nodiscard]] int64_t length() const {
    return pieces_.empty() ? 0 : pieces_.rbegin()->second.end;
  }
  // When its bytes up to each offset had been seen; behind them its close.
  [[nodiscard]] std::vector<std::pair<int64_t, int64_t>> seen() const {
    std::vector<std::pair<int64_t, int64_t>> times;
    int64_t last = 0;
    for (const auto& [from, piece] : pieces_) {
      last = std::max(last, piece.time_ns);
      times.emplace_back(piece.end, last);
    }
    if (close_) times.emplace_back(length() + 1, std::max(last, close_->time_ns));
    return times;
  }

  [[nodiscard]] Conversation::Part part(const End& other, int64_t start_ns) const {
    Conversation::Part part;
    std::vector<int64_t> times;
    const auto after = [&](int64_t acked) {
      const int64_t most = other.length() + (other.close_ ? 1 : 0);
      return static_cast<uint64_t>(std::clamp<int64_t>(acked, 0, most));
    };
    for (const auto& [from, piece] : pieces_) {
      part.cues.push_back({CueKind::send, after(piece.after), static_cast<uint64_t>(from),
                           static_cast<uint64_t>(piece.end), 0});
      part.bytes += piece.bytes;
      times.push_back(piece.time_ns);
    }
    if (close_) {
      part.cues.push_back({close_->kind, after(close_->after), 0, 0, 0});
      times.push_back(close_->time_ns);
    }
    // A retransmission may have acknowledged more than the packet that it stands for.
    for (size_t i = part.cues.size(); i-- > 1;) {
      part.cues[i - 1].after = std::min(part.cues[i - 1].after, part.cues[i].after);
    }
    const auto seen = other.seen();
    int64_t before = start_ns;
    for (size_t i = 0; i < part.cues.size(); ++i) {
      Cue& cue = part.cues[i];
      int64_t due = before;
      if (cue.after > 0) {
        const auto needed = std::ranges::lower_bound(seen, static_cast<int64_t>(cue.after), {},
                                                     &std::pair<int64_t, int64_t>::first);
        if (needed != seen.end()) due = std::max(due, needed->second);
      }
      cue.pause_ns = std::max<int64_t>(times[i] - due, 0);
      before = std::max(before, times[i]);
    }
    return part;
  }

 private:
  struct Close {
    CueKind kind;
    int64_t time_ns;
    int64_t after;
    int64_t at;
  };
  std::optional<wire::Seq> zero_;
  std::map<int64_t, Piece> pieces_;
  std::optional<Close> close_;
  int64_t top_ = 0;
  int64_t acked_ = 0;
  bool cut_ = false;
};

class Connection {
 public:
  Connection(const wire::TcpPacket& first, int64_t time_ns)
      : client_(first.header.src), server_(first.header.dst), start_ns_(time_ns) {
    const bool syn = first.header.has(kSyn) && !first.header.has(kAck);
    if (syn) from_client_.begin_at(first.header.seq + 1);
  }
  [[nodiscard]] bool whole_from_start() const { return from_client_.begun(); }
  // A SYN of another connection with the same addresses and ports.
  [[nodiscard]] bool replaced_by(const wire::TcpPacket& p) const {
    const auto& h = p.header;
    if (!h.has(kSyn) || h.has(kAck)) return false;
    return h.src != client_ || !from_client_.begun() || h.seq + 1 != from_client_.zero();
  }

  void add(const wire::TcpPacket& p, int64_t time_ns) {
    if (!from_client_.begun()) return;
    const auto& h = p.header;
    const bool client = h.src == client_;
    End& own = client ? from_client_ : from_server_;
    End& other = client ? from_server_ : from_client_;
    // A SYN-ACK that was not captured: the client's first acknowledgement tells its number.
    if (client && !other.begun() && h.has(kAck) && !h.has(kRst)) other.begin_at(h.ack);
    if (!own.begun()) {
      if (!h.has(kSyn) || !h.has(kAck)) return;  // before the SYN-ACK nothing of the server counts
      own.begin_at(h.seq + 1);
    }
    const wire::Seq first = h.has(kSyn) ? h.seq + 1 : h.seq;
    int64_t acked = 0;
    if (h.has(kAck) && other.begun()) {
      acked = std::max<int64_t>(other.offset(h.ack), 0);
      if (!h.has(kRst)) other.acknowledged(acked);
    }
    if (h.has(kRst)) return own.reset(time_ns, h.has(kAck) ? acked : other.length());
    const int64_t at = own.offset(first);
    own.add(at, p, time_ns, acked);
    if (h.has(kFin)) own.close(at + p.payload_length, time_ns, acked);
  }

  // Empty, or why it cannot be played.
  [[nodiscard]] std::string unplayable() const {
    if (!from_client_.begun()) return "without their beginning";
    if (auto wrong = from_server_.missing(); !wrong.empty()) return wrong;
    return from_client_.missing();
  }
  [[nodiscard]] Conversation play() const {
    return {client_, server_, start_ns_, from_client_.part(from_server_, start_ns_),
            from_server_.part(from_client_, start_ns_)};
  }

 private:
  wire::Endpoint client_, server_;
  int64_t start_ns_;
  End from_client_, from_server_;
};
}  // namespace

Conversations conversations_of(const CaptureFile& file) {
  using Pair = std::pair<wire::Endpoint, wire::Endpoint>;
  std::vector<Connection> connections;
  std::map<Pair, size_t> live;
  Conversations out;
  for (const CapturedPacket& packet : file.packets) {
    const auto p = wire::parse_ip_packet(packet.ip);
    if (!p) continue;  // UDP, fragments, noise: no conversation of TCP
    const Pair ends = std::minmax(p->header.src, p->header.dst);
    const auto known = live.find(ends);
    if (known == live.end() || connections[known->second].replaced_by(*p)) {
      live[ends] = connections.size();
      connections.emplace_back(*p, packet.time_ns);
    }
    connections[live[ends]].add(*p, packet.time_ns);
  }
  for (const Connection& connection : connections) {
    std::string why = connection.unplayable();
    if (why.empty() && out.all.size() == kMaxConversations) why = kTooMany;
    if (why.empty()) {
      out.all.push_back(connection.play());
    } else {
      ++out.left_out[why];
    }
  }
  return out;
}

std::string Conversations::summary() const {
  std::string text = std::to_string(all.size()) + " whole TCP conversations";
  for (const auto& [why, count] : left_out) text += ", " + std::to_string(count) + " " + why;
  return text;
}

namespace {
void append(Conversations& sum, Conversations more) {
  for (Conversation& c : more.all) {
    if (sum.all.size() < kMaxConversations) {
      sum.all.push_back(std::move(c));
    } else {
      ++sum.left_out[kTooMany];
    }
  }
  for (const auto& [why, count] : more.left_out) sum.left_out[why] += count;
}

tl::expected<SharedConversations, std::string> load_directory(const std::string& path) {
  std::error_code error;
  std::vector<std::string> files;
  for (auto entry = std::filesystem::directory_iterator(path, error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const auto extension = entry->path().extension();
    if (extension == ".pcap" || extension == ".pcapng") files.push_back(entry->path().string());
  }
  if (error) return tl::unexpected(path + ": cannot be listed: " + error.message());
  if (files.empty()) return tl::unexpected(path + ": no capture (*.pcap, *.pcapng) in it");
  std::ranges::sort(files);
  auto sum = std::make_shared<Conversations>();
  for (const auto& file : files) {
    const auto read = read_capture(file);
    if (!read) return tl::unexpected(read.error());
    append(*sum, conversations_of(*read));
  }
  if (sum->all.empty()) return tl::unexpected(path + ": nothing to play: " + sum->summary());
  return sum;
}
}  // namespace

tl::expected<SharedConversations, std::string> load_conversations(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return load_directory(path);
  const auto file = read_capture(path);
  if (!file) return tl::unexpected(file.error());
  auto conversations = std::make_shared<Conversations>(conversations_of(*file));
  if (!conversations->all.empty()) return conversations;
  std::string what = file->packets.empty() ? "no IP packets in it" : conversations->summary();
  return tl::unexpected(path + ": nothing to play: " + what);
}

uint16_t play_port(uint64_t user, uint64_t conversations) {
  // A multiple of them, so that user and port name the same conversation.
  const uint64_t ports = kMaxConversations / conversations * conversations;
  return static_cast<uint16_t>(kFirstPlayPort + user % ports);
}

uint64_t played_on(uint16_t port, uint64_t conversations) {
  return static_cast<uint16_t>(port - kFirstPlayPort) % conversations;
}

}  // namespace mirrorlab::traffic
