// What can be said of scenario files without running them.
#pragma once

#include <string>
#include <vector>

namespace mirrorlab::cli {

// Each gives the exit code: 0, or 2 when a file is wrong.
int validate_files(const std::vector<std::string>& places);
int explain_files(const std::vector<std::string>& places);
// Files and what each says it proves; as JSON one object per variant (name, variant, file, about,
// labels, requires, timeout_s), which mirrorlab_add_scenarios() makes tests of.
int list_scenarios(const std::vector<std::string>& places, bool json);

}  // namespace mirrorlab::cli
