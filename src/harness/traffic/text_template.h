// Texts of scripts with places to fill in, so that every connection and every request may say
// something of its own:
//
//   {client}       number of the client's address, from 0
//   {connection}   number of the connection's user, from 0
//   {request}      which send of this user it is, from 1
//   {sent}         the text sent last
//   {random}       eight hexadecimal digits
//   {random:N}     N letters and digits, at most kMaxRandom
//   {random:A..B}  a number from A to B
//
// Anything else in braces stays as it is. What is random depends on the seed and the user alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "harness/traffic/random.h"

namespace mirrorlab::traffic {

struct TextValues {
  uint64_t client = 0;
  uint64_t connection = 0;
  uint64_t request = 0;
  std::string sent;
};

inline constexpr uint64_t kMaxRandom = 65536;

[[nodiscard]] std::string fill_text(std::string_view text, const TextValues& values,
                                    Random& random);

}  // namespace mirrorlab::traffic
