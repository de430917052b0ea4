#include "datasets/logs/csv.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include "base/names.h"
#include "metaqnn/base/error.h"

namespace metaqnn::datasets {
namespace {

constexpr std::string_view kBlank = " \t";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kFieldEnd = ",\r\n";

bool is_blank(const CsvRow& row) {
  return row.fields.size() == 1 && trimmed(row.fields[0]).empty();
}

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

// Every byte is looked at a bounded number of times, whatever the input.
class Parser {
 public:
  Parser(std::string_view text, const std::string& source) : text_(text), source_(source) {
    if (text_.starts_with(kByteOrderMark)) position_ = kByteOrderMark.size();
  }

  bool done() const { return position_ >= text_.size(); }

  CsvRow next_row(size_t expected_fields) {
    CsvRow row{line_, {}};
    row.fields.reserve(expected_fields);
    brackets_balance_ = true;
    row.fields.push_back(next_field());
    while (!done() && text_[position_] == ',') {
      ++position_;
      row.fields.push_back(next_field());
    }
    skip_line_end();
    return row;
  }

 private:
  std::string next_field() {
    const size_t start = std::min(text_.find_first_not_of(kBlank, position_), text_.size());
    const char first = start < text_.size() ? text_[start] : ',';
    if (first == '"') return quoted_field(start + 1);
    if (first == '[') return bracketed_field(start);
    return take_until(field_end(position_));
  }

  std::string quoted_field(size_t start) {
    const int64_t opening_line = line_;
    std::string field;
    position_ = start;
    while (true) {
      const size_t quote = text_.find('"', position_);
      if (quote == std::string_view::npos) {
        throw DataError(source_ + ":" + std::to_string(opening_line) +
                        ": the quote opened here is never closed; close it with \" and write a "
                        "quote inside a field as \"\"");
      }
      line_ += count_line_ends(text_.substr(position_, quote - position_));
      field += take_until(quote);
      ++position_;
      if (done() || text_[position_] != '"') break;
      field += '"';
      ++position_;
    }
    const std::string rest = take_until(field_end(position_));
    if (rest.find_first_not_of(kBlank) != std::string::npos) field += rest;
    return field;
  }

  // A line whose brackets do not close is split at every comma: its rows then have too many fields,
  // which is noticed.
  std::string bracketed_field(size_t start) {
    size_t end = start;
    int64_t depth = 0;
    while (brackets_balance_) {
      if (end == text_.size() || text_[end] == '\r' || text_[end] == '\n') {
        brackets_balance_ = false;
        break;
      }
      if (text_[end] == '[') ++depth;
      if (text_[end] == ']') --depth;
      ++end;
      if (depth == 0) break;
    }
    return take_until(field_end(brackets_balance_ ? end : position_));
  }

  size_t field_end(size_t from) const {
    return std::min(text_.find_first_of(kFieldEnd, from), text_.size());
  }

  std::string take_until(size_t end) {
    std::string taken(text_.substr(position_, end - position_));
    position_ = end;
    return taken;
  }

  void skip_line_end() {
    if (done()) return;
    position_ += text_.substr(position_).starts_with("\r\n") ? 2 : 1;
    ++line_;
  }

  std::string_view text_;
  const std::string& source_;
  size_t position_ = 0;
  int64_t line_ = 1;
  bool brackets_balance_ = true;
};

}  // namespace

int Csv::column(std::string_view name) const {
  const auto found = std::find(header.begin(), header.end(), name);
  return found == header.end() ? -1 : static_cast<int>(found - header.begin());
}

Csv parse_csv(std::string_view text, const std::string& source) {
  if (text.find('\0') != std::string_view::npos) {
    throw DataError(source +
                    " is not a text file: it holds zero bytes; expected comma-separated "
                    "values in UTF-8");
  }
  Csv csv;
  Parser parser(text, source);
  while (!parser.done() && csv.header.empty()) {
    CsvRow row = parser.next_row(0);
    if (!is_blank(row)) csv.header = std::move(row.fields);
  }
  if (csv.header.empty()) {
    throw DataError(source + " is empty; expected a line of column names and then rows");
  }
  for (std::string& name : csv.header) name = std::string(trimmed(name));
  while (!parser.done()) csv.rows.push_back(parser.next_row(csv.header.size()));
  while (!csv.rows.empty() && is_blank(csv.rows.back())) csv.rows.pop_back();
  return csv;
}

Csv read_csv(const std::filesystem::path& file) {
  std::error_code error;
  if (std::filesystem::is_directory(file, error)) {
    throw DataError("cannot read " + file.string() + ": it is a directory; name a CSV file");
  }
  std::ifstream stream(file, std::ios::binary);
  if (!stream) {
    const bool exists = std::filesystem::exists(file, error);
    throw DataError("cannot read " + file.string() + ": " +
                    (exists ? "it cannot be opened; check its permissions"
                            : "there is no such file; check the path"));
  }
  const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  if (stream.bad()) throw DataError("cannot read " + file.string() + ": the read failed");
  return parse_csv(text, file.string());
}

void remove_guards(Csv& csv) {
  for (CsvRow& row : csv.rows) {
    for (std::string& field : row.fields) {
      if (has_guard(field)) field.erase(0, 1);
    }
  }
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
