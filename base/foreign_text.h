// Text that others wrote (names, keys, values, messages of libraries), as it may stand in a message
// or a table: harmless to a terminal, of bounded length, and without passwords
// (base/secrets.h).
//
//   shown("caf\xc3\xa9 \x1b[31m", 6);  // "café \x1b..."
#pragma once

#include <string>
#include <string_view>

namespace metaqnn {

// How much of one value a message quotes, and how long a message may be: bytes.
constexpr size_t kLongestShown = 60;
constexpr size_t kLongestMessage = 4000;

// With control characters (line ends too, but for the one that is `kept`), characters that reverse
// the direction of writing, and bytes that are no UTF-8 written out: \x1b, \u202e. Of text that is
// UTF-8 and has no characters below a blank this is what a string of JSON or TOML may hold as well.
std::string visible(std::string_view text, char kept = ' ');

// A value to quote: visible, without passwords, and where it is longer than `longest` bytes cut
// after a whole character and "..." put there.
std::string shown(std::string_view text, size_t longest = kLongestShown);

// A whole message on one line, as shown(); where it is longer than kLongestMessage its middle is
// left out, since the end says what to do.
std::string message_line(std::string_view text);

// The first character of a text, or a byte that is no UTF-8; "" of "".
std::string_view first_character(std::string_view text);

// Characters, each of which takes a column.
size_t columns_of(std::string_view text);

}  // namespace metaqnn
