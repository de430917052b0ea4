// Looks an architecture's result up in a table that others measured: a search without training, in
// seconds.
//
// A row with a value is complete, a row that failed keeps its reason. An architecture without a row
// fails with "error (not in the table ...)", which is neither counted nor rewarded; a search proposes
// only what is there (Evaluator::architectures).
#pragma once

#include <memory>

#include "metaqnn/search/evaluate/evaluator.h"

namespace metaqnn::search {

// Whether the file is where the settings say.
bool is_there(const TableSettings& table);

// Reads the file at once. Throws DataError or UsageError as datasets::read_log does, and UsageError
// where table.file is "", or the objective is the validation accuracy and the target no fraction.
std::unique_ptr<Evaluator> make_table_evaluator(const TableSettings& settings,
                                                const Objective& objective = {});

// What is searched for in the table, where `objective` leaves that open: the target, in the direction
// that its form tells. Where nothing is said of an objective, a target within [0, 1] of which more is
// better is the validation accuracy. Throws as make_table_evaluator(), and UsageError where the
// direction has to be told.
Objective table_objective(const TableSettings& settings, const Objective& objective);

}  // namespace metaqnn::search
