// Where a run's files go, made and tried before it: hours of work must not end in a path that
// nobody can write to, and what an earlier run left there must not be taken for this one's report.
#pragma once

#include <string>
#include <tl/expected.hpp>

namespace mirrorlab::cli {

// Makes DIRECTORY and its logs/, and takes an earlier result.json out of it.
[[nodiscard]] tl::expected<void, std::string> make_run_directory(const std::string& directory);

// A report can be written to `file`, and an earlier one is not there any more.
[[nodiscard]] tl::expected<void, std::string> clear_for_report(const std::string& file);

}  // namespace mirrorlab::cli
