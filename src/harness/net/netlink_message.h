// Route netlink requests in one buffer, one after the other (RFC 3549): the kernel works off a
// whole buffer in one call.
#pragma once

#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mirrorlab::net {

class NetlinkMessages {
 public:
  // Begins a request; `fixed` is its struct (ifinfomsg ...), attributes follow. Give each the words
  // that say what is attempted, for errors.
  template <class Fixed>
  void begin(uint16_t type, uint16_t flags, const Fixed& fixed, std::string attempt) {
    begin_message(type, flags, std::move(attempt));
    append(&fixed, sizeof fixed);
  }
  void add(uint16_t type, const void* data, size_t size);
  void add_u32(uint16_t type, uint32_t value) { add(type, &value, sizeof value); }
  void add_text(uint16_t type, std::string_view text);
  // Attributes between open() and close() are inside one of `type`.
  size_t open(uint16_t type);
  void close(size_t opened);
  // Raw bytes inside an attribute: a nested struct.
  void append(const void* data, size_t size);

  [[nodiscard]] size_t count() const { return attempts_.size(); }
  [[nodiscard]] size_t size() const { return buffer_.size(); }
  // Of the request with this sequence number: what it attempted.
  [[nodiscard]] const std::string& attempt(uint32_t sequence) const {
    return attempts_[sequence - first_];
  }
  [[nodiscard]] uint32_t last_sequence() const {
    return first_ + static_cast<uint32_t>(attempts_.size()) - 1;
  }
  // The bytes to send; the last request asks for an acknowledgment, the others only say when they
  // fail.
  [[nodiscard]] const std::vector<char>& finish();
  // All of it was answered: makes room for more.
  void clear();

 private:
  void begin_message(uint16_t type, uint16_t flags, std::string attempt);
  void end_message();
  std::vector<char> buffer_;
  size_t began_ = 0;  // of the current request
  uint32_t first_ = 1;
  std::vector<std::string> attempts_;
};

}  // namespace mirrorlab::net
