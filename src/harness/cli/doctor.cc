#include "harness/cli/doctor.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "harness/cli/probes.h"
#include "harness/cli/user_namespace.h"

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
  const auto rootless = become_root();
  const std::string who = !rootless.failure.empty()       ? "an ordinary user: " + rootless.failure
                          : rootless.map == UserMap::none ? "root"
                          : rootless.map == UserMap::single
                              ? "an ordinary user: root of a user namespace with one id"
                              : "an ordinary user: root of a user namespace with a range of ids";
  auto all = probe_kernel();
  const auto installed = probe_programs(programs);
  all.insert(all.end(), installed.begin(), installed.end());
  bool able = true;
  for (const auto& c : all) able = able && (c.there || c.need != Need::always);
  if (json) {
    nlohmann::json out{{"machine", machine()}, {"user", who}, {"able", able}};
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
  std::cout << machine() << ", as " << who << '\n';
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
