// mirror-copy's command line, mappings, and the mappings it refuses (S13).
#include <gtest/gtest.h>

#include "engine/driver/mapping_option.h"
#include "engine/driver/options.h"
#include "engine/driver/test_endpoints.h"

namespace mirrorlab::engine {
namespace {

tl::expected<CopyOptions, int> parse(std::vector<const char*> words) {
  words.insert(words.begin(), "mirror-copy");
  return parse_copy_options(static_cast<int>(words.size()), words.data());
}

TEST(MappingOption, ReadsTcpcopysFormAndLongerOnes) {
  const auto one = parse_mappings("80-10.0.0.2:8080");
  ASSERT_TRUE(one);
  EXPECT_EQ(one->front().online.port, 80);
  EXPECT_TRUE(one->front().online.address.is_unspecified());
  EXPECT_EQ(one->front().test.to_string(), "10.0.0.2:8080");
  const auto several = parse_mappings("10.0.0.1:80-10.0.0.2:8080,[fd00::1]:443-[fd00::2]:4430");
  ASSERT_TRUE(several);
  EXPECT_EQ(several->size(), 2U);
}

TEST(MappingOption, RefusesAnythingElse) {
  for (const char* text :
       {"", "80", "80-", "80-10.0.0.2", "80-10.0.0.2:0", "0-10.0.0.2:80", "x-10.0.0.2:80",
        "80-10.0.0.2:80,", "10.0.0.1:80-[fd00::2]:80", "80-0.0.0.0:80", "70000-10.0.0.2:80"}) {
    EXPECT_FALSE(parse_mappings(text)) << text;
  }
}

TEST(UnsafeMapping, RefusesTheOnlineServiceItselfAndGroups) {
  const auto wrong = [](const char* text) { return unsafe_mapping(*parse_mappings(text)); };
  EXPECT_NE(wrong("80-127.0.0.1:80"), "");
  EXPECT_NE(wrong("80-127.0.0.1:8080,8080-192.0.2.1:1"), "");
  EXPECT_NE(wrong("80-224.0.0.1:80"), "");
  EXPECT_NE(wrong("80-255.255.255.255:80"), "");
  EXPECT_NE(wrong("80-[ff02::1]:80"), "");
  EXPECT_EQ(wrong("80-127.0.0.1:8080"), "");
  EXPECT_EQ(wrong("80-192.0.2.1:80"), "");
}

TEST(CopyOptions, TakesTcpcopysLetters) {
  const auto o = parse({"-x", "80-192.0.2.1:8080", "-s", "127.0.0.1,127.0.0.2:7", "-p", "9", "-W"});
  ASSERT_TRUE(o);
  EXPECT_EQ(o->intercepts[0].to_string(), "127.0.0.1:9");
  EXPECT_EQ(o->intercepts[1].to_string(), "127.0.0.2:7");
  EXPECT_FALSE(o->core.wait_for_answers);
}

TEST(CopyOptions, ACaptureAndItsOptionsGoTogether) {
  const auto with = [](std::vector<const char*> words) {
    words.insert(words.begin(), {"-x", "80-192.0.2.1:8080", "-s", "127.0.0.1"});
    return parse(std::move(words));
  };
  EXPECT_EQ(with({})->capture.way, os::CaptureWay::packet);
  EXPECT_EQ(with({"--capture=raw-ip"})->capture.way, os::CaptureWay::raw_ip);
  EXPECT_EQ(with({"--capture=pcap", "-F", "tcp"})->capture.expression, "tcp");
  const auto file = with({"--capture=pcap-file", "--file=a.pcap", "-a", "10", "-I", "2"});
  ASSERT_TRUE(file);
  EXPECT_EQ(file->capture.speed, 10);
  EXPECT_EQ(file->capture.longest_gap_ns, 2'000'000'000);
  EXPECT_EQ(with({"--capture=pcap-file"}).error(), 2);
  EXPECT_EQ(with({"--file=a.pcap"}).error(), 2);
  EXPECT_EQ(with({"-F", "tcp"}).error(), 2);
  EXPECT_EQ(with({"--capture=none"}).error(), 2);
  EXPECT_EQ(with({"--capture=pcap-file", "--file=a", "--speed=0"}).error(), 2);
}

TEST(CopyOptions, RefusesWithCode2) {
  EXPECT_EQ(parse({}).error(), 2);
  EXPECT_EQ(parse({"-x", "80-192.0.2.1:8080"}).error(), 2);
  EXPECT_EQ(parse({"-x", "80-192.0.2.1:8080", "-s", "name"}).error(), 2);
  EXPECT_EQ(parse({"-x", "80-127.0.0.1:80", "-s", "127.0.0.1"}).error(), 2);
  EXPECT_EQ(parse({"-x", "80-192.0.2.1:80", "-s", "192.0.2.1"}).error(), 2);  // no key
  EXPECT_TRUE(parse({"-x", "80-192.0.2.1:80", "-s", "192.0.2.1", "--no-auth"}));
  EXPECT_EQ(parse({"-x", "80-192.0.2.1:80", "-s", "127.0.0.1", "--pace", "slow"}).error(), 2);
  EXPECT_EQ(parse({"--version"}).error(), 0);
}

}  // namespace
}  // namespace mirrorlab::engine
