// How do many edit distances run at once, one in each lane of a vector register? This is the part
// of edit_distances() that is compiled for every instruction set and chosen when the program runs.
//
// The recurrence is that of kernels/fixed_point_costs.h. A block of as many columns as there are
// lanes meets one row after another: with the savings laid out for every token of the rows and
// every position of the columns, a cell is one load, one addition and two maxima for all lanes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/fixed_point_costs.h"

namespace metaqnn::kernels {

// Rows that are computed before their distances are written.
constexpr size_t kRowTile = 256;
// Row tokens that are laid out together.
constexpr size_t kTokenGroup = 4;

// The sequences of one side of a result, laid end to end.
struct SequenceBatch {
  std::vector<int> tokens;
  std::vector<size_t> begin{0};       // of each sequence in tokens, and the end of the last
  std::vector<double> alone;          // units: all its tokens deleted, or inserted
  std::vector<std::ptrdiff_t> index;  // row or column of the result
  // In which they are visited, by length: columns, because a block takes the time of its longest;
  // rows within each tile, because the processor then foresees the branches.
  std::vector<size_t> order;

  size_t size() const { return index.size(); }
  size_t length(size_t i) const { return begin[i + 1] - begin[i]; }
};

// Distances from rows to columns, written to result[row index + column index * stride].
struct LaneTask {
  const FixedPointCosts* costs;
  // Tokens of the columns are those of the alphabet. Tokens of the rows are numbers below
  // row_tokens, a multiple of kTokenGroup, so that no time goes into tokens that do not occur.
  // Column token t and row token s save savings[t * row_tokens + s] units, and 0 for t = alphabet.
  const int32_t* savings;
  size_t row_tokens;
  const SequenceBatch* rows;
  size_t first_row, end_row;  // the first is a multiple of kRowTile
  const SequenceBatch* columns;
  size_t first_column, end_column;  // places in their order
  double* result;
  std::ptrdiff_t stride;
};

// In lanes of costs->bits bits.
void run(const LaneTask& task);

}  // namespace metaqnn::kernels
