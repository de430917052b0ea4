#include "metaqnn/datasets/logs/log.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <ostream>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <unordered_set>
#include <utility>

#include "base/foreign_text.h"
#include "base/names.h"
#include "datasets/logs/csv.h"
#include "datasets/logs/fields.h"
#include "metaqnn/base/error.h"

namespace metaqnn::datasets {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr std::string_view kNotLearning = "not learning";

enum class Format { own, curves, replay, table };

// What is wrong with one row. Never leaves this file: read_log() turns it into a line of
// `problems`.
class RowProblem : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Columns are indices; -1 where the file does not have it.
struct EpochColumns {
  int training_loss = -1, training_accuracy = -1, validation_loss = -1, validation_accuracy = -1;
};

struct Columns {
  Format format = Format::table;
  int architecture = -1;
  int target = -1;  // -1: the best of the curve
  bool target_is_named = false;
  int state = -1, reason = -1, samples = -1, best_iteration = -1, sequence = -1;
  std::map<std::string_view, int> fields;  // by their names in datasets/logs/fields.h
  std::vector<EpochColumns> epochs;
};

// ---- Fields ----

template <typename Number>
std::optional<Number> parsed(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  Number number{};
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

// NaN, in whatever spelling, is no number.
std::optional<double> parsed_real(std::string_view text) {
  const std::optional<double> number = parsed<double>(trimmed(text));
  return number && !std::isnan(*number) ? number : std::nullopt;
}

// Whole numbers also in the form 370112.0, as pandas writes them.
std::optional<int64_t> parsed_whole(std::string_view text) {
  constexpr double largest_exact = 9007199254740992.0;  // 2^53
  if (const auto number = parsed<int64_t>(trimmed(text))) return number;
  const std::optional<double> real = parsed_real(text);
  if (!real || std::abs(*real) > largest_exact || *real != std::trunc(*real)) return std::nullopt;
  return static_cast<int64_t>(*real);
}

// The fields of one row by column, each error naming the column.
class Fields {
 public:
  Fields(const Csv& csv, const CsvRow& row) : csv_(csv), row_(row) {}

  std::string_view text(int column) const {
    return column < 0 ? std::string_view() : std::string_view(row_.fields[column]);
  }

  std::optional<double> real(int column) const {
    if (trimmed(text(column)).empty()) return std::nullopt;
    const std::optional<double> number = parsed_real(text(column));
    if (!number) reject(column, quoted(column) + " is not a number");
    return number;
  }

  std::optional<int64_t> whole(int column) const {
    if (trimmed(text(column)).empty()) return std::nullopt;
    const std::optional<int64_t> number = parsed_whole(text(column));
    if (!number) reject(column, quoted(column) + " is not a whole number");
    return number;
  }

  void read(int column, std::optional<double>& value) const { value = real(column); }
  void read(int column, std::optional<int64_t>& value) const { value = whole(column); }
  void read(int column, std::string& value) const { value = std::string(text(column)); }

  std::optional<double> fraction(int column, const std::string& meaning) const {
    const std::optional<double> number = real(column);
    if (number && (*number < 0 || *number > 1)) {
      reject(column, meaning + " " + csv_number(*number) + " is outside [0, 1]");
    }
    return number;
  }

  // Whole numbers separated by spaces.
  std::vector<int64_t> whole_list(int column) const {
    std::vector<int64_t> numbers;
    std::string_view rest = trimmed(text(column));
    while (!rest.empty()) {
      const std::string_view word = rest.substr(0, rest.find(' '));
      const std::optional<int64_t> number = parsed_whole(word);
      if (!number) reject(column, quoted(column) + " is not a list of whole numbers");
      numbers.push_back(*number);
      rest = trimmed(rest.substr(word.size()));
    }
    return numbers;
  }

  [[noreturn]] void reject(int column, const std::string& rule) const {
    throw RowProblem(shown(csv_.header[column]) + ": " + rule);
  }

 private:
  std::string quoted(int column) const { return "'" + shown(trimmed(text(column))) + "'"; }

  const Csv& csv_;
  const CsvRow& row_;
};

// ---- The header ----

std::string listed_columns(const Csv& csv) {
  constexpr size_t most = 40;
  std::string list;
  for (size_t i = 0; i < std::min(most, csv.header.size()); ++i) {
    list += (i == 0 ? "" : ", ") + shown(csv.header[i]);
  }
  if (csv.header.size() > most) list += ", ... (" + std::to_string(csv.header.size()) + " in all)";
  return list;
}

int named_column(const Csv& csv, const std::string& source, const std::string& name,
                 const std::string& purpose) {
  const int column = csv.column(name);
  if (column >= 0) return column;
  const std::string nearest = nearest_name(name, csv.header);
  throw UsageError(source + " has no column '" + shown(name) + "' for the " + purpose +
                   (nearest.empty() ? "" : "; did you mean '" + shown(nearest) + "'?") +
                   " It has the columns: " + listed_columns(csv));
}

int architecture_column(const Csv& csv, const std::string& source, const LogOptions& options) {
  if (!options.architecture_column.empty()) {
    return named_column(csv, source, options.architecture_column, "architecture");
  }
  const int column = std::max(csv.column("net"), csv.column("architecture"));
  if (column >= 0) return column;
  throw DataError(source +
                  " has no column 'net' or 'architecture'; name the architecture column. It has "
                  "the columns: " +
                  listed_columns(csv));
}

Format recognised_format(const Csv& csv) {
  const auto has = [&](std::string_view name) { return csv.column(name) >= 0; };
  if (has("state") && has("validation_accuracy")) return Format::own;
  if (has("accuracy_best_val") && has("iter_best_val")) return Format::replay;
  if (has("acc_1")) return Format::curves;
  return Format::table;
}

std::vector<EpochColumns> curve_columns(const Csv& csv) {
  std::vector<EpochColumns> epochs;
  for (int column; (column = csv.column("acc_" + std::to_string(epochs.size() + 1))) >= 0;) {
    epochs.push_back({.validation_accuracy = column});
  }
  return epochs;
}

std::vector<EpochColumns> own_curve_columns(const Csv& csv) {
  std::vector<EpochColumns> epochs;
  while (true) {
    const std::string suffix = "_" + std::to_string(epochs.size() + 1);
    const EpochColumns epoch{
        csv.column("training_loss" + suffix), csv.column("training_accuracy" + suffix),
        csv.column("validation_loss" + suffix), csv.column("val_acc" + suffix)};
    if (std::max({epoch.training_loss, epoch.training_accuracy, epoch.validation_loss,
                  epoch.validation_accuracy}) < 0) {
      return epochs;
    }
    epochs.push_back(epoch);
  }
}

void find_own_columns(const Csv& csv, Columns& columns) {
  columns.target = csv.column("validation_accuracy");
  columns.state = csv.column("state");
  columns.reason = csv.column("reason");
  for_each_field(LogRow(),
                 [&](const char* name, const auto&) { columns.fields[name] = csv.column(name); });
  columns.samples = csv.column("samples");
  columns.epochs = own_curve_columns(csv);
}

void find_format_columns(const Csv& csv, Columns& columns) {
  switch (columns.format) {
    case Format::own:
      find_own_columns(csv, columns);
      break;
    case Format::curves:
      columns.fields["parameters"] = csv.column("num_params");
      columns.fields["learning_rate"] = csv.column("lr");
      columns.epochs = curve_columns(csv);
      break;
    case Format::replay:
      columns.target = csv.column("accuracy_best_val");
      columns.best_iteration = csv.column("iter_best_val");
      columns.fields["epsilon"] = csv.column("epsilon");
      columns.sequence = csv.column("ix_q_value_update");
      break;
    case Format::table:
      break;
  }
}

// A column without any number was named by mistake: say so once instead of once per row.
void require_numbers(const Csv& csv, const std::string& source, int column) {
  const auto has_number = [column](const CsvRow& row) {
    return static_cast<size_t>(column) < row.fields.size() && parsed_real(row.fields[column]);
  };
  if (csv.rows.empty() || std::any_of(csv.rows.begin(), csv.rows.end(), has_number)) return;
  throw UsageError(source + ": the column '" + shown(csv.header[column]) +
                   "' holds no number; name a numeric column as the target. It has the columns: " +
                   listed_columns(csv));
}

Columns find_columns(const Csv& csv, const std::string& source, const LogOptions& options) {
  Columns columns;
  columns.architecture = architecture_column(csv, source, options);
  columns.format = recognised_format(csv);
  find_format_columns(csv, columns);
  if (!options.target.empty()) {
    columns.target = named_column(csv, source, options.target, "target");
    columns.target_is_named = true;
    require_numbers(csv, source, columns.target);
  } else if (columns.format == Format::table) {
    throw UsageError(source + " is a table without a target of its own; name the target column. " +
                     "It has the columns: " + listed_columns(csv));
  }
  return columns;
}

// ---- Rows ----

EpochResult read_epoch(const Fields& fields, const EpochColumns& columns) {
  return {fields.real(columns.training_loss).value_or(kUnknown),
          fields.fraction(columns.training_accuracy, "training accuracy").value_or(kUnknown),
          fields.real(columns.validation_loss).value_or(kUnknown),
          fields.fraction(columns.validation_accuracy, "validation accuracy").value_or(kUnknown)};
}

bool is_unknown(const EpochResult& epoch) {
  return std::isnan(epoch.training_loss) && std::isnan(epoch.training_accuracy) &&
         std::isnan(epoch.validation_loss) && std::isnan(epoch.validation_accuracy);
}

std::vector<EpochResult> read_curve(const Fields& fields, const Columns& columns) {
  std::vector<EpochResult> curve;
  curve.reserve(columns.epochs.size());
  for (const EpochColumns& epoch : columns.epochs) curve.push_back(read_epoch(fields, epoch));
  while (!curve.empty() && is_unknown(curve.back())) curve.pop_back();
  return curve;
}

// Index of the epoch with the best validation accuracy, the first of equals; none where no epoch
// has one.
std::optional<size_t> best_epoch(const std::vector<EpochResult>& curve) {
  std::optional<size_t> best;
  for (size_t i = 0; i < curve.size(); ++i) {
    if (std::isnan(curve[i].validation_accuracy)) continue;
    if (!best || curve[i].validation_accuracy > curve[*best].validation_accuracy) best = i;
  }
  return best;
}

std::optional<double> read_target(const Fields& fields, const Columns& columns,
                                  const std::vector<EpochResult>& curve) {
  if (columns.target >= 0) {
    const std::string meaning = columns.target_is_named ? "target" : "validation accuracy";
    return fields.fraction(columns.target, meaning);
  }
  const std::optional<size_t> best = best_epoch(curve);
  if (!best) return std::nullopt;
  return curve[*best].validation_accuracy;
}

void read_state(const Fields& fields, const Columns& columns, LogRow& row) {
  if (columns.state >= 0) {
    row.state = std::string(trimmed(fields.text(columns.state)));
    row.reason = std::string(fields.text(columns.reason));
    if (row.state != "complete" && row.state != "failed" && row.state != "waiting" &&
        row.state != "running") {
      fields.reject(columns.state,
                    "'" + shown(row.state) + "' is none of complete, failed, waiting, running");
    }
  } else if (fields.real(columns.best_iteration) == 0.0) {
    row.state = "failed";
    row.reason = kNotLearning;
  }
}

void require_fields(const Csv& csv, const CsvRow& row) {
  const bool is_empty = std::all_of(row.fields.begin(), row.fields.end(),
                                    [](const auto& field) { return trimmed(field).empty(); });
  if (is_empty) throw RowProblem("the row is empty");
  if (row.fields.size() == csv.header.size()) return;
  throw RowProblem("the row has " + std::to_string(row.fields.size()) + " fields and the header " +
                   std::to_string(csv.header.size()) +
                   "; a field that holds a comma has to be in quotes");
}

LogRow read_row(const Csv& csv, const CsvRow& csv_row, const Columns& columns) {
  require_fields(csv, csv_row);
  const Fields fields(csv, csv_row);
  LogRow row;
  row.line = csv_row.line;
  row.architecture = std::string(trimmed(fields.text(columns.architecture)));
  if (row.architecture.empty()) fields.reject(columns.architecture, "the architecture is missing");
  row.curve = read_curve(fields, columns);
  row.accuracy = read_target(fields, columns, row.curve);
  read_state(fields, columns, row);
  if (row.state == "waiting" || row.state == "running") row.accuracy.reset();  // not its last
  if (row.state == "complete" && !row.accuracy) {
    const int column = columns.target >= 0 ? columns.target : columns.epochs[0].validation_accuracy;
    fields.reject(column, columns.target_is_named ? "the target is missing"
                                                  : "the validation accuracy is missing");
  }
  for_each_field(row, [&](const char* name, auto& value) {
    const auto column = columns.fields.find(name);
    if (column != columns.fields.end()) fields.read(column->second, value);
  });
  row.samples = fields.whole_list(columns.samples);
  if (const auto sequence = fields.whole(columns.sequence)) row.samples = {*sequence};
  return row;
}

// Keeps the sequence numbers of a replay log where they are one, else numbers the rows.
void settle_samples(std::vector<LogRow>& rows) {
  std::unordered_set<int64_t> seen;
  const bool numbers_rows = std::all_of(rows.begin(), rows.end(), [&](const LogRow& row) {
    return !row.samples.empty() && row.samples[0] >= 1 && seen.insert(row.samples[0]).second;
  });
  if (numbers_rows) return;
  for (size_t i = 0; i < rows.size(); ++i) rows[i].samples = {static_cast<int64_t>(i) + 1};
}

// ---- Writing ----

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

void write_log_header(size_t epochs, std::ostream& out) {
  Line line(out);
  for (const char* name : {"number", "architecture", "state", "reason", "validation_accuracy"})
    line << name;
  for_each_field(LogRow(), [&](const char* name, const auto&) { line << name; });
  line << "samples";
  for (const CurveColumn& column : kCurveColumns) {
    for (size_t i = 1; i <= epochs; ++i) line << std::string(column.prefix) + std::to_string(i);
  }
}

void write_log_row(const LogRow& row, int64_t number, size_t epochs, std::ostream& out) {
  Line line(out);
  line << number << row.architecture << row.state << row.reason << row.accuracy;
  for_each_field(row, [&](const char*, const auto& value) { line << value; });
  line << joined(row.samples);
  for (const CurveColumn& column : kCurveColumns) {
    for (size_t i = 0; i < epochs; ++i) {
      line << (i < row.curve.size() ? row.curve[i].*column.value : kUnknown);
    }
  }
}

bool has_replay_form(const LogRow& row) {
  const bool rewarded =
      row.state == "complete" || (row.failed() && row.reason.starts_with(kNotLearning));
  return rewarded && row.accuracy;
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
  double last_accuracy = *row.accuracy;
  int64_t best_iteration = 0, last_iteration = 0;
  if (!row.failed()) {
    // Iteration 0 means failure in this form, so a network whose curve is unknown gets 1.
    best_iteration = static_cast<int64_t>(best_epoch(row.curve).value_or(0)) + 1;
    last_iteration = std::max<int64_t>(1, static_cast<int64_t>(row.curve.size()));
    if (!row.curve.empty() && !std::isnan(row.curve.back().validation_accuracy)) {
      last_accuracy = row.curve.back().validation_accuracy;
    }
  }
  Line(out) << row.architecture << row.accuracy << best_iteration << last_accuracy << last_iteration
            << "-1.0"
            << "-1.0" << sequence << row.epsilon << "0.0"
            << "unknown";
}

}  // namespace

Log read_log(const std::filesystem::path& file, const LogOptions& options) {
  Csv csv = read_csv(file);
  Log log;
  log.source = file.string();
  const Columns columns = find_columns(csv, log.source, options);
  if (columns.format == Format::own || columns.format == Format::replay) remove_guards(csv);
  log.rows.reserve(csv.rows.size());
  for (const CsvRow& row : csv.rows) {
    try {
      log.rows.push_back(read_row(csv, row, columns));
    } catch (const RowProblem& problem) {
      log.problems.push_back(log.source + ":" + std::to_string(row.line) + ": " + problem.what() +
                             "; row left out");
    }
  }
  if (columns.format == Format::replay) settle_samples(log.rows);
  return log;
}

void write_log_csv(const Log& log, std::ostream& out) {
  size_t epochs = 0;
  for (const LogRow& row : log.rows) epochs = std::max(epochs, row.curve.size());
  write_log_header(epochs, out);
  int64_t number = 0;
  for (const LogRow& row : log.rows) write_log_row(row, ++number, epochs, out);
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
