// The packets of a tap by what they are, with their times: what the ledger counts.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "harness/verify/evidence.h"

namespace mirrorlab::verify {

enum class Kind : uint8_t {
  request,        // to an online service
  answer,         // from an online service
  mirrored,       // to a test service
  reply,          // from a test service
  header_record,  // from an intercept's header return
  header_ack,     // to it
};
inline constexpr size_t kKinds = 6;

class Tally {
 public:
  using Times = std::vector<int64_t>;

  // Packets after `until_ns` are not counted.
  Tally(const Evidence& evidence, const PacketLog& log, int64_t until_ns);

  [[nodiscard]] const Times& in(Kind kind) const { return times_[index(kind)][0]; }
  [[nodiscard]] const Times& out(Kind kind) const { return times_[index(kind)][1]; }
  // Requests that came in to these services only.
  [[nodiscard]] Times requests_to(const std::vector<wire::Endpoint>& services) const;

  // Of sorted times, how many lie before `ns`.
  [[nodiscard]] static uint64_t before(const Times& times, int64_t ns);

 private:
  static size_t index(Kind kind) { return static_cast<size_t>(kind); }
  std::array<std::array<Times, 2>, kKinds> times_;
  std::unordered_map<wire::Endpoint, Times> requests_;
};

}  // namespace mirrorlab::verify
