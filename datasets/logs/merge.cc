#include "metaqnn/datasets/logs/merge.h"

#include <algorithm>

#include "metaqnn/base/error.h"

namespace metaqnn::datasets {
namespace {

// The larger the more a row counts for.
int weight(const LogRow& row) {
  if (row.value) return row.failed() ? 2 : 3;
  return row.failed() ? 1 : 0;
}

}  // namespace

void Measurements::add(const LogRow& row) {
  if (!row.value) return;
  if (count() == 0) first = *row.value;
  const bool both = row.failed() ? learned > 0 : not_learning > 0;
  disagree = disagree || both || *row.value != first;
  (row.failed() ? not_learning : learned) += 1;
  (row.failed() ? chance : accuracy) += *row.value;
}

MergedRow merge(const std::vector<LogRow>& rows) {
  METAQNN_ASSERT(!rows.empty(), "no rows to merge");
  MergedRow merged;
  for (const LogRow& row : rows) merged.results.add(row);
  merged.row = *std::max_element(rows.begin(), rows.end(), [](const LogRow& a, const LogRow& b) {
    return weight(a) < weight(b);
  });
  if (merged.results.disagree) {
    merged.row.value = merged.results.mean();
    merged.row.curve.clear();
  }
  return merged;
}

void MergeCounts::add(size_t rows_of_it, const Measurements& results) {
  if (rows_of_it < 2) return;
  rows += static_cast<int64_t>(rows_of_it) - 1;
  ++architectures;
  if (results.disagree) ++disagreeing;
}

std::string MergeCounts::words() const {
  if (rows == 0) return "";
  return std::to_string(rows) + (rows == 1 ? " row repeats " : " rows repeat ") +
         std::to_string(architectures) + (architectures == 1 ? " network" : " networks") +
         (disagreeing == 0
              ? ", with the same results"
              : ", whose results differ in " + std::to_string(disagreeing) + ": the mean counts");
}

}  // namespace metaqnn::datasets
