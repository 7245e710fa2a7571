// docs/HEADER-RETURN.md holds what the protocol is; its vectors were made by another implementation
// and are held against ours byte for byte.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <numeric>
#include <sstream>

#include "os/shared_key.h"
#include "wire/header_return.h"

namespace mirrorlab::os {
namespace {

using Bytes = std::vector<uint8_t>;
using wire::FrameType;

Bytes vector_of(const std::string& name) {
  std::ifstream in(MIRRORLAB_SOURCE_DIR "/docs/HEADER-RETURN.md");
  std::string line;
  while (std::getline(in, line) && line != "vector " + name) {
  }
  Bytes bytes;
  while (std::getline(in, line) && !line.empty() && line != "```") {
    std::istringstream hex(line);
    for (unsigned value = 0; hex >> std::hex >> value;)
      bytes.push_back(static_cast<uint8_t>(value));
  }
  EXPECT_FALSE(bytes.empty()) << "no vector " << name;
  return bytes;
}

template <class Append>
Bytes frame(FrameType type, size_t count, const Append& append) {
  Bytes out;
  const size_t begin = wire::begin_frame(out, type);
  append(out);
  wire::end_frame(out, begin, count);
  return out;
}

wire::FlowKey flow(const char* client, const char* server) {
  return {*wire::Endpoint::parse(client), *wire::Endpoint::parse(server)};
}

Nonce counting_from(uint8_t first) {
  Nonce nonce;
  std::iota(nonce.begin(), nonce.end(), first);
  return nonce;
}

Bytes hello(bool keyed, const Nonce& nonce, const Mac& proof) {
  return frame(FrameType::hello, 1, [&](Bytes& out) {
    out.push_back(keyed ? 1 : 0);
    out.insert(out.end(), nonce.begin(), nonce.end());
    out.insert(out.end(), proof.begin(), proof.end());
  });
}

TEST(HeaderVectors, Hello) {
  const std::string path = testing::TempDir() + "mirrorlab-vector-key";
  std::ofstream(path) << "mirrorlab test vector key";
  const auto key = SharedKey::load(path);
  std::remove(path.c_str());
  ASSERT_TRUE(key);
  const Nonce server = counting_from(0);
  const Nonce client = counting_from(32);
  EXPECT_EQ(hello(false, server, {}), vector_of("hello-server-open"));
  EXPECT_EQ(hello(true, client, key->prove("copy", server, client)),
            vector_of("hello-client-keyed"));
  EXPECT_EQ(hello(true, server, key->prove("intercept", server, client)),
            vector_of("hello-server-keyed"));
}

TEST(HeaderVectors, ClaimsAndHeartbeat) {
  EXPECT_EQ(frame(FrameType::heartbeat, 0, [](Bytes&) {}), vector_of("heartbeat"));
  EXPECT_EQ(frame(FrameType::heartbeat, 258, [](Bytes&) {}), vector_of("heartbeat-numbered"));
  EXPECT_EQ(frame(FrameType::claim, 2,
                  [](Bytes& out) {
                    wire::append_flow(out, flow("10.1.0.1:40000", "10.2.0.2:80"));
                    wire::append_flow(out, flow("10.1.0.1:40001", "10.2.0.2:80"));
                  }),
            vector_of("claim-v4"));
  EXPECT_EQ(
      frame(FrameType::unclaim, 1,
            [](Bytes& out) { wire::append_flow(out, flow("[fd00::1]:40000", "[fd00:2::2]:443")); }),
      vector_of("unclaim-v6"));
  EXPECT_EQ(frame(FrameType::claim_range, 1,
                  [](Bytes& out) {
                    wire::append_range(out, {*wire::IpAddress::parse("10.1.0.0"), 16,
                                             *wire::Endpoint::parse("10.2.0.2:8080")});
                  }),
            vector_of("claim-range"));
}

TEST(HeaderVectors, RecordsBothWays) {
  wire::HeaderRecord syn_ack;
  syn_ack.flow = flow("10.1.0.1:40000", "10.2.0.2:80");
  syn_ack.flags = 0x12;
  syn_ack.window = 65160;
  syn_ack.seq = wire::Seq(0x01020304);
  syn_ack.ack = wire::Seq(0x0a0b0c0d);
  const uint8_t syn_options[] = {2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 3, 0xe8, 0, 0, 7, 0xd0, 3, 3, 7};
  syn_ack.options = wire::TcpOptions::parse(syn_options);
  wire::HeaderRecord super;
  super.flow = flow("[fd00::1]:40000", "[fd00:2::2]:443");
  super.flags = 0x18;
  super.window = 512;
  super.seq = wire::Seq(0xfffffff0);
  super.ack = wire::Seq(5);
  super.payload_length = 65000;
  const uint8_t options[] = {8, 10, 0,    0,    3,    0xe9, 0,    0,    7,    0xd1,
                             5, 10, 0x0a, 0x0b, 0x10, 0,    0x0a, 0x0b, 0x20, 0};
  super.options = wire::TcpOptions::parse(options);
  const std::pair<const char*, wire::HeaderRecord> cases[] = {{"headers-syn-ack", syn_ack},
                                                              {"headers-super-packet-v6", super}};
  for (const auto& [name, record] : cases) {
    const Bytes bytes = vector_of(name);
    EXPECT_EQ(frame(FrameType::headers, 1, [&](Bytes& out) { wire::append_record(out, record); }),
              bytes)
        << name;
    size_t consumed = 0;
    const auto parsed = wire::next_frame(bytes, consumed);
    ASSERT_TRUE(parsed && consumed == bytes.size()) << name;
    wire::Bytes body = parsed->body;
    EXPECT_EQ(wire::take_record(body), record) << name;
  }
}

}  // namespace
}  // namespace mirrorlab::os
