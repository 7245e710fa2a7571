// The built-in clients: many addresses, many connections, one epoll loop, one seed.
//
// What is sent depends on the options and the seed only: connection k of a run sends the same bytes
// whatever the scheduler does. Answers are verified (status, length, digest).
// Record format: docs/VERIFIER.md.
#pragma once

#include "harness/traffic/options.h"

namespace mirrorlab::traffic {

// Exit code: 0 all went well; 1 a connect, a request or an answer failed; 3 it could not start.
// The reason is on stderr.
int run_http_client(const HttpClientOptions& options);

}  // namespace mirrorlab::traffic
