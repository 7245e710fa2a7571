// The copy engine's account and counters as JSON, by the names of engine/core/account.h.
#pragma once

#include <nlohmann/json.hpp>

#include "engine/core/core.h"

namespace mirrorlab::engine {

[[nodiscard]] nlohmann::json account_json(const Account& account);
[[nodiscard]] nlohmann::json counters_json(const Counters& counters);
[[nodiscard]] nlohmann::json report_json(const SessionReport& report);

}  // namespace mirrorlab::engine
