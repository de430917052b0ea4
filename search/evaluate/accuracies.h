// Results of a log as the accuracies that a study holds: fractions, of which more is better.
#pragma once

#include <string>

#include "metaqnn/datasets/logs/log.h"

namespace metaqnn::search {

// Per cent, of a measure whose unit says so, become fractions without a unit; rows whose value is
// none are left out and told.
// Throws UsageError where less is better, or more than a tenth of the values are no fractions;
// `remedy`: what to do where they are per cent.
datasets::Log as_accuracies(datasets::Log log, const std::string& remedy =
                                                   "give --unit percent, or divide the column "
                                                   "by 100");

}  // namespace metaqnn::search
