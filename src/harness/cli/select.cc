#include "harness/cli/select.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <regex>
#include <set>

#include "harness/cli/playable.h"

namespace mirrorlab::cli {

namespace {
namespace fs = std::filesystem;

tl::unexpected<std::string> refuse(const std::string& words) {
  return tl::unexpected("mirrorlab: " + words);
}

std::string title(const scenario::Scenario& s) {
  return s.variant.empty() ? s.name : s.name + " [" + s.variant + "]";
}

// `regex_error` is the standard library's only way to refuse a pattern.
tl::expected<std::regex, std::string> pattern(const std::string& text) {
  try {
    return std::regex(text, std::regex::ECMAScript);
  } catch (const std::regex_error& e) {
    return refuse("--filter '" + text + "' is no regular expression: " + e.what());
  }
}
}  // namespace

tl::expected<std::vector<std::string>, std::string> scenario_files(
    const std::vector<std::string>& places) {
  std::vector<std::string> files;
  for (const auto& place : places) {
    std::error_code error;
    if (!fs::is_directory(place, error)) {
      files.push_back(place);  // what is wrong with it, its reader says
      continue;
    }
    std::vector<std::string> found;
    for (auto entry = fs::recursive_directory_iterator(place, error);
         !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
      if (entry->path().extension() == ".yaml") found.push_back(entry->path().string());
    }
    if (error) return refuse("cannot list " + place + ": " + error.message());
    if (found.empty()) return refuse("no scenario (*.yaml) under " + place);
    std::ranges::sort(found);
    files.insert(files.end(), found.begin(), found.end());
  }
  std::set<std::string> seen;
  std::erase_if(files, [&](const std::string& file) {
    std::error_code error;
    const auto real = fs::weakly_canonical(file, error);
    return !seen.insert(error ? file : real.string()).second;
  });
  return files;
}

tl::expected<std::vector<scenario::Scenario>, std::string> select(const Selection& selection) {
  const auto files = scenario_files(selection.places);
  if (!files) return tl::unexpected(files.error());
  const auto wanted = pattern(selection.filter);
  if (!wanted) return tl::unexpected(wanted.error());
  std::vector<scenario::Scenario> all;
  std::map<std::string, std::string> file_of;
  std::string variants;
  for (const auto& file : *files) {
    auto read = read_playable(file);
    if (!read) return tl::unexpected(read.error().text());
    for (auto& s : *read) {
      if (!selection.filter.empty() && !std::regex_search(title(s), *wanted)) continue;
      variants += (variants.empty() ? "" : " ") + (s.variant.empty() ? "(none)" : s.variant);
      if (!selection.variant.empty() && s.variant != selection.variant) continue;
      const auto [other, fresh] = file_of.emplace(s.name, file);
      if (!fresh && other->second != file) {
        return refuse("two scenarios are called " + s.name + ": " + other->second + " and " + file +
                      "; rename one, or run them one at a time");
      }
      if (selection.seed) s.seed = *selection.seed;
      all.push_back(std::move(s));
    }
  }
  if (all.empty() && !selection.variant.empty() && !variants.empty()) {
    return refuse("no variant " + selection.variant + "; there are: " + variants);
  }
  if (all.empty()) {
    return refuse("nothing matches --filter '" + selection.filter + "'; see `mirrorlab list`");
  }
  return all;
}

}  // namespace mirrorlab::cli
