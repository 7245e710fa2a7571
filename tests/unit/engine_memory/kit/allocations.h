// Every operator new of this program is counted.
#pragma once

#include <cstdint>

namespace mirrorlab::test {

[[nodiscard]] uint64_t allocations();

}  // namespace mirrorlab::test
