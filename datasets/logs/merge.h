// Several rows of one architecture: what is its result?
//
//   - A result, which is any accuracy, beats a failure without one, and that beats a row that has
//     not finished.
//   - Several results are averaged, those of networks that did not learn among them.
//   - Whether they differ is told: in the accuracy, or in whether the network learned.
//
//   MergedRow merged = merge(rows_of_one_architecture);
//   if (merged.results.disagree) ...
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "metaqnn/datasets/logs/log.h"

namespace metaqnn::datasets {

// Sums over the results of one architecture.
struct Measurements {
  double learned = 0, accuracy = 0;     // rows that are no failures, the sum of their accuracies
  double not_learning = 0, chance = 0;  // failures with an accuracy, the sum of theirs
  double first = 0;                     // accuracy
  bool disagree = false;

  // A row without an accuracy adds nothing.
  void add(const LogRow& row);
  double count() const { return learned + not_learning; }
  // NaN where there are none.
  double mean() const { return (accuracy + chance) / count(); }
};

struct MergedRow {
  // The first of the rows that count, complete where any of them is, with the mean as its accuracy.
  // Its curve only where the results agree: that of one training is not the mean's.
  LogRow row;
  Measurements results;
};

// `rows`: of one architecture in the order of the log, at least one.
MergedRow merge(const std::vector<LogRow>& rows);

// How often that happened in a log.
struct MergeCounts {
  int64_t rows = 0;           // that repeat the architecture of an earlier one
  int64_t architectures = 0;  // that have such rows
  int64_t disagreeing = 0;    // of these, those whose results differ

  // One architecture with so many rows.
  void add(size_t rows_of_it, const Measurements& results);
  // "3 rows repeat 2 networks, whose results differ in 1: the mean counts"; "" where none does.
  std::string words() const;
};

}  // namespace metaqnn::datasets
