// The copy engine's account and counters as JSON, by the names of the structures they come from.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "engine/core/core.h"
#include "engine/driver/header_link.h"
#include "os/packet_sender.h"
#include "os/packet_source.h"

namespace mirrorlab::engine {

[[nodiscard]] nlohmann::json account_json(const Account& account);
[[nodiscard]] nlohmann::json counters_json(const Counters& counters);
[[nodiscard]] nlohmann::json capture_json(const os::CaptureCounters& counters);
[[nodiscard]] nlohmann::json inject_json(const os::SendCounters& counters);
// All links in one sum.
[[nodiscard]] nlohmann::json links_json(const std::vector<const HeaderLink*>& links);
// CPU time and memory of this process.
[[nodiscard]] nlohmann::json usage_json();

}  // namespace mirrorlab::engine
