// A recorded capture, played: its own pace, faster, with gaps cut, and to its end.
#include "os/pcap_file.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <cstdio>

namespace mirrorlab::os {
namespace {

constexpr int kEthernetBytes = 14;

class PcapFileTest : public testing::Test {
 protected:
  void TearDown() override { std::remove(path_.c_str()); }
  // One packet to port 80 at each of the stamps, with `extra` bytes missing at its end.
  void record(const std::vector<Nanos>& stamps, uint32_t cut = 0) {
    PcapHandle dead(
        pcap_open_dead_with_tstamp_precision(DLT_EN10MB, 65535, PCAP_TSTAMP_PRECISION_NANO));
    pcap_dumper_t* out = pcap_dump_open(dead.get(), path_.c_str());
    ASSERT_NE(out, nullptr) << pcap_geterr(dead.get());
    uint32_t number = 0;
    for (const Nanos stamp : stamps) {
      wire::TcpHeader h;
      h.src = *wire::Endpoint::parse("10.0.0.9:4000");
      h.dst = *wire::Endpoint::parse("10.0.0.1:80");
      h.seq = wire::Seq(number++);
      std::vector<uint8_t> frame(kEthernetBytes + wire::kMaxHeaderBytes + 100);
      frame[12] = 0x08;
      const std::vector<uint8_t> payload(100);
      frame.resize(kEthernetBytes + wire::write_packet(h, payload, &frame[kEthernetBytes]));
      pcap_pkthdr header{};
      header.ts.tv_sec = stamp / kNanosPerSecond;
      header.ts.tv_usec = stamp % kNanosPerSecond;
      header.len = static_cast<uint32_t>(frame.size());
      header.caplen = header.len - cut;
      pcap_dump(reinterpret_cast<u_char*>(out), &header, frame.data());
    }
    pcap_dump_close(out);
  }
  CaptureOptions options() const {
    CaptureOptions o;
    o.way = CaptureWay::pcap_file;
    o.ports = {80};
    o.file = path_;
    return o;
  }
  // When each packet came, in nanoseconds since begin().
  static std::vector<Nanos> play(PcapFile& file) {
    std::vector<Nanos> at;
    const Nanos start = steady_now();
    file.begin();
    while (!file.ended()) {
      pollfd waiting{file.fd(), POLLIN, 0};
      if (::poll(&waiting, 1, 5000) <= 0) break;
      file.read([&](std::span<const wire::TcpPacket> packets) {
        for (const wire::TcpPacket& p : packets) {
          EXPECT_EQ(p.header.seq.raw(), at.size());
          at.push_back(steady_now() - start);
        }
      });
    }
    EXPECT_TRUE(file.ended());
    return at;
  }
  std::string path_ = testing::TempDir() + "mirrorlab-" + std::to_string(::getpid()) + ".pcap";
};

TEST_F(PcapFileTest, PlaysAtItsOwnPaceDividedByTheSpeed) {
  record({kNanosPerSecond, 2 * kNanosPerSecond, 5 * kNanosPerSecond});
  auto o = options();
  o.speed = 50;
  auto file = PcapFile::open(o);
  ASSERT_TRUE(file) << file.error();
  const auto at = play(*file);
  ASSERT_EQ(at.size(), 3U);
  EXPECT_GE(at[1], 20 * kNanosPerMilli);
  EXPECT_GE(at[2], 80 * kNanosPerMilli);
  EXPECT_EQ(file->counters().packets, 3U);
}

TEST_F(PcapFileTest, CutsSilencesAndIsNotHeldUpByStampsThatGoBack) {
  const Nanos hour = 3600 * kNanosPerSecond;
  record({2 * hour, 4 * hour, 1 * hour, 3 * hour, 5 * hour});
  auto o = options();
  o.longest_gap_ns = 10 * kNanosPerMilli;
  auto file = PcapFile::open(o);
  ASSERT_TRUE(file) << file.error();
  const auto at = play(*file);
  ASSERT_EQ(at.size(), 5U);
  EXPECT_GE(at[4], 20 * kNanosPerMilli);
}

TEST_F(PcapFileTest, PlaysManyPacketsOfOneMoment) {
  record(std::vector<Nanos>(1000, kNanosPerSecond));
  auto file = PcapFile::open(options());
  ASSERT_TRUE(file);
  EXPECT_EQ(play(*file).size(), 1000U);
}

TEST_F(PcapFileTest, PacketsCutWhenRecordedAreKnownToBe) {
  record({1, 2}, 60);
  auto file = PcapFile::open(options());
  ASSERT_TRUE(file);
  EXPECT_EQ(play(*file).size(), 2U);
  EXPECT_EQ(file->counters().truncated, 2U);
  EXPECT_EQ(file->counters().packets, 0U);
}

TEST_F(PcapFileTest, AFileCutInItsLastPacketPlaysWhatIsWhole) {
  record({1, 2, 3});
  FILE* f = std::fopen(path_.c_str(), "r+");
  ASSERT_NE(f, nullptr);
  std::fseek(f, 0, SEEK_END);
  ASSERT_EQ(::ftruncate(::fileno(f), std::ftell(f) - 10), 0);
  std::fclose(f);
  auto file = PcapFile::open(options());
  ASSERT_TRUE(file);
  EXPECT_EQ(play(*file).size(), 2U);
  EXPECT_EQ(file->counters().read_errors, 1U);
}

TEST_F(PcapFileTest, SaysWhatIsWrongWithAFileOrAFilter) {
  auto o = options();
  o.file = "/no/such.pcap";
  EXPECT_FALSE(PcapFile::open(o));
  record({1});
  o = options();
  o.expression = "tcp and and";
  const auto file = PcapFile::open(o);
  ASSERT_FALSE(file);
  EXPECT_NE(file.error().find("tcp and and"), std::string::npos) << file.error();
  o.expression = "udp";
  auto none = PcapFile::open(o);
  ASSERT_TRUE(none);
  EXPECT_TRUE(play(*none).empty());
}

}  // namespace
}  // namespace mirrorlab::os
