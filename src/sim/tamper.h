// How a test breaks the engine on purpose, to see that the judge says no. Empty in every real run.
#pragma once

#include <functional>

#include "engine/core/account.h"
#include "wire/packet.h"

namespace mirrorlab::sim {

struct Tamper {
  using Pass = std::function<void(const wire::TcpHeader&, wire::Bytes)>;
  // Stands between the engine and its network: passes on what it likes.
  std::function<void(const wire::TcpHeader&, wire::Bytes, const Pass&)> transmit;
  // Changes what the engine says of itself at the end.
  std::function<void(engine::Account&, engine::Counters&)> account;
};

}  // namespace mirrorlab::sim
