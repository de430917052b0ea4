// What may be shown of a text that names a server: a URL with a password in it, libpq's list of
// keywords, a path made of one, or a message that quotes one of these.
//
// It rather hides too much than too little. Hidden are
//   - what stands between the user of scheme://user:PASSWORD@host and the last '@', whatever the
//     password holds, with any number of slashes (paths lose some), and of postgresql: with none;
//   - of such a URL without '@', what stands where a port should and is no number;
//   - the value of a key that ends in password, pass, passwd, pwd or secret, in any case, percent-encoded
//     or not: ?password=VALUE&..., password = 'VALUE'.
// A path behind sqlite:/// stays as it is. Twice is the same as once, and the cost is linear in the
// length.
//
//   without_passwords("postgresql://me:s3?cr3t@host/db");  // "postgresql://me:***@host/db"
#pragma once

#include <string>
#include <string_view>

namespace metaqnn {

std::string without_passwords(std::string_view text);

}  // namespace metaqnn
