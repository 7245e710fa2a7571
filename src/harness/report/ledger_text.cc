#include "harness/report/ledger_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/report/text.h"

namespace mirrorlab::report {

namespace {
using verify::Balance;

std::string entries(char sign, const std::vector<verify::LedgerEntry>& all) {
  std::string text;
  for (const auto& e : all) {
    text += fmt::format("{}{}{} {}", text.empty() ? "" : ", ", sign, grouped(e.packets), e.name);
  }
  return text;
}

std::string state_of(const verify::LedgerLine& line) {
  std::string text = entries('+', line.gained);
  const std::string dropped = entries('-', line.dropped);
  if (!text.empty() && !dropped.empty()) text += ", ";
  text += dropped;
  if (line.unaccounted != 0) {
    const auto packets = static_cast<uint64_t>(std::abs(line.unaccounted));
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", grouped(packets),
                        line.unaccounted > 0 ? "vanished" : "out of nothing");
  }
  if (line.balance == Balance::unbalanced) text += "  <- UNBALANCED";
  if (line.balance == Balance::open) text += fmt::format("  (open: {})", line.remark);
  return text;
}
}  // namespace

std::string ledger_summary(const verify::Ledger& ledger) {
  if (ledger.lines.empty()) return "no packet was counted";
  const auto open = std::ranges::count(ledger.lines, Balance::open, &verify::LedgerLine::balance);
  const uint64_t bad = ledger.unbalanced();
  std::string text =
      bad > 0 ? fmt::format("{} of {} hops do not balance", bad, ledger.lines.size())
              : fmt::format("{} hops balance", ledger.lines.size() - static_cast<size_t>(open));
  if (open > 0) text += fmt::format(", {} open", open);
  if (const uint64_t dropped = ledger.dropped(); dropped > 0) {
    text += fmt::format("; {} packets dropped, each at a named place", grouped(dropped));
  }
  return text;
}

std::string ledger_table(const verify::Ledger& ledger) {
  size_t hop = 3;
  size_t what = 4;
  for (const auto& line : ledger.lines) {
    hop = std::max(hop, line.hop.size());
    what = std::max(what, line.what.size());
  }
  std::string text = fmt::format("    {:<{}}  {:<{}}  {:<15}  {:>11}  {:>11}  {}\n", "hop", hop,
                                 "what", what, "counted by", "in", "out", "between");
  for (const auto& line : ledger.lines) {
    const std::string state = state_of(line);
    text += fmt::format("    {:<{}}  {:<{}}  {:<15}  {:>11}  {:>11}{}{}\n", line.hop, hop,
                        line.what, what, line.counts, grouped(line.in), grouped(line.out),
                        state.empty() ? "" : "  ", state);
  }
  for (const auto& d : ledger.kernel_drops) {
    text +=
        fmt::format("    kernel of {}: {} packets, {}\n", d.node, grouped(d.packets), d.counter);
  }
  return text;
}

}  // namespace mirrorlab::report
