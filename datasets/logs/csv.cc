#include "datasets/logs/csv.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <compare>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/foreign_text.h"
#include "base/names.h"
#include "metaqnn/base/error.h"

namespace metaqnn::datasets {
namespace {

constexpr std::string_view kBlank = " \t";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// Where no number, "-" has to be followed by something: alone it is a dash.
bool is_formula(std::string_view text) {
  if (text.empty()) return false;
  if (text[0] != '-') return std::string_view("=+@\t\r\n").find(text[0]) != std::string_view::npos;
  double number = 0;
  const char* end = text.data() + text.size();
  return text.size() > 1 && std::from_chars(text.data(), end, number).ptr != end;
}

// An apostrophe stands before what would be a formula without it, or before another guard.
bool has_guard(std::string_view text) {
  return text.starts_with('\'') &&
         is_formula(text.substr(std::min(text.find_first_not_of('\''), text.size())));
}

// CR LF, LF and a lone CR each end one line.
int64_t count_line_ends(std::string_view text) {
  int64_t count = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool first_of_pair = text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n';
    if (text[i] == '\n' || (text[i] == '\r' && !first_of_pair)) ++count;
  }
  return count;
}

using Row = std::vector<std::string_view>;  // the fields of one

bool is_blank_line(const Row& fields) { return fields.size() == 1 && trimmed(fields[0]).empty(); }

// Whether a field may reach over separators inside brackets.
enum class Brackets { hold, part };

// Every byte is looked at a bounded number of times, whatever the input.
class Parser {
 public:
  // `text` lives as long as the frame, which keeps fields that are not part of it.
  Parser(std::string_view text, char separator, DataFrame& frame)
      : text_(text), separator_(separator), frame_(&frame) {
    if (text_.starts_with(kByteOrderMark)) position_ = kByteOrderMark.size();
  }

  bool done() const { return position_ >= text_.size(); }
  int64_t line() const { return line_; }  // of the next row

  // Where brackets that hold separators leave another number of fields than expected, they do not:
  // a text may hold one bracket.
  Row next_row(std::optional<size_t> expected = std::nullopt) {
    const size_t position = position_;
    const int64_t line = line_;
    Row fields = read_row(Brackets::hold);
    if (!expected || fields.size() == *expected || !brackets_held_) return fields;
    const size_t position_after = position_;
    const int64_t line_after = line_;
    position_ = position;
    line_ = line;
    Row parted = read_row(Brackets::part);
    if (parted.size() == *expected) return parted;
    position_ = position_after;
    line_ = line_after;
    return fields;
  }

 private:
  Row read_row(Brackets brackets) {
    Row fields;
    fields.reserve(frame_->names.size());
    brackets_ = brackets;
    brackets_held_ = false;
    fields.push_back(next_field());
    while (!done() && text_[position_] == separator_) {
      ++position_;
      fields.push_back(next_field());
    }
    skip_line_end();
    return fields;
  }

  std::string_view next_field() {
    size_t start = position_;
    while (start < text_.size() && (text_[start] == ' ' || text_[start] == '\t') &&
           text_[start] != separator_)
      ++start;
    if (start < text_.size() && text_[start] == '"') return quoted_field(start + 1);
    return take_until(field_end(position_));
  }

  std::string_view quoted_field(size_t start) {
    const int64_t opening_line = line_;
    std::string_view field;
    bool is_whole = true;  // as it stands in the text
    std::string joined;
    position_ = start;
    while (true) {
      const size_t quote = text_.find('"', position_);
      if (quote == std::string_view::npos) {
        throw DataError(frame_->source + ":" + std::to_string(opening_line) +
                        ": the quote opened here is never closed; close it with \" and write a "
                        "quote inside a field as \"\"");
      }
      line_ += count_line_ends(text_.substr(position_, quote - position_));
      field = take_until(quote);
      ++position_;
      if (!is_whole) joined += field;
      if (done() || text_[position_] != '"') break;
      if (is_whole) joined = field;
      is_whole = false;
      joined += '"';
      ++position_;
    }
    const std::string_view rest = take_until(field_end(position_));
    if (rest.find_first_not_of(kBlank) == std::string_view::npos)
      return is_whole ? field : frame_->keep(std::move(joined));
    return frame_->keep((is_whole ? std::string(field) : std::move(joined)) + std::string(rest));
  }

  // Brackets that do not close on their line hold nothing.
  size_t field_end(size_t from) {
    int64_t depth = 0;
    size_t first_separator = std::string_view::npos;
    for (size_t i = from; i < text_.size(); ++i) {
      const char c = text_[i];
      if (c == '\n' || c == '\r') return depth > 0 ? unclosed(std::min(first_separator, i)) : i;
      if (c == separator_) {
        if (depth <= 0 || brackets_ == Brackets::part) return i;
        brackets_held_ = true;
        first_separator = std::min(first_separator, i);
      } else if (c == '[' || c == '(') {
        ++depth;
      } else if (c == ']' || c == ')') {
        --depth;
      }
    }
    return depth > 0 ? unclosed(std::min(first_separator, text_.size())) : text_.size();
  }

  // No other bracket of the line is looked at either, so that no byte is often.
  size_t unclosed(size_t end) {
    brackets_ = Brackets::part;
    return end;
  }

  std::string_view take_until(size_t end) {
    const std::string_view taken = text_.substr(position_, end - position_);
    position_ = end;
    return taken;
  }

  void skip_line_end() {
    if (done()) return;
    // "\r\r\n" is one too: what has passed through a program that knew only "\n".
    const size_t after = std::min(text_.find_first_not_of('\r', position_), text_.size());
    const bool is_feed = after < text_.size() && text_[after] == '\n';
    position_ = is_feed ? after + 1 : position_ + 1;
    ++line_;
  }

  std::string_view text_;
  char separator_;
  DataFrame* frame_;
  size_t position_ = 0;
  int64_t line_ = 1;
  Brackets brackets_ = Brackets::hold;
  bool brackets_held_ = false;
};

// ---- The separator ----

// What the first lines look like when they are parted at a separator. The better is greater.
struct Look {
  bool parts = false;  // into several fields, as many in most lines
  size_t numbers = 0, fields = 0;
  friend auto operator<=>(const Look&, const Look&) = default;
};

Look look(std::string_view text, char separator) {
  constexpr int kLines = 20;
  DataFrame scratch("");
  Parser parser(text, separator, scratch);
  Look look;
  int lines = 0, alike = 0;
  try {
    while (!parser.done() && lines < kLines) {
      const Row fields = parser.next_row();
      if (is_blank_line(fields)) continue;
      if (++lines == 1) look.fields = fields.size();
      if (fields.size() != look.fields) continue;
      ++alike;
      for (std::string_view field : fields)
        look.numbers += number_in(field, separator != ',').has_value();
    }
  } catch (const DataError&) {  // of a quote; it is met again
  }
  look.parts = look.fields > 1 && 2 * alike > lines;
  return look;
}

char separator_of(std::string_view text) {
  char best = ',';
  Look most = look(text, best);
  for (char separator : {';', '\t'}) {
    const Look found = look(text, separator);
    if (found.parts && found >= most) {
      best = separator;
      most = found;
    }
  }
  return best;
}

// ---- Names ----

// The next that is not blank, or one without fields.
Row next_full_row(Parser& parser) {
  while (!parser.done()) {
    Row fields = parser.next_row();
    if (!is_blank_line(fields)) return fields;
  }
  return {};
}

void name_by_number(DataFrame& frame, size_t columns) {
  for (size_t i = 1; i <= columns; ++i) frame.names.push_back(std::to_string(i));
}

bool are_values(const Row& fields) {
  return std::all_of(fields.begin(), fields.end(), [](std::string_view field) {
    return number_in(field) || trimmed(field) == "True" || trimmed(field) == "False";
  });
}

std::vector<std::string> repeated_names(const DataFrame& frame) {
  std::map<std::string_view, int> counts;
  for (const std::string& name : frame.names) ++counts[name];
  std::vector<std::string> repeated;
  for (const auto& [name, count] : counts) {
    if (count > 1) repeated.push_back(name.empty() ? "(no name)" : shown(name));
  }
  return repeated;
}

// The second of two lines of names: it has one where a name repeats, and nothing elsewhere.
bool is_second_level(const DataFrame& frame, const Row& fields) {
  if (fields.size() != frame.names.size()) return false;
  for (size_t i = 0; i < fields.size(); ++i) {
    const auto repeats = std::count(frame.names.begin(), frame.names.end(), frame.names[i]);
    if (repeats > 1 && trimmed(fields[i]).empty()) return false;
    if (number_in(fields[i])) return false;
  }
  return true;
}

void join_levels(DataFrame& frame, const Row& second) {
  for (size_t i = 0; i < second.size(); ++i) {
    const std::string_view name = trimmed(second[i]);
    if (!name.empty()) frame.names[i] += "_" + std::string(name);
  }
}

void read_names(DataFrame& frame, Parser& parser) {
  const Row fields = next_full_row(parser);
  if (fields.empty())
    throw DataError(frame.source + " is empty; expected a line of column names and then rows");
  if (are_values(fields)) {
    throw UsageError(frame.source +
                     " begins with values, not with names of columns; give --no-header, and "
                     "columns are named 1, 2, ...");
  }
  for (std::string_view name : fields) frame.names.emplace_back(trimmed(name));
  if (repeated_names(frame).empty()) return;
  Parser ahead = parser;
  const Row second = ahead.done() ? Row() : ahead.next_row();
  if (is_second_level(frame, second)) {
    join_levels(frame, second);
    parser = ahead;
  }
  if (const auto repeated = repeated_names(frame); !repeated.empty()) {
    throw DataError(frame.source + " has several columns of the name " + list_names(repeated) +
                    "; give each its own");
  }
}

// Without names the second line says how many columns there are.
void number_columns(DataFrame& frame, Parser& parser) {
  Parser ahead = parser;
  const Row fields = next_full_row(ahead);
  if (fields.empty()) throw DataError(frame.source + " is empty; expected rows");
  const Parser after_first = ahead;
  const Row second = next_full_row(ahead);
  const size_t next = second.empty() ? fields.size() : second.size();
  if (next != fields.size()) {
    frame.remarks.push_back(frame.source + ": the first line has " + std::to_string(fields.size()) +
                            " fields and the second " + std::to_string(next) +
                            "; the first is left out");
    parser = after_first;
  }
  name_by_number(frame, next);
}

void drop_index(DataFrame& frame) {
  if (frame.names.size() < 2 || !frame.names[0].empty()) return;
  for (size_t row = 0; row < frame.rows(); ++row) {
    const auto number = number_in(frame.cell(row, 0));
    if (!number || *number != std::trunc(*number)) return;
  }
  frame.drop_column(0);
}

void read_rows(DataFrame& frame, Parser& parser) {
  const size_t width = frame.names.size();
  std::vector<RowProblem> blank;  // problems unless they are the last
  while (!parser.done()) {
    const int64_t line = parser.line();
    const Row fields = parser.next_row(width);
    if (std::all_of(fields.begin(), fields.end(),
                    [](auto field) { return trimmed(field).empty(); })) {
      blank.push_back({line, "the row is empty"});
      continue;
    }
    frame.problems.insert(frame.problems.end(), blank.begin(), blank.end());
    blank.clear();
    if (fields.size() == width) {
      frame.add_row(line, fields);
    } else {
      frame.problems.push_back({line, "the row has " + std::to_string(fields.size()) +
                                          " fields and the header " + std::to_string(width) +
                                          "; a field that holds a separator has to be in quotes"});
    }
  }
}

}  // namespace

DataFrame parse_csv(std::string given, const std::string& source, bool has_header) {
  DataFrame frame(source);
  const std::string_view text = frame.keep(std::move(given));
  if (text.find('\0') != std::string_view::npos) {
    throw DataError(source +
                    " is not a text file: it holds zero bytes; expected separated values in UTF-8");
  }
  const char separator = separator_of(text);
  frame.decimal_comma = separator != ',';
  Parser parser(text, separator, frame);
  has_header ? read_names(frame, parser) : number_columns(frame, parser);
  read_rows(frame, parser);
  drop_index(frame);
  return frame;
}

void remove_guards(DataFrame& frame) {
  frame.for_each_cell([](std::string_view& cell) {
    if (has_guard(cell)) cell.remove_prefix(1);
  });
}

std::string csv_field(std::string_view text) {
  const std::string guarded = (is_formula(text) || has_guard(text) ? "'" : "") + std::string(text);
  const bool outer_space = trimmed(text).size() != text.size();
  const bool bracketed = text.starts_with('[');
  if (!outer_space && !bracketed && text.find_first_of(",\"\r\n") == std::string_view::npos) {
    return guarded;
  }
  std::string quoted = "\"";
  for (const char character : guarded) {
    if (character == '"') quoted += '"';
    quoted += character;
  }
  return quoted + '"';
}

std::string csv_number(double value) {
  if (std::isnan(value)) return "";
  char buffer[32];
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, value);
  return std::string(buffer, result.ptr);
}

}  // namespace metaqnn::datasets
