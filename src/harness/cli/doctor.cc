#include "harness/cli/doctor.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "harness/cli/probes.h"

namespace mirrorlab::cli {

namespace {
const char* to_string(Need need) {
  switch (need) {
    case Need::always:
      return "always";
    case Need::some:
      return "some";
    case Need::never:
      return "never";
  }
  return "?";
}

std::string line(const Capability& c) {
  const char* mark = c.there ? "yes" : c.need == Need::always ? "NO " : "no ";
  std::string text = fmt::format("  {}  {}", mark, c.name);
  if (!c.detail.empty()) text += ": " + c.detail;
  if (!c.there && !c.in_place.empty()) text += "; used in its place: " + c.in_place;
  return text + "\n";
}

std::string machine() {
  utsname name{};
  ::uname(&name);
  return fmt::format("{} {} {}", name.sysname, name.release, name.machine);
}
}  // namespace

int doctor(const std::string& programs, bool json) {
  auto all = probe_kernel();
  const auto installed = probe_programs(programs);
  all.insert(all.end(), installed.begin(), installed.end());
  bool able = true;
  for (const auto& c : all) able = able && (c.there || c.need != Need::always);
  if (json) {
    nlohmann::json out{{"machine", machine()}, {"able", able}};
    for (const auto& c : all) {
      out["capabilities"].push_back({{"name", c.name},
                                     {"needed", to_string(c.need)},
                                     {"there", c.there},
                                     {"detail", c.detail},
                                     {"in_place", c.there ? "" : c.in_place}});
    }
    std::cout << out.dump(2) << '\n';
    return able ? 0 : 3;
  }
  std::cout << machine() << '\n';
  const auto section = [&](Need need, const char* title) {
    std::cout << title << '\n';
    for (const auto& c : all) {
      if (c.need == need) std::cout << line(c);
    }
  };
  section(Need::always, "needed by every scenario");
  section(Need::some, "needed by some scenarios, which are skipped without it");
  section(Need::never, "used or replaced");
  std::cout << (able ? "scenarios can run here\n" : "scenarios cannot run here\n");
  return able ? 0 : 3;
}

}  // namespace mirrorlab::cli
