#include "harness/cli/requirements.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <vector>

#include "harness/cli/probes.h"
#include "harness/scenario/capability_name.h"
#include "harness/scenario/command_text.h"
#include "os/command.h"

namespace mirrorlab::cli {

namespace {
using scenario::ServiceKind;

bool is_installed(const std::string& program) {
  if (program.find('/') != std::string::npos) return ::access(program.c_str(), X_OK) == 0;
  const char* path = ::getenv("PATH");
  std::istringstream in(std::string(path != nullptr ? path : "/usr/bin:/bin") + ":/usr/sbin:/sbin");
  for (std::string directory; std::getline(in, directory, ':');) {
    if (::access((directory + "/" + program).c_str(), X_OK) == 0) return true;
  }
  return false;
}

std::string missing_program(const std::string& command) {
  const auto words = scenario::split_words(command);
  if (!words || words->front().find('{') != std::string::npos || is_installed(words->front())) {
    return {};
  }
  return words->front() + " is not installed";
}

std::string missing_service(const scenario::Service& service) {
  switch (service.kind) {
    case ServiceKind::recorder:
      return {};
    case ServiceKind::nginx:
      return is_installed("nginx") ? "" : "nginx is not installed (package nginx-light)";
    case ServiceKind::redis:
      return is_installed("redis-server") ? "" : "redis-server is not installed";
    case ServiceKind::memcached:
      return is_installed("memcached") ? "" : "memcached is not installed";
    case ServiceKind::command:
      return missing_program(service.command);
  }
  return {};
}

// A kernel with eBPF is of no use to an intercept that was built without.
std::string built_without_ebpf(const std::string& programs) {
  const auto said = os::run_command({programs + "/mirror-intercept", "--version"});
  return said && said->output.find("without eBPF") != std::string::npos ? said->output : "";
}

std::string missing_capability(const std::vector<std::string>& names, const std::string& programs) {
  const auto is_program = [](const std::string& name) {
    return name.starts_with(scenario::kProgramPrefix);
  };
  for (const auto& name : names) {
    if (!is_program(name)) continue;
    const auto program = name.substr(scenario::kProgramPrefix.size());
    if (!is_installed(program)) return program + " is not installed (not on PATH)";
  }
  if (std::ranges::all_of(names, is_program)) return {};
  auto all = probe_kernel();
  const auto installed = probe_programs(programs);
  all.insert(all.end(), installed.begin(), installed.end());
  for (const auto& name : names) {
    if (is_program(name)) continue;
    const auto known =
        std::ranges::find(scenario::capability_names(), name, &scenario::CapabilityName::name);
    const auto found = std::ranges::find(all, known->probe, &Capability::name);
    if (found == all.end()) return name + ": this build of mirrorlab has no probe for it";
    if (!found->there) return name + " is not here: " + found->detail;
  }
  return {};
}
}  // namespace

std::string missing_for(const scenario::Scenario& s, const std::string& programs) {
  for (const auto& n : s.nodes) {
    for (const auto& service : n.run) {
      if (auto why = missing_service(service); !why.empty()) return why;
    }
  }
  for (const auto& t : s.traffic) {
    if (t.kind != scenario::TrafficKind::command) continue;
    if (auto why = missing_program(t.command); !why.empty()) return why;
  }
  for (const auto& e : s.engines) {
    if (e.command.empty()) continue;
    if (auto why = missing_program(e.command); !why.empty()) return why;
  }
  auto names = s.require;
  for (const auto& e : s.engines) {
    if (e.via == "ebpf" && e.command.empty()) {
      if (auto why = built_without_ebpf(programs); !why.empty()) return why;
    }
    if (e.via == "ebpf") names.emplace_back("ebpf");
    if (e.via == "mirred") names.emplace_back("clsact");
  }
  return missing_capability(names, programs);
}

}  // namespace mirrorlab::cli
