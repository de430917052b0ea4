// How are bytes written as text? Base64 (RFC 4648, section 4): four characters for three bytes.
//
//   decoded_base64(base64("ab"))   // "ab"
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace metaqnn {

std::string base64(std::string_view bytes);
// None where it is no such text.
std::optional<std::string> decoded_base64(std::string_view text);

}  // namespace metaqnn
