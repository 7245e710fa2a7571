// One line about a frame, for people: addresses, flags, numbers, length.
#pragma once

#include <string>

#include "wire/bytes.h"

namespace mirrorlab::wirebox {

[[nodiscard]] std::string packet_text(wire::Bytes frame);

}  // namespace mirrorlab::wirebox
