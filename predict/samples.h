// Which architectures of a log can a predictor learn from, and what are their targets?
//
// Rows that are the same architecture (equal without D, for the grammar, and in the columns that
// describe them) become one sample; where columns alone describe networks, each row is one. Its
// target is the mean of theirs (datasets/logs/merge.h): no split may put one of them into the training
// and another into the test set. Rows that have not finished, and strings that cannot be encoded,
// are left out and told.
//
// A failed row with a value is a network that did not learn (datasets/logs/log.h). Failures
// without one (too large, out of memory, crashed, too slow) say nothing about the accuracy and are
// left out always. What becomes of the others:
//
//   exclude     they are left out too
//   as_chance   their value is their target
//   model       the same, and predictors have two parts: the probability p that a network trains,
//               and its target a if it does; prediction p a + (1 - p) chance
//
//   Samples samples = make_samples(datasets::read_log("log.csv"), {}, Failures::as_chance);
#pragma once

#include <Eigen/Core>
#include <optional>
#include <string>
#include <vector>

#include "metaqnn/datasets/logs/log.h"
#include "metaqnn/datasets/logs/merge.h"
#include "metaqnn/predict/options.h"

namespace metaqnn::predict {

struct Samples {
  std::vector<std::string> architectures;  // canonical, different from each other
  datasets::Measure measure;               // what the targets are
  Eigen::VectorXd targets;                 // n: mean over the rows, failures included
  Eigen::VectorXd trained;                 // n, share of the rows that trained; 1 with exclude
  Eigen::VectorXd trained_targets;         // n, mean over the rows that trained; NaN where none did
  double chance = 0.1;                     // mean target of the rows that did not; 0.1 if none
  std::optional<EncodingSettings> encoding;  // under which they were made; none: filled by hand

  std::vector<std::string> remarks;   // what else was found in the log, one line each
  std::vector<std::string> problems;  // rows left out because of what they hold, one line each
  size_t rows = 0;                    // read, problems not counted
  datasets::MergeCounts merged;       // of the rows with a result
  size_t other_dropout = 0;           // of these, those that differ from the first in D
  size_t not_learning = 0;            // rows that failed with an accuracy
  size_t without_result = 0;          // other failures, and rows that have not finished

  size_t size() const { return architectures.size(); }
  Samples subset(const std::vector<Eigen::Index>& which) const;
  // After these, the others' architectures that are not among them.
  void append(const Samples& others);
};

// How the log's strings are read: as `tokens` says, and where it is "" as most of them look: by the
// grammar if they are ours, else split at | , ; blanks : or -, else as characters; and its columns.
EncodingSettings encoding_for(const datasets::Log& log, const std::string& tokens = "",
                              const std::optional<Shape>& input = std::nullopt);

Samples make_samples(const datasets::Log& log, const EncodingSettings& encoding, Failures failures);

// What is fitted on and saved has passed this. Throws UsageError naming the rule that is broken:
// sizes agree; architectures are canonical under the encoding, which is the one that they were made
// with, and different where they have strings; targets and chance are finite, `trained` lies in [0, 1], and where it is not
// 0 there is an accuracy.
void check(const Samples& samples, const EncodingSettings& encoding);

}  // namespace metaqnn::predict
