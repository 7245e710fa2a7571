// A peer of the header return says anything: frames, items and errors, and round trips of items.
#include <vector>

#include "fuzz/check.h"
#include "wire/header_return.h"

using namespace mirrorlab;

namespace {
template <class Take, class Append>
bool items(const wire::Frame& frame, Take take, Append append) {
  const auto done = wire::for_each_item(frame, take, [&](const auto& item) {
    std::vector<uint8_t> out;
    append(out, item);
    wire::Bytes body(out);
    const auto again = take(body);
    fuzz::require(again.has_value() && body.empty() && *again == item, "an item comes back");
  });
  return done.has_value();
}

bool use(const wire::Frame& frame) {
  switch (frame.type) {
    case wire::FrameType::headers:
      return items(frame, wire::take_record, wire::append_record);
    case wire::FrameType::claim:
    case wire::FrameType::unclaim:
      return items(frame, wire::take_flow, wire::append_flow);
    case wire::FrameType::claim_range:
      return items(frame, wire::take_range, wire::append_range);
    default:
      return true;
  }
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  wire::Bytes bytes(data, size);
  while (!bytes.empty()) {
    size_t consumed = 0;
    const auto frame = wire::next_frame(bytes, consumed);
    if (!frame || consumed == 0) break;
    fuzz::require(consumed <= bytes.size() && consumed >= wire::kFrameHeaderBytes,
                  "a frame lies within its bytes");
    size_t early = 1;
    const auto part = wire::next_frame(bytes.first(consumed - 1), early);
    fuzz::require(part.has_value() && early == 0, "a frame cut short waits for its rest");
    if (!use(*frame)) break;
    bytes = bytes.subspan(consumed);
  }
  return 0;
}
