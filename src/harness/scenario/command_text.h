// Command lines as scenario files write them: words with quotes as in a shell, and {placeholders}.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace mirrorlab::scenario {

// Splits at blanks; '...' and "..." keep them, a backslash keeps the next character. No expansion.
[[nodiscard]] tl::expected<std::vector<std::string>, std::string> split_words(
    std::string_view text);

// What may stand in braces in commands and options.
[[nodiscard]] std::span<const std::string> placeholder_names();
// Replaces {name} where `name` is one of lower-case letters and _, or NODE.WHAT; other braces stay.
// An unknown name is an error with a suggestion.
[[nodiscard]] tl::expected<std::string, std::string> fill_placeholders(
    std::string_view text, const std::map<std::string, std::string>& values);
// The same question without values: empty, or what is wrong.
[[nodiscard]] std::string check_command_text(std::string_view text);
// The placeholders of a text that name a node or an engine: `online.address`, `intercept.port`.
[[nodiscard]] std::vector<std::string> dotted_placeholders(std::string_view text);

// As a word of a shell's command line: in quotes where it needs them.
[[nodiscard]] std::string quoted_word(const std::string& word);

}  // namespace mirrorlab::scenario
