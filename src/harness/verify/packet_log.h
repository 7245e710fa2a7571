// Packets as a tap saw them, kept in large chunks: no allocation for each, and a bound on them all.
#pragma once

#include <cstdint>
#include <cstring>
#include <iterator>
#include <memory>
#include <vector>

#include "wire/bytes.h"

namespace mirrorlab::verify {

struct TapPacket {
  int64_t time_ns = 0;            // wall clock
  const uint8_t* data = nullptr;  // from the IP header on
  uint32_t size = 0;              // bytes kept
  uint32_t length = 0;            // bytes it had; more than `size` when the tap kept headers only
  bool outgoing = false;          // sent by the tapped host
  bool checksum_open = false;     // an offload was still to fill it in: as good as valid

  [[nodiscard]] wire::Bytes bytes() const { return {data, size}; }
};

class PacketLog {
 public:
  static constexpr uint64_t kMaxBytes = 4ULL << 30U;
  explicit PacketLog(uint64_t max_bytes = kMaxBytes) : max_bytes_(max_bytes) {}

  // Copies the bytes. Beyond the bound the packet is left out and counted.
  void add(TapPacket packet) {
    if (bytes_ + packet.size > max_bytes_) {
      ++left_out_;
      return;
    }
    if (room_ < packet.size) {
      const size_t chunk = packet.size > kChunk ? packet.size : kChunk;
      chunks_.push_back(std::make_unique<uint8_t[]>(chunk));
      next_ = chunks_.back().get();
      room_ = chunk;
    }
    if (packet.size > 0) std::memcpy(next_, packet.data, packet.size);
    packet.data = next_;
    next_ += packet.size;
    room_ -= packet.size;
    bytes_ += packet.size;
    packets_.push_back(packet);
  }
  // Takes all of another log over, behind its own; what was left out there is left out here.
  void append(PacketLog&& other) {
    left_out_ += other.left_out_;
    bytes_ += other.bytes_;
    chunks_.insert(chunks_.end(), std::make_move_iterator(other.chunks_.begin()),
                   std::make_move_iterator(other.chunks_.end()));
    packets_.insert(packets_.end(), other.packets_.begin(), other.packets_.end());
    room_ = 0;
    other = PacketLog(other.max_bytes_);
  }
  [[nodiscard]] const std::vector<TapPacket>& packets() const { return packets_; }
  [[nodiscard]] uint64_t left_out() const { return left_out_; }

 private:
  static constexpr size_t kChunk = 1U << 20U;
  uint64_t max_bytes_;
  uint64_t bytes_ = 0;
  uint64_t left_out_ = 0;
  std::vector<std::unique_ptr<uint8_t[]>> chunks_;
  uint8_t* next_ = nullptr;
  size_t room_ = 0;
  std::vector<TapPacket> packets_;
};

}  // namespace mirrorlab::verify
