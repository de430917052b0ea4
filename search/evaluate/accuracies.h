// Results of a log as the accuracies that a study holds: fractions, of which more is better.
#pragma once

#include "metaqnn/datasets/logs/log.h"

namespace metaqnn::search {

// Per cent, of a measure whose unit says so, become fractions without a unit; rows whose value is
// none are left out and told.
// Throws UsageError where less is better, or more than a tenth of the values are no fractions.
datasets::Log as_accuracies(datasets::Log log);

}  // namespace metaqnn::search
