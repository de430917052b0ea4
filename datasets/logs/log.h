// A search log: which architectures were tried, and how well did they do? The form in which results
// travel between a study, a CSV file and the predictors.
//
// read_log() recognises, by the header alone:
//   our own export   number,architecture,state,reason,validation_accuracy,...,val_acc_1..n
//   learning curves  net,...,acc_1..acc_n                    (MITAutoML/accelerating_nas)
//   the replay       net,accuracy_best_val,...,epsilon,...   (bowenbaker/metaqnn)
//   any other table  the columns named by LogOptions
#pragma once

#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "metaqnn/base/error.h"

namespace metaqnn::datasets {

// One pass over the training images and the measurements after it.
struct EpochResult {
  double training_loss;        // mean cross-entropy, nats; NaN where unknown
  double training_accuracy;    // fraction; NaN where unknown
  double validation_loss;      // NaN where unknown
  double validation_accuracy;  // fraction
};

struct LogRow {
  int64_t line = 0;          // in the file, 1-based; 0 where there is none
  std::string architecture;  // as written, outer white space removed
  // complete, failed, waiting or running; the last two have no accuracy yet
  std::string state = "complete";
  std::string reason;              // why it failed, e.g. "not learning"
  std::optional<double> accuracy;  // the target: best validation accuracy, a fraction in [0, 1];
                                   // none for most failures
  std::vector<EpochResult> curve;  // may be empty
  std::optional<double> epsilon;
  std::optional<int64_t> parameters, macs, memory_bytes, attempts;
  std::optional<double> learning_rate, seconds, images_per_second;
  std::string origin;            // "" where unknown
  std::vector<int64_t> samples;  // sequence numbers of the walks that reached it, where known

  bool failed() const { return state == "failed"; }
};

struct LogOptions {
  std::string architecture_column;  // "" = net or architecture
  std::string target;               // "" = the format's own; "acc_7" or any numeric column
};

struct Log {
  std::string source;
  std::vector<LogRow> rows;
  std::vector<std::string> problems;  // one line per rejected row: file, line, column, rule
};

// Rows with a problem (a missing architecture, an accuracy outside [0, 1], a wrong number of
// fields) are left out and reported in `problems`; architecture strings are not parsed here,
// because tables of other alphabets are logs too.
//
// The target of each format, where LogOptions names none: our export validation_accuracy; learning
// curves the best of acc_1..acc_n; replay accuracy_best_val; any other table has none. In the
// authors' replay form a best iteration of 0 is a network that did not learn: failed, reason "not
// learning", the accuracy (0.1) kept. Its column ix_q_value_update becomes the row's sample where
// it numbers the rows; in the published log it repeats over all rows of one epsilon, and then the
// samples are 1, 2, 3, ... in the order of the rows kept.
//
// Throws DataError where the file cannot be read or has no usable header, naming the columns it
// has; UsageError where a column that LogOptions names is missing or holds no number, or a table
// needs a target and none is named.
Log read_log(const std::filesystem::path& file, const LogOptions& options = {});

// Our own export, so that read_log() of it gives the same rows (but for `line`). The columns of the
// curve are as many as the longest curve has epochs; epochs of which nothing is known are not kept
// at the end of a curve.
void write_log_csv(const Log& log, std::ostream& out);

// The authors' replay form: one row per sample in the order of sequence; rows of which no sample is
// known follow, once each, in their order. Failures other than "not learning", and trials that have
// not finished, have no reward in this form and are left out.
void write_replay_csv(const Log& log, std::ostream& out);

}  // namespace metaqnn::datasets
