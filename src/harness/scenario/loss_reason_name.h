// The reasons a session or a byte range can be lost for, as conditions name them.
//
// The engine's own closed list, which the harness does not link, and the verifier's `unexplained`,
// `copy_outage` (an engine that was not there) and `never_captured`; a test compares the two.
#pragma once

#include <span>
#include <string>

namespace mirrorlab::scenario {

[[nodiscard]] std::span<const std::string> loss_reason_names();

}  // namespace mirrorlab::scenario
