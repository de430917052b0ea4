#include "base/nesting.h"

#include <algorithm>

namespace metaqnn {
namespace {

class Nesting {
 public:
  explicit Nesting(std::string_view text) : text_(text) {}

  std::optional<int64_t> line_deeper_than(int levels) {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"' || c == '\'') {
        skip_quoted(c);
      } else if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else {
        count(c);
        ++at_;
      }
      if (brackets_ + dots_ > levels) return line_;
    }
    return std::nullopt;
  }

 private:
  void count(char c) {
    if (c == '\n') ++line_;
    if (c == '[' || c == '{') ++brackets_;
    if ((c == ']' || c == '}') && brackets_ > 0) --brackets_;
    if (c == '.') ++dots_;
    // Between them there may be blanks and names in quotes.
    if (std::string_view("\n=,:[]{}").find(c) != std::string_view::npos) dots_ = 0;
  }

  size_t quotes(char quote) const {
    const size_t end = std::min(text_.find_first_not_of(quote, at_), text_.size());
    return end - at_;
  }

  // One quote opens a text of one line, three one of several lines; two are an empty text. In
  // double quotes a backslash takes the character after it along.
  void skip_quoted(char quote) {
    const size_t open = quotes(quote) >= 3 ? 3 : 1;
    at_ += open;
    while (at_ < text_.size()) {
      if (text_[at_] == quote && quotes(quote) >= open) {
        // One or two more may stand before the three that close.
        at_ += open == 1 ? 1 : std::min<size_t>(quotes(quote), 5);
        return;
      }
      if (text_[at_] == '\n') {
        if (open == 1) return;  // never closed
        ++line_;
      }
      if (text_[at_] == '\\' && quote == '"' && at_ + 1 < text_.size() && text_[at_ + 1] != '\n')
        ++at_;
      ++at_;
    }
  }

  std::string_view text_;
  size_t at_ = 0;
  int64_t line_ = 1;
  int brackets_ = 0, dots_ = 0;
};

}  // namespace

std::optional<int64_t> line_nested_deeper_than(int levels, std::string_view text) {
  return Nesting(text).line_deeper_than(levels);
}

}  // namespace metaqnn
