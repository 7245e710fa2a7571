// Whole sequences of events into the engine core: engine_script.h.
#include "fuzz/check.h"
#include "fuzz/engine_script.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size <= 4096) mirrorlab::fuzz::play({data, size});
  return 0;
}
