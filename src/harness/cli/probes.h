// What this machine can do: one probe a capability, tried for real in a throw-away network
// namespace.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mirrorlab::cli {

enum class Need : unsigned char {
  always,  // no scenario runs without it
  some,    // scenarios that ask for it are skipped without it
  never,   // nothing needs it: what is used in its place is said
};

struct Capability {
  std::string name;
  Need need = Need::always;
  bool there = false;
  std::string detail;    // where it was found, or why not: errno and the mend
  std::string in_place;  // what is used when it is not there; empty: nothing can be
};

// The kernel's capabilities. Makes and forgets a network namespace; changes nothing else.
[[nodiscard]] std::vector<Capability> probe_kernel();
// Programs on PATH (and in sbin), and the engines beside this program in `programs`.
[[nodiscard]] std::vector<Capability> probe_programs(const std::string& programs);

}  // namespace mirrorlab::cli
