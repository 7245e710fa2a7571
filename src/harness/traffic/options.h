// What the built-in service and clients can be told. `mirrorlab serve` and `mirrorlab load` take
// them as one JSON object; unknown keys and wrong types are refused.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "harness/traffic/conversation.h"
#include "wire/flow.h"

namespace mirrorlab::traffic {

struct Span {  // both ends included
  uint64_t low = 0;
  uint64_t high = 0;
};

enum class ServiceMode : uint8_t {
  http,      // answers each request with as many body bytes as it asks for
  greeting,  // speaks first, then one reply per line; DATA and QUIT as in SMTP (RFC 5321)
  echo,      // gives back what it gets
  sink,      // reads and never answers
  replay,    // the server's part of captured conversations
};
enum class AnswerRule : uint8_t { same, longer, shorter, none };

struct ServiceOptions {
  uint16_t port = 0;
  ServiceMode mode = ServiceMode::http;
  std::string record;  // file of the recording; empty: none is made
  AnswerRule answer = AnswerRule::same;
  uint64_t answer_every = 1;  // the rule holds for every n-th answer of a connection
  uint64_t interim = 0;       // 1xx answers before each final one
  uint64_t close_after = 0;   // answers, then the service closes first; 0: never
  bool close_by_reset = false;
  Span delay_ns;            // from the whole request to its answer
  uint64_t write_size = 0;  // bytes of one write; 0: as they come
  uint64_t read_rate = 0;   // bytes per second and connection; 0: as they come
  uint64_t window = 0;      // receive buffer, bytes; 0: the kernel's default
  // replay: which conversations, and their pauses; 0 %: none
  SharedConversations conversations;
  uint64_t pause_percent = 100;
  uint64_t longest_pause_ns = 1'000'000'000;
};

enum class StepKind : uint8_t {
  connect,  // over a new connection; the first of a script is made before its first step
  send,
  expect,
  expect_close,
  think,
  half_close,
  close,
  reset,
  repeat
};

// One step of `kind: script`. Text (text_template.h), or a size when it is empty.
struct Step {
  StepKind kind = StepKind::send;
  std::string text;
  Span size;
  Span think_ns;
  uint64_t times = 1;  // repeat
  std::vector<Step> steps;
};

enum class Finish : uint8_t {
  close,       // both directions, at once
  half_close,  // FIN, then read to the service's own
  reset,
  cut,  // the last request is sent by half, then reset
};

enum class ClientKind : uint8_t {
  http,
  script,  // steps
  redis,   // SET and GET, in RESP
  raw,     // chunks of bytes
  replay,  // the client's part of captured conversations, a user each
};

struct ClientOptions {
  ClientKind kind = ClientKind::http;
  wire::Endpoint service;
  wire::IpAddress first_client;
  uint64_t clients = 1;                    // addresses, counted up from first_client
  std::vector<std::string> spaces;         // of each client a network namespace; empty: this one
  uint64_t connections = 1;                // users: each does `requests` or the script once
  uint64_t concurrency = 1;                // of them at a time
  uint16_t first_port = 0, last_port = 0;  // source ports per address, reused in turn; 0: any
  uint64_t requests = 1;
  bool keep_alive = true;  // false: one connection per request
  uint64_t pipeline = 1;   // requests sent without waiting for their answers
  Span body, answer;       // bytes
  Span think_ns;           // before each request, or burst of pipelined ones
  Span hold_ns;            // after the last answer, the connection idle
  uint64_t spread_ns = 0;  // the first requests are spread over this time
  Finish finish = Finish::close;
  uint64_t write_size = 0, read_rate = 0, window = 0;  // as for the service
  std::string path;                                    // of every request; empty: /item/NUMBER
  bool check_size = true;  // an answer of another size than asked for is an error
  std::vector<Step> script;
  Span value;                   // redis: bytes of what is SET
  uint64_t keys = 1;            // redis: of each user; no user meets another's
  uint64_t sets_ppm = 500'000;  // redis: commands that are SETs, the others are GETs
  Span bytes;                   // raw: of one connection
  Span chunk;                   // raw: of one send
  bool echoed = false;          // raw: each chunk comes back, and is compared
  // replay, as for the service
  SharedConversations conversations;
  uint64_t repeat = 1;
  uint64_t pause_percent = 100;
  uint64_t longest_pause_ns = 1'000'000'000;
  uint64_t quiet_ns = 0;  // so long without a byte ends an answer; 0: the captured bytes must come
  uint64_t patience_ns = 20'000'000'000;  // without progress, then it is an error
  uint64_t seed = 1;
  std::string progress;  // file of what was done so far (progress_file.h); empty: none is kept

  // A user's requests may be spread over several connections; else it plays its part once.
  [[nodiscard]] bool by_request() const {
    return kind == ClientKind::http || kind == ClientKind::redis;
  }
};

[[nodiscard]] tl::expected<ServiceOptions, std::string> read_service_options(
    const nlohmann::json& json);
[[nodiscard]] tl::expected<ClientOptions, std::string> read_client_options(
    const nlohmann::json& json);

}  // namespace mirrorlab::traffic
