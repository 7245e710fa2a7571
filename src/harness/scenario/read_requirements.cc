// What a scenario needs of the machine: a capability that `mirrorlab doctor` probes, or a program.
#include <fmt/format.h>

#include <algorithm>

#include "harness/scenario/capability_name.h"
#include "harness/scenario/read_parts.h"
#include "harness/scenario/suggest.h"

namespace mirrorlab::scenario {

std::vector<std::string> read_requirements(const Value& value) {
  std::vector<std::string> known{std::string(kProgramPrefix) + "NAME"};
  for (const auto& capability : capability_names()) known.push_back(capability.name);
  std::vector<std::string> names;
  for (const Value& item : value.items()) {
    names.push_back(item.text());
    const std::string& name = names.back();
    if (name.starts_with(kProgramPrefix)) {
      const std::string program = name.substr(kProgramPrefix.size());
      const bool good = !program.empty() && std::ranges::all_of(program, [](unsigned char c) {
        return std::isalnum(c) ||
               std::string_view("._+-/").find(static_cast<char>(c)) != std::string_view::npos;
      });
      if (!good) item.fail(fmt::format("`{}` names no program", program));
    } else if (std::ranges::find(known, name) == known.end()) {
      item.fail(fmt::format("no capability `{}`{}", name, suggestion(name, known)));
    }
  }
  return names;
}

}  // namespace mirrorlab::scenario
