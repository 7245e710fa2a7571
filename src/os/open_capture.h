// The capture that was asked for.
#pragma once

#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "os/packet_source.h"

namespace mirrorlab::os {

[[nodiscard]] tl::expected<std::unique_ptr<PacketSource>, std::string> open_capture(
    const CaptureOptions& options);

}  // namespace mirrorlab::os
