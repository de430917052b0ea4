// Reading comma-separated values (RFC 4180): quoted fields, doubled quotes, line breaks inside
// quotes, CRLF, a byte order mark, and, because the authors' logs hold it, an unquoted field whose
// commas are inside brackets: [SM(10)]. An apostrophe that guards a spreadsheet against a formula,
// '=1+1, is not part of the field.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace metaqnn::datasets {

struct CsvRow {
  int64_t line;  // where it starts, 1-based
  std::vector<std::string> fields;
};

struct Csv {
  std::vector<std::string> header;
  std::vector<CsvRow> rows;

  // Index of a column, or -1.
  int column(std::string_view name) const;
};

// The header is the first line that is not blank, outer white space of its names removed. Blank
// lines after it are rows of one blank field, except at the end of the text, where they are
// dropped. Linear in the size of the text. Throws DataError naming the line of a quote that is
// never closed, or an empty or binary file.
Csv parse_csv(std::string_view text, const std::string& source);
Csv read_csv(const std::filesystem::path& file);

// A text as a field, quoted where it needs to be. One that a spreadsheet would take for a formula
// (it begins with = + @, a tab or a line end, or with - and is no number) gets an apostrophe in
// front; so does one that begins with such an apostrophe itself.
std::string csv_field(std::string_view text);
// Takes these apostrophes away again, of the rows of a file that was written with csv_field().
void remove_guards(Csv& csv);

// The shortest text that reads back to the same number; "" for NaN.
std::string csv_number(double value);

}  // namespace metaqnn::datasets
