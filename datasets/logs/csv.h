// Reading and writing separated values (RFC 4180): quoted fields, doubled quotes, line breaks
// inside quotes, CRLF, a byte order mark; separated by commas, semicolons or tabs, whichever the
// lines agree on. Because logs of architectures hold it, a separator inside round or square
// brackets parts nothing: [SM(10)], (64, 64). An apostrophe that guards a spreadsheet against a
// formula, '=1+1, is not part of the field.
#pragma once

#include <string>
#include <string_view>

#include "datasets/logs/data_frame.h"

namespace metaqnn::datasets {

// The header is the first line that is not blank, outer white space of its names removed; without
// one columns are named 1, 2, ... Two lines of names, as pandas writes an index of two levels,
// become one. A first column without a name that numbers the rows is no column. Lines after the
// header that are blank, but for the last of the text, or have another number of fields than it are
// problems. Linear in the size of the text.
//
// Throws DataError naming the line of a quote that is never closed, columns of one name, or an empty
// file; UsageError where there should be a header and the first line holds nothing but numbers.
DataFrame parse_csv(std::string text, const std::string& source, bool has_header = true);

// A text as a field, quoted where it needs to be. One that a spreadsheet would take for a formula
// (it begins with = + @, a tab or a line end, or with - and is no number) gets an apostrophe in
// front; so does one that begins with such an apostrophe itself.
std::string csv_field(std::string_view text);
// Takes these apostrophes away again, of the cells of a file that was written with csv_field().
void remove_guards(DataFrame& frame);

// The shortest text that reads back to the same number; "" for NaN.
std::string csv_number(double value);

}  // namespace metaqnn::datasets
