// Socket buffers as large as this process may have them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mirrorlab::os {

// Asks for `bytes` and says what was granted: an ordinary user is bound by net.core.*mem_max.
uint64_t enlarge_receive_buffer(int fd, size_t bytes);
void enlarge_send_buffer(int fd, size_t bytes);
// Datagrams this socket could not hold so far.
[[nodiscard]] uint64_t receive_drops(int fd);

}  // namespace mirrorlab::os
