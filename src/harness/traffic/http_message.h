// The part of HTTP/1.1 (RFC 9112) that finds where a message ends: start line, the headers that
// matter, body by Content-Length, chunked or until the close. Incremental, and it holds a head
// only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mirrorlab::traffic {

struct HttpHead {
  std::string start_line;
  std::optional<uint64_t> content_length;
  std::optional<uint64_t> answer_bytes;  // X-Answer-Bytes, what the built-in clients ask for
  bool chunked = false;
  bool close = false;             // Connection: close
  bool expects_continue = false;  // Expect: 100-continue
};

enum class BodyRule : uint8_t { request, answer };  // an answer without a length ends at the close

class HttpMessages {
 public:
  static constexpr size_t kMaxHead = 64 * 1024;
  explicit HttpMessages(BodyRule rule) : rule_(rule) {}
  enum class Event : uint8_t { more, head, message, wrong };
  // Takes bytes off the front of `data` up to the next event. `more`: all of them were taken.
  Event take(std::string_view& data);
  [[nodiscard]] const HttpHead& head() const { return head_; }
  [[nodiscard]] bool in_message() const { return state_ != State::head || !held_.empty(); }
  [[nodiscard]] bool until_close() const { return state_ == State::until_close; }
  // The message that head() began has no body: an answer to HEAD, or a 1xx.
  void skip_body() { state_ = State::head; }

 private:
  enum class State : uint8_t {
    head,
    body,
    chunk_size,
    chunk_data,
    chunk_end,
    trailer,
    until_close
  };
  Event on_head(std::string_view text);
  Event take_line(std::string_view& data);
  BodyRule rule_;
  State state_ = State::head;
  HttpHead head_;
  std::string held_;  // a head, or a chunk's line, that has not ended yet
  uint64_t left_ = 0;
};

}  // namespace mirrorlab::traffic
