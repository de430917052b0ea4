// Any bytes either parse or throw metaqnn::Error, and what parses survives being written and parsed
// again.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "datasets/logs/csv.h"
#include "metaqnn/base/error.h"

namespace {

using metaqnn::datasets::DataFrame;

void append_line(const DataFrame& frame, size_t row, std::string& text) {
  for (size_t i = 0; i < frame.names.size(); ++i)
    text += (i > 0 ? "," : "") + metaqnn::datasets::csv_field(frame.cell(row, static_cast<int>(i)));
  text += '\n';
}

// The mark keeps a first field that itself begins with one from losing it. Without names, since what
// is no name may stand in a cell.
void check_round_trip(const DataFrame& frame) {
  std::string text = "\xEF\xBB\xBF";
  for (size_t i = 0; i < frame.names.size(); ++i) text += (i > 0 ? ",c" : "c") + std::to_string(i);
  text += '\n';
  for (size_t row = 0; row < frame.rows(); ++row) append_line(frame, row, text);
  const DataFrame again = metaqnn::datasets::parse_csv(text, "again");
  METAQNN_ASSERT(again.rows() == frame.rows(), "the number of rows changed");
  for (size_t row = 0; row < frame.rows(); ++row) {
    for (size_t i = 0; i < frame.names.size(); ++i) {
      const int column = static_cast<int>(i);
      METAQNN_ASSERT(again.cell(row, column) == frame.cell(row, column),
                     "row " + std::to_string(row) + " changed");
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const DataFrame frame =
        metaqnn::datasets::parse_csv({reinterpret_cast<const char*>(data), size}, "fuzz");
    check_round_trip(frame);
  } catch (const metaqnn::Error&) {
  }
  return 0;
}
