// The part of RESP2, the protocol of Redis, that finds where a reply ends: simple strings, errors,
// integers, bulk strings and arrays of them. Incremental; holds one line, never a value.
//
// Limits: lines of 64 KiB, arrays nested kMaxDepth deep.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mirrorlab::traffic {

class RespReply {
 public:
  static constexpr size_t kMaxLine = 64 * 1024;
  static constexpr size_t kMaxDepth = 8;
  enum class Event : uint8_t { more, reply, wrong };
  // Takes bytes off the front of `data` up to the end of one whole reply.
  Event take(std::string_view& data);
  // The reply's first line, without its end: "+OK", "$12", "-ERR ...".
  [[nodiscard]] const std::string& first_line() const { return first_; }
  // Bytes of the bulk string, when the reply is one.
  [[nodiscard]] int64_t bulk_bytes() const { return bulk_; }

 private:
  // What one line begins; `reply` when nothing is open any more.
  Event on_line();
  Event on_value_end();

  std::string line_;
  std::string first_;
  bool begun_ = false;
  int64_t bulk_ = -1;
  uint64_t skip_ = 0;               // bytes of a bulk string and its line end
  std::vector<uint64_t> elements_;  // left of each array that is open
};

}  // namespace mirrorlab::traffic
