// Files that are whole or not there: written beside, then renamed.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace mirrorlab::os {

tl::expected<void, std::string> write_file(const std::string& path, std::string_view content);

}  // namespace mirrorlab::os
