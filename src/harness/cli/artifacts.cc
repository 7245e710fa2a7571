#include "harness/cli/artifacts.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "harness/cli/fault_file.h"

namespace mirrorlab::cli {

namespace {
namespace fs = std::filesystem;
using scenario::Keep;

struct Artifact {
  std::string name;
  fs::path path;
  Keep keep = Keep::always;
};

std::string without(const std::string& text, std::string_view end) {
  return text.substr(0, text.size() - end.size());
}

// What a file of the run's directory is; nothing that is known: no name.
Artifact describe(const fs::path& path, const scenario::Artifacts& rules) {
  const std::string file = path.filename().string();
  if (file == "logs") return {"logs", path, rules.logs};
  if (file == "link-drops.txt") return {"link_drops", path, Keep::always};
  if (file == kFaultFile) return {"link_faults", path, Keep::always};
  if (file == "lost.jsonl") return {"lost", path, Keep::always};
  if (file == "state.txt") return {"state", path, Keep::failure};
  if (file == "result.json") return {"result", path, Keep::always};
  if (file.ends_with(".pcap")) return {without(file, ".pcap") + "_capture", path, rules.captures};
  if (file.ends_with(".sessions.jsonl")) {
    return {"sessions." + without(file, ".sessions.jsonl"), path, rules.sessions};
  }
  if (file.ends_with(".rec.jsonl")) {
    return {"recording." + without(file, ".rec.jsonl"), path, rules.recordings};
  }
  if (file.ends_with(".json")) return {"counters." + without(file, ".json"), path, Keep::always};
  return {};
}
}  // namespace

std::map<std::string, std::string> settle_artifacts(const scenario::Scenario& s,
                                                    const std::string& out, bool passed) {
  std::map<std::string, std::string> kept{{"result", out + "/result.json"}};
  std::error_code error;
  std::vector<Artifact> all;
  for (auto entry = fs::directory_iterator(out, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    all.push_back(describe(entry->path(), s.artifacts));
  }
  for (const auto& artifact : all) {
    if (artifact.name.empty()) continue;
    const bool keep = artifact.keep == Keep::always || (artifact.keep == Keep::failure && !passed);
    if (keep || fs::remove_all(artifact.path, error) == 0) {
      kept[artifact.name] = out + "/" + artifact.path.filename().string();
    }
  }
  return kept;
}

}  // namespace mirrorlab::cli
