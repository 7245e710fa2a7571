#include "os/packet_source.h"

#include <poll.h>

namespace mirrorlab::os {

bool PacketSource::readable(int fd) {
  pollfd waits{fd, POLLIN, 0};
  // Why the flag: a device that is down makes its socket report an error, not a packet.
  return ::poll(&waits, 1, 0) > 0 && (waits.revents & POLLIN) != 0;
}

}  // namespace mirrorlab::os
