// A sequence of events for the engine core, one byte after another, so that a fuzzer can write it.
//
// Byte 0: configuration bits. Then events: an Op (its byte modulo kOps) and its operands; a script
// that ends inside an event is over. Positions are relative to what the flow has seen, so that most
// scripts are nearly a real conversation: see engine_script.cc for each operand.
#pragma once

#include <cstdint>
#include <span>

namespace mirrorlab::fuzz {

enum class Op : uint8_t {
  client,      // flow, flags, sequence code, length code, ack code
  header,      // flow, flags, ack code, sequence code, length code, window, extras, SACK blocks
  step,        // time code
  link,        // 0: down, kCaptureLoss: the capture lost packets, kHeaderLate, else up
  flush,       //
  stop,        // even: stop accepting, odd: shutdown
  raw_packet,  // length, that many bytes of an IP packet
  raw_record,  // length, that many bytes of a header record
};
inline constexpr unsigned kOps = 8;
inline constexpr unsigned kCaptureLoss = 2;
inline constexpr unsigned kHeaderLate = 3;  // the header return is behind

namespace config_bit {
inline constexpr uint8_t kAckClient = 1, kPaceNone = 2, kNoWait = 4, kWholeOnly = 8, kNoReopen = 16,
                         kIpv6 = 32, kTightLimits = 64, kSmallMtu = 128;
}
namespace extra_bit {
// Of a header record. Bits 4 and 5: how many SACK blocks follow, two bytes each.
inline constexpr uint8_t kMss = 1, kWindowScale = 2, kSackPermitted = 4, kTimestamps = 8;
}  // namespace extra_bit

// Plays the script, then lets time pass until nothing is left to do. Aborts when the account does
// not balance, an invariant is broken, a byte was invented, a packet goes elsewhere than to the
// test host, a timer spins, or something is stuck.
void play(std::span<const uint8_t> script);

}  // namespace mirrorlab::fuzz
