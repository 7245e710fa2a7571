#include "wire/ip_fragments.h"

#include <gtest/gtest.h>

#include <numeric>

#include "wire/packet.h"

namespace mirrorlab::wire {
namespace {

using Packet = std::vector<uint8_t>;

Packet whole(bool v6, size_t payload_bytes) {
  TcpHeader h;
  h.src = {*IpAddress::parse(v6 ? "fd00::9" : "10.0.0.9"), 40000};
  h.dst = {*IpAddress::parse(v6 ? "fd00::1" : "10.0.0.1"), 80};
  h.flags = tcp_flag::kAck;
  Packet payload(payload_bytes);
  std::iota(payload.begin(), payload.end(), uint8_t{1});
  Packet bytes(kMaxHeaderBytes + payload_bytes);
  bytes.resize(write_packet(h, payload, bytes.data()));
  return bytes;
}

// Bytes [begin, end) of what follows the IP header, as a fragment of its own.
Packet piece(const Packet& packet, size_t begin, size_t end, uint16_t id = 7) {
  const bool v6 = packet[0] >> 4U == 6;
  const size_t header = v6 ? 40 : 20;
  const bool more = header + end < packet.size();
  Packet out(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(header));
  if (v6) {
    out[6] = 44;
    const uint8_t extension[] = {6, 0, 0, 0, 0, 0, 0, 0};
    out.insert(out.end(), extension, extension + 8);
    store16(&out[42], static_cast<uint32_t>(begin | (more ? 1U : 0U)));
    store32(&out[44], id);
    store16(&out[4], static_cast<uint32_t>(end - begin + 8));
  } else {
    store16(&out[2], static_cast<uint32_t>(20 + end - begin));
    store16(&out[4], id);
    store16(&out[6], static_cast<uint32_t>(begin / 8 | (more ? 0x2000U : 0U)));
  }
  const auto at = [&](size_t n) {
    return packet.begin() + static_cast<std::ptrdiff_t>(header + n);
  };
  out.insert(out.end(), at(begin), at(end));
  return out;
}

class FragmentTableTest : public testing::TestWithParam<bool> {
 protected:
  FragmentTable table_;
};

TEST_P(FragmentTableTest, PutsAPacketTogetherInAnyOrder) {
  const Packet packet = whole(GetParam(), 3000);
  const std::vector<std::pair<size_t, size_t>> cuts = {
      {2400, 3020}, {0, 800}, {1600, 2400}, {800, 1600}};
  for (size_t i = 0; i < cuts.size(); ++i) {
    const auto done = table_.add(piece(packet, cuts[i].first, cuts[i].second), 0);
    ASSERT_EQ(done.has_value(), i + 1 == cuts.size());
    if (!done) continue;
    EXPECT_EQ(done->fragments, 4U);
    const auto parsed = parse_ip_packet(done->packet);
    ASSERT_TRUE(parsed) << to_string(parsed.error());
    EXPECT_TRUE(parsed->checksum_valid());
    EXPECT_EQ(parsed->payload.size(), 3000U);
    EXPECT_EQ(parsed->header.dst.port, 80);
  }
  EXPECT_EQ(table_.lost(), 0U);
}

TEST_P(FragmentTableTest, AFragmentThatCameTwiceIsNothingNew) {
  const Packet packet = whole(GetParam(), 1000);
  EXPECT_FALSE(table_.add(piece(packet, 0, 800), 0));
  EXPECT_FALSE(table_.add(piece(packet, 0, 800), 0));
  EXPECT_TRUE(table_.add(piece(packet, 800, 1020), 0));
  EXPECT_EQ(table_.lost(), 0U);
}

TEST_P(FragmentTableTest, OverlapsAreGivenUp) {
  const Packet packet = whole(GetParam(), 1000);
  EXPECT_FALSE(table_.add(piece(packet, 0, 800), 0));
  EXPECT_FALSE(table_.add(piece(packet, 400, 1020), 0));
  EXPECT_EQ(table_.lost(), 2U);
  Packet other = piece(packet, 0, 800);
  EXPECT_FALSE(table_.add(piece(packet, 0, 800), 0));
  other.back() ^= 1U;
  EXPECT_FALSE(table_.add(other, 0)) << "the same range with other bytes";
  EXPECT_EQ(table_.lost(), 4U);
}

TEST_P(FragmentTableTest, DatagramsDoNotMix) {
  const Packet packet = whole(GetParam(), 1000);
  EXPECT_FALSE(table_.add(piece(packet, 0, 800, 1), 0));
  EXPECT_FALSE(table_.add(piece(packet, 800, 1020, 2), 0));
  EXPECT_TRUE(table_.add(piece(packet, 800, 1020, 1), 0));
}

TEST_P(FragmentTableTest, IsBoundedInNumberAndTime) {
  const Packet packet = whole(GetParam(), 1000);
  for (uint16_t id = 0; id < FragmentTable::kDatagrams + 10; ++id) {
    EXPECT_FALSE(table_.add(piece(packet, 0, 800, id), 0));
  }
  EXPECT_EQ(table_.lost(), 10U);
  EXPECT_FALSE(table_.add(piece(packet, 800, 1020, 40), FragmentTable::kPatience));
  EXPECT_EQ(table_.lost(), 10U + FragmentTable::kDatagrams);
}

TEST_P(FragmentTableTest, NonsenseIsLostNotStored) {
  const Packet packet = whole(GetParam(), 1000);
  Packet odd = piece(packet, 0, 801);  // not whole units of 8 bytes, and more follows
  EXPECT_FALSE(table_.add(odd, 0));
  for (size_t cut = 0; cut < 60; ++cut) EXPECT_FALSE(table_.add(Bytes(odd).first(cut), 0));
  Packet far = piece(packet, 0, 800);
  const size_t offset_at = GetParam() ? 42 : 6;
  store16(&far[offset_at], GetParam() ? 0xfff9U : 0x3fffU);  // would end beyond 64 KiB
  EXPECT_FALSE(table_.add(far, 0));
  EXPECT_EQ(table_.lost(), 62U);
}

INSTANTIATE_TEST_SUITE_P(Families, FragmentTableTest, testing::Bool(),
                         [](const auto& p) { return p.param ? "v6" : "v4"; });

}  // namespace
}  // namespace mirrorlab::wire
