// The built-in service: answers as the request asks, and writes down all that it got and gave.
//
// One epoll loop, thousands of connections. Prints "ready" on stderr once it listens; SIGTERM and
// SIGINT end it after the record is flushed. Record format: docs/VERIFIER.md.
#pragma once

#include "harness/traffic/options.h"

namespace mirrorlab::traffic {

// Exit code: 0, or 3 with a line on stderr that says why.
int run_recording_server(const RecordingServerOptions& options);

}  // namespace mirrorlab::traffic
