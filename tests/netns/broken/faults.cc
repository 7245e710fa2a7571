#include "netns/broken/faults.h"

#include <array>
#include <map>
#include <utility>
#include <vector>

#include "netns/broken/stream_edit.h"

namespace mirrorlab::broken {

namespace {
// The fault strikes once, when the run is well under way.
constexpr uint64_t kStrikeAt = 40;  // data segments

wire::FlowKey flow_of(const wire::TcpHeader& h) { return {h.src, h.dst}; }

// Counts data segments, and picks the one to strike.
class Strike : public BrokenSender {
 public:
  using BrokenSender::BrokenSender;

 protected:
  bool strikes(wire::Bytes payload) { return !payload.empty() && ++seen_ == kStrikeAt; }

 private:
  uint64_t seen_ = 0;
};

class DropSegment : public Strike {
 public:
  using Strike::Strike;
  void send(const wire::TcpHeader& header, wire::Bytes payload) override {
    if (strikes(payload)) {
      flow_ = flow_of(header);
      begin_ = header.seq;
      edit_.emplace(flow_, header.seq + static_cast<uint32_t>(payload.size()),
                    -static_cast<int32_t>(payload.size()));
      forged_ = replies_[flow_];
      forged_->ack = header.seq + static_cast<uint32_t>(payload.size());
      return;
    }
    wire::TcpHeader sent = header;
    if (edit_ && edit_->concerns(flow_of(header))) {
      if (header.seq == begin_ && !payload.empty()) return;  // retransmitted
      edit_->apply(sent);
    }
    sound_->send(sent, payload);
  }
  // The engine is told that the segment arrived.
  void flush(os::Nanos now) override {
    sound_->flush(now);
    if (forged_) forge_(*std::exchange(forged_, std::nullopt), now);
  }
  void amend(wire::HeaderRecord& record) override {
    if (edit_ && edit_->concerns(record.flow)) edit_->undo(record);
    wire::HeaderRecord& next = replies_[record.flow];
    next = record;
    next.seq = record.seq + record.payload_length + (record.has(wire::tcp_flag::kSyn) ? 1 : 0);
    next.payload_length = 0;
    next.flags = wire::tcp_flag::kAck;
  }

 private:
  wire::FlowKey flow_;
  wire::Seq begin_;
  std::optional<StreamEdit> edit_;
  std::optional<wire::HeaderRecord> forged_;
  std::map<wire::FlowKey, wire::HeaderRecord> replies_;  // the next empty one of each connection
};

class Duplicate : public Strike {
 public:
  using Strike::Strike;
  void send(const wire::TcpHeader& header, wire::Bytes payload) override {
    wire::TcpHeader sent = header;
    if (edit_ && edit_->concerns(flow_of(header))) edit_->apply(sent);
    sound_->send(sent, payload);
    if (edit_ || !strikes(payload)) return;
    const auto length = static_cast<uint32_t>(payload.size());
    edit_.emplace(flow_of(header), header.seq + length, static_cast<int32_t>(length));
    sent.seq = header.seq + length;
    sound_->send(sent, payload);
  }
  void amend(wire::HeaderRecord& record) override {
    if (edit_ && edit_->concerns(record.flow)) edit_->undo(record);
  }

 private:
  std::optional<StreamEdit> edit_;
};

// Holds one data segment back until the stream's next one is there. The engine must not wait for
// answers then, else there is no next one.
class HoldBack : public Strike {
 public:
  HoldBack(std::unique_ptr<os::PacketSender> sound, bool exchange)
      : Strike(std::move(sound)), exchange_(exchange) {}
  void send(const wire::TcpHeader& header, wire::Bytes payload) override {
    if (!held_ && !done_ && strikes(payload)) {
      held_ = header;
      bytes_.assign(payload.begin(), payload.end());
      return;
    }
    if (!held_ || flow_of(header) != flow_of(*held_)) return sound_->send(header, payload);
    const auto length = static_cast<uint32_t>(bytes_.size());
    if (payload.empty() || header.seq.before(held_->seq + length)) {
      if (!payload.empty()) return;  // retransmitted
      return sound_->send(header, payload);
    }
    release(header, payload);
  }

 private:
  void release(wire::TcpHeader header, wire::Bytes payload) {
    if (exchange_) {
      sound_->send(*held_, payload);
      header.seq = held_->seq + static_cast<uint32_t>(payload.size());
      sound_->send(header, bytes_);
    } else {
      sound_->send(*held_, bytes_);
      sound_->send(header, payload);
    }
    held_.reset();
    done_ = true;
  }
  bool exchange_;
  bool done_ = false;
  std::optional<wire::TcpHeader> held_;
  std::vector<uint8_t> bytes_;
};

class Flip : public Strike {
 public:
  using Strike::Strike;
  void send(const wire::TcpHeader& header, wire::Bytes payload) override {
    if (!strikes(payload)) return sound_->send(header, payload);
    std::vector<uint8_t> altered(payload.begin(), payload.end());
    altered.back() ^= 0x01U;
    sound_->send(header, altered);
  }
};

class ToClient : public Strike {
 public:
  using Strike::Strike;
  void send(const wire::TcpHeader& header, wire::Bytes payload) override {
    sound_->send(header, payload);
    if (!strikes(payload)) return;
    wire::TcpHeader astray = header;
    std::swap(astray.src, astray.dst);
    sound_->send(astray, {});
  }
};
}  // namespace

std::optional<Fault> parse_fault(std::string_view name) {
  constexpr std::array<std::string_view, 9> kNames = {
      "drop-segment", "duplicate",         "swap",         "early-turn", "miscount", "flip",
      "to-client",    "miscount-captured", "miscount-sent"};
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Fault>(i);
  }
  return std::nullopt;
}

bool miscounts(Fault fault) {
  return fault == Fault::miscount || fault == Fault::miscount_captured ||
         fault == Fault::miscount_sent;
}

std::unique_ptr<BrokenSender> break_sender(Fault fault, std::unique_ptr<os::PacketSender> sound) {
  switch (fault) {
    case Fault::drop_segment:
      return std::make_unique<DropSegment>(std::move(sound));
    case Fault::duplicate:
      return std::make_unique<Duplicate>(std::move(sound));
    case Fault::swap:
      return std::make_unique<HoldBack>(std::move(sound), true);
    case Fault::early_turn:
      return std::make_unique<HoldBack>(std::move(sound), false);
    case Fault::flip:
      return std::make_unique<Flip>(std::move(sound));
    case Fault::to_client:
      return std::make_unique<ToClient>(std::move(sound));
    case Fault::miscount:
    case Fault::miscount_captured:
    case Fault::miscount_sent:
      break;
  }
  return nullptr;
}

}  // namespace mirrorlab::broken
