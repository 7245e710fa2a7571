// The built-in HTTP/1.1 service and its scripted clients, so that a first scenario needs nothing
// installed. The client asks for the size of the answer in the request; the service obeys.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace mirrorlab::traffic {

// Serves `port` on every address until SIGTERM. Prints "ready" once it listens. Exit code.
int run_http_service(uint16_t port);

// Options (JSON): address, port, first_client, clients, connections, requests, keep_alive, seed,
// body_low, body_high, answer_low, answer_high (bytes), think_low_ms, think_high_ms.
// Prints one JSON line with what it did; exit code 0 when every answer was right.
int run_http_clients(const nlohmann::json& options);

}  // namespace mirrorlab::traffic
