// What the built-in server and client are told; read from and written to JSON, because both run as
// programs of their own (`mirrorlab serve JSON`, `mirrorlab load JSON`).
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "os/clock.h"
#include "wire/flow.h"

namespace mirrorlab::traffic {

// Both ends belong to the range.
struct Range {
  int64_t low = 0;
  int64_t high = 0;
  bool operator==(const Range&) const = default;
};

enum class ServerMode : uint8_t {
  http,      // answers as each request asks (docs/VERIFIER.md)
  echo,      // sends back what it gets
  sink,      // reads and says nothing
  greeting,  // speaks first, then answers each line with a line, like SMTP
};

struct RecordingServerOptions {
  std::vector<wire::Endpoint> listen;
  ServerMode mode = ServerMode::http;
  std::string record;   // JSONL file, one line per connection; empty: none
  std::string streams;  // directory for whole received streams; empty: none
  int64_t answer_delta =
      0;  // bytes longer (or shorter) than asked: a test host that answers differently
  int64_t extra_delay_us = 0;             // before each answer, beside what the request asks
  uint64_t answer_requests = UINT64_MAX;  // per connection; later requests are never answered
  uint64_t close_after = 0;               // close first after so many answers; 0: never
  bool reset_on_close = false;            // close_after resets in place of FIN
  int64_t read_bytes_per_s = 0;           // slow reader; 0: as fast as it comes
  int receive_buffer = 0;                 // SO_RCVBUF of the listening socket; 0: the system's
  bool operator==(const RecordingServerOptions&) const = default;
};

enum class ClientClose : uint8_t {
  fin,     // close() after the last answer
  half,    // shut down the sending side right after the last request, then read on
  reset,   // RST after the last answer
  abrupt,  // RST in the middle of the last answer
  server,  // wait for the server to close
};

struct HttpClientOptions {
  wire::Endpoint target;
  wire::IpAddress first_client;  // unspecified: the system's choice
  uint32_t clients = 1;          // consecutive addresses from first_client on
  uint64_t connections = 1;      // in all, spread over the clients in turn
  uint64_t concurrency = 0;      // connections open at one time; 0: all
  Range requests{1, 1};          // per connection
  bool keep_alive = true;        // false: a connection per request, `Connection: close`
  uint32_t pipeline = 1;         // requests sent before the first of them is answered
  Range body{0, 0};              // bytes of a request's body
  Range answer{128, 128};        // bytes of an answer's body
  Range answer_delay_us{0, 0};   // asked of the server
  Range think_us{0, 0};          // between an answer and the next request
  bool chunked = false;          // bodies both ways in chunks
  bool expect_continue = false;  // wait for 100 Continue before each body
  ClientClose close = ClientClose::fin;
  int64_t ramp_up_us = 0;    // opening of the first `concurrency` connections is spread over this
  double rate = 0;           // requests per second in all; 0: no limit
  uint64_t write_bytes = 0;  // at most so many bytes a write (1: byte by byte); 0: no limit
  int64_t read_bytes_per_s = 0;  // slow reader, per connection; 0: no limit
  int receive_buffer = 0;        // SO_RCVBUF; 0: the system's
  uint16_t port_low = 0;         // local ports are drawn from here; 0: the system's range
  uint16_t port_high = 0;
  int64_t timeout_us = 10'000'000;  // for a connect or an answer
  int64_t duration_us = 0;          // no new requests after this; 0: until all are done
  bool answers_may_differ = false;  // do not judge length and digest of answers
  uint64_t seed = 1;
  std::string record;    // JSONL file, one line per connection and a summary; empty: none
  bool progress = true;  // a line per second on stderr
  bool operator==(const HttpClientOptions&) const = default;
};

[[nodiscard]] nlohmann::json to_json(const RecordingServerOptions& options);
[[nodiscard]] nlohmann::json to_json(const HttpClientOptions& options);
// Unknown keys, wrong types and contradictions are errors that name the key.
[[nodiscard]] tl::expected<RecordingServerOptions, std::string> parse_server_options(
    const std::string& json);
[[nodiscard]] tl::expected<HttpClientOptions, std::string> parse_client_options(
    const std::string& json);

}  // namespace mirrorlab::traffic
