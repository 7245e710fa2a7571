// A YAML file from its bytes to the reader of its keys: what is no text or no YAML is refused here,
// and what the reader throws becomes an Error with its place. Internal to the reader.
#pragma once

#include <yaml-cpp/yaml.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "harness/scenario/error.h"

namespace mirrorlab::scenario {

// At most 1 MiB of a regular file.
[[nodiscard]] tl::expected<std::string, Error> read_text_file(const std::string& path);

// `read` gets the document and its scalars that hold a ${variable}; it may throw ReadError.
using ReadDocument =
    std::function<void(const YAML::Node& document, const std::vector<std::string>& variables)>;
// Empty when all went well.
[[nodiscard]] std::optional<Error> read_document(std::string_view text, const std::string& path,
                                                 const ReadDocument& read);

}  // namespace mirrorlab::scenario
