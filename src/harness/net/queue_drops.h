// What the queues (qdiscs) of devices dropped on the way out, by the kernel's own count.
//
// A tap sees a packet when it has left the queue: one that the queue drops is in no tap. A packet
// that its sender was refused and tries again counts each time.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace mirrorlab::net {

// By device, in the current namespace; of devices that have a queue. A queue that was removed took
// its count along. Throws std::runtime_error.
[[nodiscard]] std::map<std::string, uint64_t> read_queue_drops();

}  // namespace mirrorlab::net
