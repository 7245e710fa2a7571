// The captures of tests/captures, read by the harness's own reader.
#pragma once

#include <string>
#include <vector>

#include "harness/traffic/capture_file.h"

namespace mirrorlab::testing {

using traffic::CapturedPacket;
using traffic::CaptureFile;
using traffic::read_capture;

// Paths of all captures in a directory, sorted.
[[nodiscard]] std::vector<std::string> capture_paths(const std::string& directory);

}  // namespace mirrorlab::testing
