// The account of every packet at every hop: in + gained = out + dropped, each by name.
//
// A hop lies between two counts: two taps, a tap and what an engine says, or two things engines
// say. What went in and neither came out nor has a named place of death makes the hop unbalanced;
// so does what came out of nothing. A hop is open where a count cannot cover the whole run (an
// engine was killed with its figures, a tap lost packets): then only that is held against it which
// no missing count could explain.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/verify/evidence.h"

namespace mirrorlab::verify {

struct LedgerEntry {
  std::string name;
  uint64_t packets = 0;
};

enum class Balance : uint8_t { balanced, unbalanced, open };
[[nodiscard]] const char* to_string(Balance balance);

struct LedgerLine {
  std::string hop;     // "online > test"
  std::string what;    // "mirrored packets"
  std::string counts;  // who counted: "tap / tap"
  uint64_t in = 0, out = 0;
  std::vector<LedgerEntry> gained, dropped;
  int64_t unaccounted = 0;  // in + gained - dropped - out
  Balance balance = Balance::balanced;
  std::string remark;      // why it is open
  bool of_engine = false;  // an engine's own figures take part
};

struct Ledger {
  std::vector<LedgerLine> lines;
  std::vector<KernelDrop> kernel_drops;  // that were not zero
  [[nodiscard]] uint64_t unbalanced() const;
  [[nodiscard]] uint64_t dropped() const;
};

[[nodiscard]] Ledger make_ledger(const Evidence& evidence);

// "online > test, mirrored packets: in 1204, out 1190, dropped 13 (loss), 1 unaccounted for"
[[nodiscard]] std::string in_words(const LedgerLine& line);

// Arithmetic of one line, apart for its tests. What may explain a difference when it is there, and
// how much of it; the first ones first.
struct Allowances {
  std::vector<LedgerEntry> missing;  // more went in than came out
  std::vector<LedgerEntry> surplus;  // more came out than went in
  bool missing_open = false;         // any number may be missing, for `remark`
  bool surplus_open = false;
};
void settle(LedgerLine& line, const Allowances& allowances);

}  // namespace mirrorlab::verify
