// The header return protocol: round trips, the vectors of docs/HEADER-RETURN.md, malformed bytes.
#include "wire/header_return.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace mirrorlab::wire {
namespace {

std::vector<uint8_t> unhex(std::string_view text) {
  std::vector<uint8_t> bytes;
  int high = -1;
  for (const char c : text) {
    if (c == ' ') continue;
    const int digit = c <= '9' ? c - '0' : c - 'a' + 10;
    if (high < 0) {
      high = digit;
    } else {
      bytes.push_back(static_cast<uint8_t>(high << 4 | digit));
      high = -1;
    }
  }
  return bytes;
}

FlowKey flow_v4() { return {*Endpoint::parse("192.0.2.7:40000"), *Endpoint::parse("10.0.0.2:80")}; }
FlowKey flow_v6() {
  return {*Endpoint::parse("[2001:db8::7]:40000"), *Endpoint::parse("[fd00::2]:80")};
}

HeaderRecord syn_ack() {
  HeaderRecord r;
  r.flow = flow_v4();
  r.seq = Seq(0x01020304);
  r.ack = Seq(0xa0b0c0d0);
  r.flags = tcp_flag::kSyn | tcp_flag::kAck;
  r.window = 65160;
  r.options.mss = 1460;
  r.options.sack_permitted = true;
  r.options.timestamps = TcpTimestamps{1, 2};
  r.options.window_scale = 7;
  return r;
}

HeaderRecord fullest(const FlowKey& flow) {
  HeaderRecord r;
  r.flow = flow;
  r.seq = Seq(0xffffffff);
  r.ack = Seq(0x80000000);
  r.flags = 0xff;
  r.window = 0xffff;
  r.payload_length = (1U << 24) - 1;
  r.options.timestamps = TcpTimestamps{0xfffffffe, 0x7fffffff};
  r.options.sack_count = 3;
  for (uint32_t i = 0; i < 3; ++i) r.options.sack[i] = {Seq(10 * i), Seq(10 * i + 5)};
  return r;
}

std::vector<uint8_t> frame_of(const std::vector<HeaderRecord>& records) {
  std::vector<uint8_t> out;
  const size_t begin = begin_frame(out, FrameType::headers);
  for (const auto& r : records) append_record(out, r);
  end_frame(out, begin, records.size());
  return out;
}

// Reads all frames of `bytes` as a receiver would; the error that ended it, if any.
std::optional<FrameError> read_all(Bytes bytes, std::vector<HeaderRecord>* records = nullptr) {
  for (;;) {
    size_t consumed = 0;
    const auto frame = next_frame(bytes, consumed);
    if (!frame) return frame.error();
    if (consumed == 0) return std::nullopt;
    bytes = bytes.subspan(consumed);
    tl::expected<void, FrameError> done;
    if (frame->type == FrameType::headers) {
      done = for_each_item(*frame, take_record, [&](const HeaderRecord& r) {
        if (records != nullptr) records->push_back(r);
      });
    } else if (frame->type == FrameType::claim || frame->type == FrameType::unclaim) {
      done = for_each_item(*frame, take_flow, [](const FlowKey&) {});
    } else if (frame->type == FrameType::claim_range) {
      done = for_each_item(*frame, take_range, [](const ClaimRange&) {});
    }
    if (!done) return done.error();
  }
}

TEST(HeaderReturn, RecordsComeBackAsTheyWere) {
  const std::vector<HeaderRecord> sent{syn_ack(), fullest(flow_v4()), fullest(flow_v6())};
  std::vector<HeaderRecord> got;
  EXPECT_EQ(read_all(frame_of(sent), &got), std::nullopt);
  EXPECT_EQ(got, sent);
}

TEST(HeaderReturn, NoIpv4RecordIsLongerThan64Bytes) {
  HeaderRecord r = fullest(flow_v4());
  std::vector<uint8_t> out;
  append_record(out, r);
  EXPECT_EQ(out.size(), 64U);
  // More than TCP's option space can legally carry: whole SACK blocks are left out.
  r.options = syn_ack().options;
  r.options.sack_count = 4;
  out.clear();
  append_record(out, r);
  EXPECT_LE(out.size(), kMaxRecordBytesV4);
  Bytes body(out);
  EXPECT_EQ(take_record(body)->options.sack_count, 1);
  r.options = {};
  r.options.sack_count = 4;
  out.clear();
  append_record(out, r);
  body = out;
  EXPECT_EQ(take_record(body)->options.sack_count, 4);
}

// The vectors of docs/HEADER-RETURN.md.
TEST(HeaderReturn, VectorSynAck) {
  EXPECT_EQ(frame_of({syn_ack()}),
            unhex("0000002f 04 01 0001"
                  "04 12 fe88 9c40 0050 01020304 a0b0c0d0 000000 13 c0000207 0a000002"
                  "020405b4 0402 080a0000000100000002 030307"));
}
TEST(HeaderReturn, VectorSuperPacketV6) {
  HeaderRecord r;
  r.flow = flow_v6();
  r.seq = Seq(1000);
  r.ack = Seq(2000);
  r.flags = tcp_flag::kPsh | tcp_flag::kAck;
  r.window = 501;
  r.payload_length = 65160;
  EXPECT_EQ(frame_of({r}),
            unhex("00000034 04 01 0001"
                  "06 18 01f5 9c40 0050 000003e8 000007d0 00fe88 00"
                  "20010db8000000000000000000000007 fd000000000000000000000000000002"));
}
TEST(HeaderReturn, VectorClaims) {
  std::vector<uint8_t> out;
  size_t begin = begin_frame(out, FrameType::claim);
  append_flow(out, flow_v4());
  end_frame(out, begin, 1);
  begin = begin_frame(out, FrameType::claim_range);
  append_range(out, {*IpAddress::parse("192.0.2.0"), 24, *Endpoint::parse("10.0.0.2:80")});
  end_frame(out, begin, 1);
  begin = begin_frame(out, FrameType::heartbeat);
  end_frame(out, begin, 0);
  EXPECT_EQ(out, unhex("0000000d 02 01 0001 04 9c40 0050 c0000207 0a000002"
                       "0000000c 08 01 0001 04 18 0050 c0000200 0a000002"
                       "00000000 05 01 0000"));
  EXPECT_EQ(read_all(out), std::nullopt);
}

TEST(HeaderReturn, OneByteAtATimeGivesTheSameFrames) {
  const std::vector<HeaderRecord> sent{syn_ack(), fullest(flow_v6()), fullest(flow_v4())};
  const auto bytes = frame_of(sent);
  for (size_t n = 0; n < bytes.size(); ++n) {
    size_t consumed = 99;
    const auto frame = next_frame(Bytes(bytes).first(n), consumed);
    ASSERT_TRUE(frame.has_value());
    ASSERT_EQ(consumed, 0U) << n;
  }
  size_t consumed = 0;
  ASSERT_TRUE(next_frame(bytes, consumed).has_value());
  EXPECT_EQ(consumed, bytes.size());
}

TEST(HeaderReturn, RangeContainsByPrefixFamilyAndServer) {
  const ClaimRange some{*IpAddress::parse("192.0.2.0"), 29, *Endpoint::parse("10.0.0.2:80")};
  EXPECT_TRUE(some.contains(flow_v4()));
  FlowKey other = flow_v4();
  other.client.address = *IpAddress::parse("192.0.2.8");
  EXPECT_FALSE(some.contains(other));
  other = flow_v4();
  other.server.port = 81;
  EXPECT_FALSE(some.contains(other));
  const ClaimRange any{*IpAddress::parse("0.0.0.0"), 0, *Endpoint::parse("10.0.0.2:0")};
  EXPECT_TRUE(any.contains(other));
  EXPECT_FALSE(any.contains(flow_v6()));
  const ClaimRange exact{*IpAddress::parse("2001:db8::7"), 128, *Endpoint::parse("[fd00::2]:80")};
  EXPECT_TRUE(exact.contains(flow_v6()));
}

struct Malformed {
  const char* name;
  const char* bytes;
  FrameError error;
};
class MalformedFrame : public ::testing::TestWithParam<Malformed> {};
TEST_P(MalformedFrame, IsNamed) { EXPECT_EQ(read_all(unhex(GetParam().bytes)), GetParam().error); }
INSTANTIATE_TEST_SUITE_P(
    HeaderReturn, MalformedFrame,
    ::testing::Values(
        Malformed{"http", "474554202f20485454502f31", FrameError::bad_version},
        Malformed{"version", "00000000 05 02 0000", FrameError::bad_version},
        Malformed{"type_zero", "00000000 00 01 0000", FrameError::bad_type},
        Malformed{"type_unknown", "00000000 09 01 0000", FrameError::bad_type},
        Malformed{"too_long", "00010001 04 01 0001", FrameError::too_long},
        Malformed{"longest_length", "ffffffff 04 01 0001", FrameError::too_long},
        Malformed{"no_record", "00000000 04 01 0001", FrameError::short_record},
        Malformed{"cut_flow", "00000004 02 01 0001 04 9c40 00", FrameError::short_record},
        Malformed{"cut_address", "0000000a 02 01 0001 04 9c40 0050 c0000207 0a",
                  FrameError::short_record},
        Malformed{"family", "0000000d 02 01 0001 05 9c40 0050 c0000207 0a000002",
                  FrameError::bad_record},
        Malformed{"prefix", "0000000c 08 01 0001 04 21 0050 c0000200 0a000002",
                  FrameError::bad_record},
        Malformed{"option_length",
                  "0000001c 04 01 0001 04 12 fe88 9c40 0050 01020304 a0b0c0d0 000000 25 c0000207 "
                  "0a000002",
                  FrameError::bad_record},
        Malformed{"option_bytes",
                  "0000001e 04 01 0001 04 12 fe88 9c40 0050 01020304 a0b0c0d0 000000 02 c0000207 "
                  "0a000002 0204",
                  FrameError::bad_options},
        Malformed{"left_over", "0000000e 02 01 0001 04 9c40 0050 c0000207 0a000002 00",
                  FrameError::bad_count},
        Malformed{"count_too_high", "0000000d 02 01 0002 04 9c40 0050 c0000207 0a000002",
                  FrameError::short_record}),
    [](const auto& param) { return std::string(param.param.name); });

TEST(HeaderReturn, AnyBytesGiveFramesOrAnError) {
  std::mt19937 random(7);  // fixed seed: the same bytes in every run
  const auto good = frame_of({syn_ack(), fullest(flow_v4()), fullest(flow_v6())});
  for (int round = 0; round < 20000; ++round) {
    auto bytes = good;
    const size_t changes = 1 + random() % 4;
    for (size_t i = 0; i < changes; ++i) {
      bytes[random() % bytes.size()] = static_cast<uint8_t>(random());
    }
    bytes.resize(random() % (bytes.size() + 1));
    static_cast<void>(read_all(bytes));
  }
}

}  // namespace
}  // namespace mirrorlab::wire
