// From the first bytes of a reply to the record that goes back to the copy engine.
#pragma once

#include <tl/expected.hpp>

#include "wire/header_record.h"
#include "wire/packet.h"

namespace mirrorlab::intercept {

// `bytes`: from the IP header on, perhaps cut behind the TCP header; `wire_bytes`: the packet's
// length before the cut, which counts where the IP header has none (super-packets of 64 KiB and
// more).
[[nodiscard]] tl::expected<wire::HeaderRecord, wire::ParseError> read_reply(wire::Bytes bytes,
                                                                            size_t wire_bytes);

}  // namespace mirrorlab::intercept
