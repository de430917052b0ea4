#include "datasets/logs/python_literal.h"

#include <charconv>
#include <limits>
#include <string>

#include "base/nesting.h"

namespace metaqnn::datasets {
namespace {

using Json = nlohmann::ordered_json;

// Each method returns false where the text is no such thing.
class LiteralParser {
 public:
  explicit LiteralParser(std::string_view text) : text_(text) {}

  std::optional<Json> run() {
    Json value;
    if (!read(value, 0)) return std::nullopt;
    skip_blanks();
    if (position_ != text_.size()) return std::nullopt;
    return value;
  }

 private:
  bool read(Json& value, int depth) {
    skip_blanks();
    if (position_ == text_.size() || depth > kDeepestNesting) return false;
    switch (text_[position_]) {
      case '{':
        return read_dict(value, depth);
      case '[':
        return read_list(value, ']', depth);
      case '(':
        return read_list(value, ')', depth);
      case '\'':
      case '"': {
        std::string string;
        if (!read_string(string)) return false;
        value = std::move(string);
        return true;
      }
      default:
        return read_word(value);
    }
  }

  bool read_dict(Json& value, int depth) {
    value = Json::object();
    ++position_;
    while (!take('}')) {
      Json key, member;
      if (!read(key, depth + 1) || !take(':') || !read(member, depth + 1)) return false;
      value[key.is_string() ? key.get<std::string>() : key.dump()] = std::move(member);
      if (!take(',') && !next_is('}')) return false;
    }
    return true;
  }

  bool read_list(Json& value, char end, int depth) {
    value = Json::array();
    ++position_;
    while (!take(end)) {
      Json element;
      if (!read(element, depth + 1)) return false;
      value.push_back(std::move(element));
      if (!take(',') && !next_is(end)) return false;
    }
    return true;
  }

  bool read_string(std::string& string) {
    const char quote = text_[position_++];
    for (; position_ < text_.size(); ++position_) {
      const char c = text_[position_];
      if (c == quote) {
        ++position_;
        return true;
      }
      if (c == '\\' && position_ + 1 < text_.size()) {
        const char escaped = text_[++position_];
        string += escaped == 'n' ? '\n' : escaped == 't' ? '\t' : escaped;
      } else {
        string += c;
      }
    }
    return false;
  }

  bool read_word(Json& value) {
    const size_t end = std::min(text_.find_first_of(",:]})", position_), text_.size());
    std::string_view word = text_.substr(position_, end - position_);
    while (word.ends_with(' ')) word.remove_suffix(1);
    position_ = end;
    if (word == "True" || word == "true") {
      value = true;
    } else if (word == "False" || word == "false") {
      value = false;
    } else if (word == "None" || word == "null") {
      value = nullptr;
    } else {
      return read_number(word, value);
    }
    return true;
  }

  static bool read_number(std::string_view word, Json& value) {
    if (word.starts_with('+')) word.remove_prefix(1);
    const char* end = word.data() + word.size();
    int64_t whole = 0;
    if (const auto read = std::from_chars(word.data(), end, whole);
        read.ec == std::errc() && read.ptr == end) {
      value = whole;
      return true;
    }
    double number = 0;
    const auto read = std::from_chars(word.data(), end, number);
    value = number;
    return read.ec == std::errc() && read.ptr == end;
  }

  void skip_blanks() {
    while (position_ < text_.size() &&
           std::string_view(" \t\r\n").find(text_[position_]) != std::string_view::npos)
      ++position_;
  }
  bool next_is(char c) {
    skip_blanks();
    return position_ < text_.size() && text_[position_] == c;
  }
  bool take(char c) {
    if (!next_is(c)) return false;
    ++position_;
    return true;
  }

  std::string_view text_;
  size_t position_ = 0;
};

}  // namespace

std::optional<nlohmann::ordered_json> parse_literal(std::string_view text) {
  return LiteralParser(text).run();
}

}  // namespace metaqnn::datasets
