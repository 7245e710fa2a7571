// How exact a delay is: datagrams at a steady pace, stamped by the sender and by the kernel that
// receives them.
#pragma once

#include <string>

#include "os/clock.h"

namespace mirrorlab::bench {

// One line: the percentiles of (took - delay) in microseconds.
[[nodiscard]] std::string delay_error(os::Nanos delay, unsigned packets_per_s, double seconds);

}  // namespace mirrorlab::bench
