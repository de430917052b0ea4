// Any bytes either parse or throw metaqnn::Error, and what parses survives being written and parsed
// again.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "datasets/logs/csv.h"
#include "metaqnn/base/error.h"

namespace {

using metaqnn::datasets::Csv;

void append_line(const std::vector<std::string>& fields, std::string& text) {
  for (size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) text += ',';
    text += metaqnn::datasets::csv_field(fields[i]);
  }
  text += '\n';
}

void check_round_trip(const Csv& csv) {
  // The mark keeps a first field that itself begins with one from losing it.
  std::string text = "\xEF\xBB\xBF";
  append_line(csv.header, text);
  for (const auto& row : csv.rows) append_line(row.fields, text);
  const Csv again = metaqnn::datasets::parse_csv(text, "again");
  METAQNN_ASSERT(again.header == csv.header, "the header changed");
  METAQNN_ASSERT(again.rows.size() == csv.rows.size(), "the number of rows changed");
  for (size_t i = 0; i < csv.rows.size(); ++i) {
    METAQNN_ASSERT(again.rows[i].fields == csv.rows[i].fields,
                   "row " + std::to_string(i) + " changed");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Csv csv;
  try {
    csv = metaqnn::datasets::parse_csv({reinterpret_cast<const char*>(data), size}, "fuzz");
  } catch (const metaqnn::Error&) {
    return 0;
  }
  check_round_trip(csv);
  return 0;
}
