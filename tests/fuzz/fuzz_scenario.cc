// Scenario files: any text gives variants, or one error that points into the text.
#include <algorithm>
#include <string_view>

#include "fuzz/check.h"
#include "harness/scenario/scenario_file.h"

using namespace mirrorlab;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto variants = scenario::read_scenario_text(text, "fuzz.yaml");
  if (variants) {
    fuzz::require(!variants->empty(), "a scenario has a variant");
    for (const auto& s : *variants) fuzz::require(!s.nodes.empty(), "a scenario has nodes");
    return 0;
  }
  const auto& error = variants.error();
  const auto lines =
      1 + std::count(text.begin(), text.end(), '\n') + std::count(text.begin(), text.end(), '\r');
  fuzz::require(!error.message.empty(), "an error says something");
  fuzz::require(error.message.find('\n') == std::string::npos, "an error is one line");
  fuzz::require(error.message.size() < 2000, "an error is short");
  fuzz::require(error.at.line >= 1 && error.at.line <= lines + 1 && error.at.column >= 1,
                "an error points into the text");
  return 0;
}
