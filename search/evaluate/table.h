// Looks an architecture's result up in a table that others measured: a search without training, in
// seconds.
//
// A row with an accuracy is complete, a row that failed keeps its reason; an architecture without a
// row fails with "error (not in the table ...)", which is neither counted nor rewarded.
#pragma once

#include <memory>

#include "metaqnn/search/evaluate/evaluator.h"

namespace metaqnn::search {

// Reads the file at once. Throws DataError or UsageError as datasets::read_log does, and UsageError
// where table.file is "".
std::unique_ptr<Evaluator> make_table_evaluator(const TableSettings& settings);

}  // namespace metaqnn::search
