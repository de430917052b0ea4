#include "cli/command.h"

#include <charconv>

#include "base/foreign_text.h"
#include "cli/output.h"

namespace metaqnn::cli {

CLI::Validator whole_number(uint64_t least, uint64_t most) {
  return CLI::Validator(
      [least, most](const std::string& text) {
        uint64_t number = 0;
        std::from_chars(text.data(), text.data() + text.size(), number);
        // CLI11 would read 0x10 and 010 as well, as 16 and 8.
        if (std::to_string(number) == text && number >= least && number <= most)
          return std::string();
        return fmt::format("expected a whole number from {} to {}, found '{}'", least, most,
                           shown(text));
      },
      "");
}

}  // namespace metaqnn::cli
