// Brings results from a log into a study: the search then goes on from them, the agent learns from
// them, the predictors fit on them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "metaqnn/datasets/logs/merge.h"
#include "metaqnn/search/space/space.h"
#include "metaqnn/search/study/study.h"

namespace metaqnn::search {

struct ImportReport {
  int64_t trials = 0;  // new in the study
  int64_t samples = 0;
  datasets::MergeCounts merged;
  std::vector<std::string> problems;  // a line for each row that was left out
};

// Adds each row's trial and its samples. Rows of one architecture are one trial, with one result of
// all of them (datasets/logs/merge.h), and each row is a sample of it. Samples take the order of their sequence
// numbers where the log has them, the order of the rows otherwise, so that a study exported and
// imported again continues as it would have. Left out: rows whose architecture is malformed or not
// in the space, that are already in the study, or that have no result. One transaction: all or
// nothing. `measure`: what the study searches for. Throws what as_results() throws.
ImportReport import_log(const datasets::Log& log, const Space& space, Study& study,
                        const datasets::Measure& measure = {});
// The log with values as a study of the measure holds them: fractions where it is the validation
// accuracy (of per cent where the log's unit says so). Throws UsageError where they are others, or
// their direction is another.
datasets::Log as_results(datasets::Log log, const datasets::Measure& measure);

}  // namespace metaqnn::search
