// Files that are whole or not there: written beside, then renamed.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace mirrorlab::os {

// Whether such a file could be written now: tried, and nothing left of the try. It says what is
// wrong before hours of work whose result has no place.
tl::expected<void, std::string> can_write_file(const std::string& path);

tl::expected<void, std::string> write_file(const std::string& path, std::string_view content);

}  // namespace mirrorlab::os
