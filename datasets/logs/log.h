// A search log: which networks were tried, and how well did they do? The form in which results
// travel between a study, a file and the predictors.
//
// What is measured is any finite number in its own unit, and has a direction. What describes a
// network is a string, or several columns, or both. read_log() recognises by its content:
//
//   our own export   number,architecture,state,reason,validation_accuracy,...,val_acc_1..n
//   learning curves  net,...,acc_1..acc_n                    (MITAutoML/accelerating_nas)
//   the replay       net,accuracy_best_val,...,epsilon,...   (bowenbaker/metaqnn)
//   any other table  separated by , ; or tabs, or in JSON, with the columns that LogOptions names
//
// The first three hold accuracies, which are fractions.
//
//   Log log = read_log("runs.csv", {.target = "val_loss", .direction = Direction::minimize});
#pragma once

#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "metaqnn/base/error.h"

namespace metaqnn::datasets {

enum class Direction { maximize, minimize };
// "maximize", "minimize".
std::string to_string(Direction direction);
// Times this, larger is better.
inline double sign_of(Direction direction) { return direction == Direction::maximize ? 1 : -1; }
inline bool is_better(double a, double b, Direction direction) {
  return sign_of(direction) * a > sign_of(direction) * b;
}

// The mean over the classes of the share of each that is told right.
constexpr const char* kBalancedAccuracy = "balanced_accuracy";

struct Measure {
  std::string name = "validation_accuracy";  // of the column
  Direction direction = Direction::maximize;
  std::string unit;  // "percent"; "" where unknown

  // The validation accuracy of a study, under that name.
  bool is_accuracy() const { return name == Measure().name; }
  bool is_fraction() const { return is_accuracy() || name == kBalancedAccuracy; }
  friend bool operator==(const Measure&, const Measure&) = default;
};

// Whether less of what is called so is better: a word of the name is loss, error, latency, energy,
// ... and none is neg. "val_loss", "testError".
bool is_less_better(std::string_view name);

// One pass over the training images and the measurements after it.
struct EpochResult {
  double training_loss;        // mean cross-entropy, nats; NaN where unknown
  double training_accuracy;    // fraction; NaN where unknown
  double validation_loss;      // NaN where unknown
  double validation_accuracy;  // fraction; NaN where unknown
  // What is searched for, where that is not the validation accuracy; NaN where unknown.
  double value = std::numeric_limits<double>::quiet_NaN();
};

struct LogRow {
  int64_t line = 0;          // in the file, 1-based; 0 where there is none
  std::string architecture;  // as written, outer white space removed; or a described() network
  // complete, failed, stopped, waiting or running; the last three have no value
  std::string state = "complete";
  std::string reason;                  // why it failed, e.g. "not learning"
  std::optional<double> value;         // of the measure; none for most failures
  std::optional<double> prediction{};  // of the measure, of a training that was stopped
  std::map<std::string, double>
      measures{};  // of LogOptions.measures, or all that a study measured; finite numbers
  std::vector<EpochResult> curve;  // may be empty
  std::optional<double> epsilon;
  std::optional<int64_t> parameters, macs, memory_bytes, attempts;
  std::optional<double> learning_rate, seconds, images_per_second;
  std::string origin;            // "" where unknown
  std::vector<int64_t> samples;  // sequence numbers of the walks that reached it, where known

  bool failed() const { return state == "failed"; }
};

struct LogOptions {
  // None: net, architecture, or the only column of text. "": no string describes the networks.
  std::optional<std::string> architecture_column{};
  // "": the form's own, or the only column of numbers. "acc_7", or any column of numbers.
  std::string target{};
  // Columns that describe the networks, by name or pattern ("params_*"); none: those that the form
  // or their names (params_lr, config/lr) say.
  std::vector<std::string> features{};
  // Columns that are the same in all rows describe networks too, where those of another log are known by
  // them.
  bool keeps_constant_features = false;
  // Other columns of numbers that are read beside the target.
  std::vector<std::string> measures{};
  // None: what the form says, else maximize unless is_less_better(), where it has to be told.
  std::optional<Direction> direction{};
  std::string unit{};    // "percent": accuracies are in per cent
  std::string budget{};  // column of how long each was trained; "": as the form or its name says
  std::string study_name{};  // of those that an Optuna storage holds
  bool has_header = true;
};

struct Log {
  std::string source;
  Measure measure;
  bool holds_accuracies = false;  // validation accuracies by its form, under whatever name
  std::vector<LogRow> rows;
  std::vector<std::string> features;  // columns that describe the networks beside their strings
  bool has_strings = true;            // networks have a string
  std::string budget;                 // one of the features; "" where there is none
  std::vector<std::string> problems;  // one line per rejected row: file, line, column, rule
  std::vector<std::string> remarks;   // what else was found, one line each
};

// Rows with a problem (a missing architecture, a target that is no number, a wrong number of fields)
// are left out and reported in `problems`; rows that did not finish, have no value or an infinite
// one are failed. Architecture strings are not parsed here, because tables of other alphabets are
// logs too.
//
// The target of each form, where LogOptions names none: our export validation_accuracy; learning
// curves the best of acc_1..acc_n; replay accuracy_best_val; any other table its only column of
// numbers. In the authors' replay form a best iteration of 0 is a network that did not learn:
// failed, reason "not learning", the accuracy (0.1) kept. Its column ix_q_value_update becomes the
// row's sample where it numbers the rows; in the published log it repeats over all rows of one
// epsilon, and then the samples are 1, 2, 3, ... in the order of the rows kept.
//
// Throws DataError where the file cannot be read, has no usable header, or more than a tenth of its
// values cannot be used; UsageError where a column that LogOptions names is missing or holds no
// number, or where one has to be named, or a direction told.
Log read_log(const std::filesystem::path& file, const LogOptions& options = {});

// A network that columns describe, beside its string or alone, as one text: the form in which it
// stands where other networks have a string. Cells that hold nothing (blank, nan) are left out.
//
//   described("[C(64,3,1), SM(10)]", {{"lr", "0.01"}})   // ["[C(64,3,1), SM(10)]",{"lr":0.01}]
//   described(std::nullopt, {{"lr", "0.010"}, {"opt", "adam"}})       // {"lr":0.01,"opt":"adam"}
std::string described(const std::optional<std::string>& architecture,
                      const std::vector<std::pair<std::string, std::string>>& columns);

// Our own export, so that read_log() of it gives the same rows (but for `line`). The columns of the
// curve are as many as the longest curve has epochs; epochs of which nothing is known are not kept
// at the end of a curve.
void write_log_csv(const Log& log, std::ostream& out);

// The authors' replay form: one row per sample in the order of sequence; rows of which no sample is
// known follow, once each, in their order. Failures other than "not learning", and trials that have
// not finished, have no reward in this form and are left out.
void write_replay_csv(const Log& log, std::ostream& out);

}  // namespace metaqnn::datasets
