// TCP options: what was read is written, within 40 bytes, and reads back the same.
#include "fuzz/check.h"
#include "wire/tcp_options.h"

using namespace mirrorlab;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > wire::TcpOptions::kMaxBytes) size = wire::TcpOptions::kMaxBytes;
  const auto options = wire::TcpOptions::parse({data, size});
  fuzz::require(options.sack_count <= wire::TcpOptions::kMaxSackBlocks, "at most four SACK blocks");
  uint8_t out[wire::TcpOptions::kMaxBytes];
  const size_t n = options.write(out);
  fuzz::require(n % 4 == 0 && n <= sizeof out, "whole words, within the TCP header");
  bool malformed = true;
  const auto again = wire::TcpOptions::parse({out, n}, &malformed);
  fuzz::require(!malformed, "written options are well formed");
  fuzz::require(again == options, "the options come back");
  return 0;
}
