// Generators for property tests that like the places where numbers wrap.
//
// rapidcheck prints how to run a failed property again (RC_PARAMS="reproduce=..."); ctest sets a
// fixed seed.
#pragma once

#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <cstdint>
#include <vector>

#include "wire/header_record.h"
#include "wire/seq.h"

namespace mirrorlab::testing {

// Half of all numbers lie within 2000 of 0, 2^31 or 2^32: a uniform choice never meets a wrap.
inline rc::Gen<uint32_t> wrapping() {
  const auto near = [](uint32_t edge) {
    return rc::gen::map(rc::gen::inRange<int32_t>(-2000, 2000),
                        [edge](int32_t d) { return edge + static_cast<uint32_t>(d); });
  };
  return rc::gen::weightedOneOf<uint32_t>(
      {{3, rc::gen::arbitrary<uint32_t>()}, {2, near(0)}, {2, near(1U << 31U)}});
}
inline rc::Gen<wire::Seq> seq() {
  return rc::gen::map(wrapping(), [](uint32_t raw) { return wire::Seq(raw); });
}

inline rc::Gen<wire::Endpoint> endpoint(bool v6) {
  return rc::gen::map(
      rc::gen::pair(rc::gen::container<std::vector<uint8_t>>(16, rc::gen::arbitrary<uint8_t>()),
                    rc::gen::arbitrary<uint16_t>()),
      [v6](const auto& p) {
        return wire::Endpoint{
            v6 ? wire::IpAddress::v6(p.first.data()) : wire::IpAddress::v4(p.first.data()),
            p.second};
      });
}

// Options that fit `room` bytes.
inline wire::TcpOptions any_options(size_t room) {
  wire::TcpOptions o;
  if (*rc::gen::arbitrary<bool>()) o.mss = *rc::gen::arbitrary<uint16_t>();
  if (*rc::gen::arbitrary<bool>()) o.window_scale = *rc::gen::arbitrary<uint8_t>();
  o.sack_permitted = *rc::gen::arbitrary<bool>();
  if (*rc::gen::arbitrary<bool>()) o.timestamps = wire::TcpTimestamps{*wrapping(), *wrapping()};
  const size_t used = (o.mss ? 4U : 0U) + (o.window_scale ? 3U : 0U) +
                      (o.sack_permitted ? 2U : 0U) + (o.timestamps ? 10U : 0U);
  const size_t most = room < used + 10 ? 0 : (room - used - 2) / 8;
  o.sack_count = *rc::gen::inRange<uint8_t>(0, static_cast<uint8_t>(std::min<size_t>(most, 4) + 1));
  for (uint8_t i = 0; i < o.sack_count; ++i) o.sack[i] = {*seq(), *seq()};
  return o;
}

}  // namespace mirrorlab::testing
