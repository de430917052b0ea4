#include "architecture/error.h"

namespace metaqnn {

void fail_assertion(const char* file, int line, const std::string& message) {
  throw std::logic_error("bug at " + std::string(file) + ":" + std::to_string(line) + ": " +
                         message);
}

}  // namespace metaqnn
