// Cuts a TCP super-packet into the segments it stands for, as a device with segmentation offload
// does (checksums finished). Only packets that get corrupted need this: a bit flipped in the whole
// would be covered up by the checksums computed when the kernel cuts it.
#pragma once

#include <vector>

#include "harness/wirebox/frame.h"
#include "harness/wirebox/frame_pool.h"

namespace mirrorlab::wirebox {

// Appends the segments, in pooled memory, to `out`. False when it is no TCP super-packet or the
// pool is full; `out` is then as before.
[[nodiscard]] bool cut_super_packet(const Frame& frame, const IpInfo& info, FramePool& pool,
                                    std::vector<Frame>& out);

}  // namespace mirrorlab::wirebox
