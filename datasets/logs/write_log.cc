#include <algorithm>
#include <cmath>
#include <iterator>
#include <ostream>
#include <string_view>
#include <utility>
#include <vector>

#include "datasets/logs/csv.h"
#include "datasets/logs/curve.h"
#include "datasets/logs/fields.h"
#include "metaqnn/datasets/logs/log.h"

namespace metaqnn::datasets {
namespace {

// A comma-separated line; the first field has no comma before it.
class Line {
 public:
  explicit Line(std::ostream& out) : out_(out) {}
  ~Line() { out_ << '\n'; }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  Line& operator<<(std::string_view field) { return put(csv_field(field)); }
  Line& operator<<(double number) { return put(csv_number(number)); }
  Line& operator<<(int64_t number) { return put(std::to_string(number)); }
  template <typename Number>
  Line& operator<<(const std::optional<Number>& number) {
    return number ? *this << *number : put("");
  }

 private:
  Line& put(const std::string& field) {
    if (!first_) out_ << ',';
    first_ = false;
    out_ << field;
    return *this;
  }

  std::ostream& out_;
  bool first_ = true;
};

std::string joined(const std::vector<int64_t>& numbers) {
  std::string text;
  for (const int64_t number : numbers) text += (text.empty() ? "" : " ") + std::to_string(number);
  return text;
}

using EpochValue = double EpochResult::*;
struct CurveColumn {
  std::string_view prefix;
  EpochValue value;
};
constexpr CurveColumn kCurveColumns[] = {
    {"training_loss_", &EpochResult::training_loss},
    {"training_accuracy_", &EpochResult::training_accuracy},
    {"validation_loss_", &EpochResult::validation_loss},
    {"val_acc_", &EpochResult::validation_accuracy},
};
constexpr CurveColumn kValueColumn{"value_", &EpochResult::value};

// Of the curves: all but values where nobody has one.
struct CurveColumns {
  std::vector<CurveColumn> columns{std::begin(kCurveColumns), std::end(kCurveColumns)};
  size_t epochs = 0;
};

CurveColumns curve_columns_of(const Log& log) {
  CurveColumns curves;
  bool has_values = false;
  for (const LogRow& row : log.rows) {
    curves.epochs = std::max(curves.epochs, row.curve.size());
    for (const EpochResult& epoch : row.curve) has_values = has_values || !std::isnan(epoch.value);
  }
  if (has_values) curves.columns.push_back(kValueColumn);
  return curves;
}

// Our export of another measure has it in the place of the accuracy, and says its direction.
Measure exported_measure(const Log& log) { return log.holds_accuracies ? Measure() : log.measure; }

void write_log_header(const Measure& measure, const std::vector<std::string>& others,
                      const CurveColumns& curves, std::ostream& out) {
  Line line(out);
  for (const char* name : {"number", "architecture", "state", "reason"}) line << name;
  line << measure.name;
  if (!measure.is_accuracy()) line << "direction";
  for_each_field(LogRow(), [&](const char* name, const auto&) {
    if (name != measure.name) line << name;
  });
  line << "samples";
  for (const std::string& name : others) line << name;
  for (const CurveColumn& column : curves.columns) {
    for (size_t i = 1; i <= curves.epochs; ++i)
      line << std::string(column.prefix) + std::to_string(i);
  }
}

void write_log_row(const LogRow& row, int64_t number, const Measure& measure,
                   const std::vector<std::string>& others, const CurveColumns& curves,
                   std::ostream& out) {
  Line line(out);
  line << number << row.architecture << row.state << row.reason
       << (row.value ? row.value : row.prediction);
  if (!measure.is_accuracy()) line << to_string(measure.direction);
  for_each_field(row, [&](const char* name, const auto& value) {
    if (name != measure.name) line << value;
  });
  line << joined(row.samples);
  for (const std::string& name : others) {
    const auto found = row.measures.find(name);
    line << (found == row.measures.end() ? kUnknown : found->second);
  }
  for (const CurveColumn& column : curves.columns) {
    for (size_t i = 0; i < curves.epochs; ++i) {
      line << (i < row.curve.size() ? row.curve[i].*column.value : kUnknown);
    }
  }
}

bool has_replay_form(const LogRow& row) {
  const bool rewarded =
      row.state == "complete" || (row.failed() && row.reason.starts_with(kNotLearning));
  return rewarded && row.value;
}

// (sequence number, row) in the order of sequence.
std::vector<std::pair<int64_t, const LogRow*>> replayed(const Log& log) {
  std::vector<std::pair<int64_t, const LogRow*>> samples;
  int64_t last = 0;
  for (const LogRow& row : log.rows) {
    for (const int64_t sample : row.samples) {
      last = std::max(last, sample);
      if (has_replay_form(row)) samples.emplace_back(sample, &row);
    }
  }
  for (const LogRow& row : log.rows) {
    if (row.samples.empty() && has_replay_form(row)) samples.emplace_back(++last, &row);
  }
  std::stable_sort(samples.begin(), samples.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  return samples;
}

void write_replay_row(int64_t sequence, const LogRow& row, std::ostream& out) {
  double last_accuracy = *row.value;
  int64_t best_iteration = 0, last_iteration = 0;
  if (!row.failed()) {
    // Iteration 0 means failure in this form, so a network whose curve is unknown gets 1.
    best_iteration = static_cast<int64_t>(best_epoch(row.curve).value_or(0)) + 1;
    last_iteration = std::max<int64_t>(1, static_cast<int64_t>(row.curve.size()));
    if (!row.curve.empty() && !std::isnan(row.curve.back().validation_accuracy)) {
      last_accuracy = row.curve.back().validation_accuracy;
    }
  }
  Line(out) << row.architecture << row.value << best_iteration << last_accuracy << last_iteration
            << "-1.0"
            << "-1.0" << sequence << row.epsilon << "0.0"
            << "unknown";
}

}  // namespace

void write_log_csv(const Log& log, std::ostream& out) {
  const CurveColumns curves = curve_columns_of(log);
  const Measure measure = exported_measure(log);
  const std::vector<std::string> others = other_measures(log.rows, measure.name);
  write_log_header(measure, others, curves, out);
  int64_t number = 0;
  for (const LogRow& row : log.rows) write_log_row(row, ++number, measure, others, curves, out);
}

void write_replay_csv(const Log& log, std::ostream& out) {
  Line(out) << "net"
            << "accuracy_best_val"
            << "iter_best_val"
            << "accuracy_last_val"
            << "iter_last_val"
            << "accuracy_best_test"
            << "accuracy_last_test"
            << "ix_q_value_update"
            << "epsilon"
            << "time_finished"
            << "machine_run_on";
  for (const auto& [sequence, row] : replayed(log)) write_replay_row(sequence, *row, out);
}

}  // namespace metaqnn::datasets
