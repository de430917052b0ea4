// How deep are the brackets of a TOML or JSON text nested? Their parsers, and what is done with what
// they return, use one stack frame for each level, so a text of nothing but brackets, or of a key
// with a dot after each letter, would end the program.
//
//   line_nested_deeper_than(64, text);  // the line, from 1; none where it is flat enough
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace metaqnn {

// Deeper than any configuration, model or checkpoint.
constexpr int kDeepestNesting = 64;

// A level is a [ or { that is open, and a dot of a dotted key. Texts in quotes, of one line or of
// several, and what follows a # do not count. Linear in the length of the text.
std::optional<int64_t> line_nested_deeper_than(int levels, std::string_view text);

}  // namespace metaqnn
