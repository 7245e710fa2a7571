// Whether an IP address is one of this host's (of the current network namespace).
#pragma once

#include "wire/flow.h"

namespace mirrorlab::os {

[[nodiscard]] bool is_local_address(const wire::IpAddress& address);

}  // namespace mirrorlab::os
