#include "metaqnn/base/error.h"

#include <cerrno>
#include <cstring>

#include "base/foreign_text.h"

namespace metaqnn {

Error::Error(ExitStatus status, const std::string& message)
    : std::runtime_error(message_line(message)), status_(status) {}

FailureError cannot_write(const std::string& file) {
  const std::string reason = errno == 0 ? "" : std::string(" (") + std::strerror(errno) + ")";
  return FailureError(file + ": cannot be written" + reason +
                      "; its folder must exist, allow writing and have room");
}

void fail_assertion(const char* file, int line, const std::string& message) {
  throw std::logic_error("bug at " + std::string(file) + ":" + std::to_string(line) + ": " +
                         message);
}

}  // namespace metaqnn
