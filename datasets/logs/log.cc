#include "metaqnn/datasets/logs/log.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <unordered_set>

#include "base/foreign_text.h"
#include "base/names.h"
#include "base/numbers.h"
#include "datasets/logs/columns.h"
#include "datasets/logs/csv.h"
#include "datasets/logs/curve.h"
#include "datasets/logs/data_frame.h"
#include "datasets/logs/fields.h"
#include "datasets/logs/make_log.h"
#include "datasets/logs/read_frame.h"
#include "metaqnn/base/error.h"

namespace metaqnn::datasets {
namespace {

// Of the rows with a value, the share of which may be left out with a word.
constexpr double kMostLeftOut = 0.1;

// What is wrong with one row. Never leaves this file: make_log() turns it into a line of `problems`.
class Rejected : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};
// The same of its target.
class BadValue : public Rejected {
 public:
  using Rejected::Rejected;
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
  Fields(const DataFrame& frame, size_t row) : frame_(frame), row_(row) {}

  std::string_view text(int column) const { return frame_.cell(row_, column); }

  std::optional<double> real(int column) const {
    if (trimmed(text(column)).empty()) return std::nullopt;
    const std::optional<double> number = number_in(text(column), frame_.decimal_comma);
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

  // Of one, or of a hundred where `scale` is that.
  std::optional<double> fraction(int column, const std::string& meaning, double scale) const {
    const std::optional<double> number = real(column);
    if (!number || !std::isfinite(*number)) return number;
    if (*number < 0 || *number > scale) {
      reject(column,
             meaning + " " + csv_number(*number) + " is outside [0, " + csv_number(scale) + "]");
    }
    return *number / scale;
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
    throw Rejected(shown(frame_.names[static_cast<size_t>(column)]) + ": " + rule);
  }

 private:
  std::string quoted(int column) const { return "'" + shown(trimmed(text(column))) + "'"; }

  const DataFrame& frame_;
  size_t row_;
};

// ---- Rows ----

EpochResult read_epoch(const Fields& fields, const EpochColumns& columns, double scale) {
  return {
      fields.real(columns.training_loss).value_or(kUnknown),
      fields.fraction(columns.training_accuracy, "training accuracy", scale).value_or(kUnknown),
      fields.real(columns.validation_loss).value_or(kUnknown),
      fields.fraction(columns.validation_accuracy, "validation accuracy", scale).value_or(kUnknown),
      fields.real(columns.value).value_or(kUnknown)};
}

bool is_unknown(const EpochResult& epoch) {
  return std::isnan(epoch.training_loss) && std::isnan(epoch.training_accuracy) &&
         std::isnan(epoch.validation_loss) && std::isnan(epoch.validation_accuracy) &&
         std::isnan(epoch.value);
}

std::vector<EpochResult> read_curve(const Fields& fields, const Columns& columns, double scale) {
  std::vector<EpochResult> curve;
  curve.reserve(columns.epochs.size());
  for (const EpochColumns& epoch : columns.epochs)
    curve.push_back(read_epoch(fields, epoch, scale));
  while (!curve.empty() && is_unknown(curve.back())) curve.pop_back();
  return curve;
}

// ---- States ----

// What others call a trial that has its result, and what they call one that did not come to it.
struct Unfinished {
  std::string_view word, state;
};
constexpr std::array<Unfinished, 15> kUnfinished{{{"pruned", "failed"},
                                                  {"fail", "failed"},
                                                  {"failed", "failed"},
                                                  {"error", "failed"},
                                                  {"crashed", "failed"},
                                                  {"killed", "failed"},
                                                  {"stopped", "failed"},
                                                  {"invalid", "failed"},
                                                  {"running", "running"},
                                                  {"waiting", "waiting"},
                                                  {"pending", "waiting"},
                                                  {"scheduled", "waiting"},
                                                  {"queued", "waiting"},
                                                  {"paused", "running"},
                                                  {"idle", "waiting"}}};

std::string lower(std::string_view text) {
  std::string lower;
  for (char c : text) lower += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return lower;
}

void read_own_state(const Fields& fields, const Columns& columns, LogRow& row) {
  row.state = std::string(trimmed(fields.text(columns.state)));
  row.reason = std::string(fields.text(columns.reason));
  if (row.state != "complete" && row.state != "failed" && row.state != "waiting" &&
      row.state != "running" && row.state != "stopped") {
    fields.reject(columns.state, "'" + shown(row.state) +
                                     "' is none of complete, failed, stopped, waiting, running");
  }
}

// A word that nobody knows is no state.
void read_foreign_state(const Fields& fields, const Columns& columns, LogRow& row) {
  const std::string word = lower(trimmed(fields.text(columns.state)));
  const auto found = std::find_if(kUnfinished.begin(), kUnfinished.end(),
                                  [&](const Unfinished& known) { return known.word == word; });
  if (found == kUnfinished.end()) return;
  row.state = found->state;
  row.reason = word;
}

void read_state(const Fields& fields, const Columns& columns, LogRow& row) {
  if (columns.format == Format::own) {
    read_own_state(fields, columns, row);
  } else if (columns.format == Format::table) {
    if (columns.state >= 0) read_foreign_state(fields, columns, row);
  } else if (fields.real(columns.best_iteration) == 0.0) {
    row.state = "failed";
    row.reason = kNotLearning;
  }
}

// ---- Values ----

std::optional<double> read_value(const Fields& fields, const Columns& columns, double scale,
                                 const std::vector<EpochResult>& curve) {
  if (columns.target < 0) {
    const std::optional<size_t> best = best_epoch(curve);
    return best ? std::optional(curve[*best].validation_accuracy) : std::nullopt;
  }
  if (columns.holds_accuracies) return fields.fraction(columns.target, columns.measure.name, scale);
  if (is_blank(fields.text(columns.target))) return std::nullopt;
  return fields.real(columns.target);
}

// What is wrong with a value is counted apart.
void read_measured(const Fields& fields, const Columns& columns, double scale, LogRow& row) {
  try {
    row.curve = read_curve(fields, columns, scale);
    if (columns.format != Format::table || row.state == "complete")
      row.value = read_value(fields, columns, scale, row.curve);
  } catch (const Rejected& problem) {
    throw BadValue(problem.what());
  }
}

// A finished network without a value: what is missing in an accuracy's own format is wrong with the
// row, elsewhere there is no result.
void settle_value(const Fields& fields, const Columns& columns, LogRow& row) {
  if (row.state == "waiting" || row.state == "running") row.value.reset();  // not its last
  if (row.state == "stopped") {
    row.prediction = row.value;
    row.value.reset();
  }
  // A failure that is at chance has a value of the accuracy, and of nothing else.
  const bool is_other = columns.format == Format::table || columns.format == Format::own;
  if (row.failed() && is_other && !columns.holds_accuracies) row.value.reset();
  if (row.value && !std::isfinite(*row.value)) {
    row.value.reset();
    row.state = "failed";
    row.reason = "infinite";
  }
  if (row.state != "complete" || row.value) return;
  if (columns.holds_accuracies) {
    const int column = columns.target >= 0 ? columns.target : columns.epochs[0].validation_accuracy;
    fields.reject(column, "the value is missing");
  }
  row.state = "failed";
  row.reason = "no value";
}

// ---- What describes the network ----

std::string read_network(const DataFrame& frame, const Fields& fields, const Columns& columns) {
  std::optional<std::string> architecture;
  if (columns.architecture >= 0) {
    architecture = trimmed(fields.text(columns.architecture));
    if (architecture->empty()) fields.reject(columns.architecture, "the architecture is missing");
  }
  if (columns.features.empty()) return *architecture;
  std::vector<std::pair<std::string, std::string>> cells;
  for (int column : columns.features) {
    std::string cell(fields.text(column));
    if (frame.decimal_comma) {
      if (const auto number = number_in(cell, true)) cell = csv_number(*number);
    }
    cells.emplace_back(frame.names[static_cast<size_t>(column)], std::move(cell));
  }
  return described(architecture, cells);
}

LogRow read_row(const DataFrame& frame, size_t index, const Columns& columns, double scale) {
  const Fields fields(frame, index);
  LogRow row;
  row.line = frame.line(index);
  row.architecture = read_network(frame, fields, columns);
  read_state(fields, columns, row);
  read_measured(fields, columns, scale, row);
  settle_value(fields, columns, row);
  for_each_field(row, [&](const char* name, auto& value) {
    const auto column = columns.fields.find(name);
    if (column != columns.fields.end()) fields.read(column->second, value);
  });
  for (int column : columns.measures) {
    const auto number = number_in(fields.text(column), frame.decimal_comma);
    if (number && std::isfinite(*number))
      row.measures[frame.names[static_cast<size_t>(column)]] = *number;
  }
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

// ---- The column as a whole ----

// Whether most values of the accuracies are in (1, 100].
bool looks_like_percent(const DataFrame& frame, const Columns& columns) {
  std::vector<int> accuracies{columns.target};
  for (const EpochColumns& epoch : columns.epochs) {
    if (columns.target < 0) accuracies.push_back(epoch.validation_accuracy);
  }
  size_t values = 0, per_cent = 0;
  for (size_t row = 0; row < frame.rows(); ++row) {
    for (int column : accuracies) {
      const auto number = number_in(frame.cell(row, column), frame.decimal_comma);
      if (!number) continue;
      ++values;
      per_cent += *number > 1 && *number <= 100;
    }
  }
  return 2 * per_cent > values;
}

void judge(const DataFrame& frame, const Columns& columns, const Log& log, size_t bad_values,
           const std::string& first_bad) {
  const auto usable = static_cast<size_t>(std::count_if(
      log.rows.begin(), log.rows.end(), [](const LogRow& row) { return row.value.has_value(); }));
  if (static_cast<double>(bad_values) <= kMostLeftOut * static_cast<double>(bad_values + usable))
    return;
  if (columns.holds_accuracies && looks_like_percent(frame, columns)) {
    throw UsageError(frame.source + ": most values of '" + shown(columns.measure.name) +
                     "' are above 1, and accuracies of this form are fractions; give --unit "
                     "percent where they are in per cent");
  }
  throw DataError(
      frame.source + ": " + grouped(static_cast<int64_t>(bad_values)) + " of " +
      plural(static_cast<int64_t>(bad_values + usable), "value") + " of '" +
      shown(columns.measure.name) +
      "' cannot be used, which is more than a tenth; mend them, or name another target. "
      "The first: " +
      first_bad);
}

// "9 complete, 2 pruned, 1 infinite", where not all are complete.
std::string states_of(const std::vector<LogRow>& rows) {
  std::map<std::string, int64_t> counts;
  int64_t complete = 0;
  for (const LogRow& row : rows) {
    if (row.value) {
      ++complete;
    } else {
      ++counts[row.reason.empty() ? row.state : row.reason];
    }
  }
  if (counts.empty()) return "";
  std::string words = grouped(complete) + " with a value";
  for (const auto& [word, count] : counts) words += ", " + grouped(count) + " " + shown(word);
  return words;
}

}  // namespace

Log make_log(DataFrame frame, const LogOptions& options) {
  Columns columns = find_columns(frame, options);
  if (columns.format == Format::own || columns.format == Format::replay) remove_guards(frame);
  Log log;
  log.source = frame.source;
  log.measure = columns.measure;
  log.holds_accuracies = columns.holds_accuracies;
  log.has_strings = columns.architecture >= 0;
  for (int column : columns.features)
    log.features.push_back(frame.names[static_cast<size_t>(column)]);
  if (columns.budget >= 0) log.budget = frame.names[static_cast<size_t>(columns.budget)];
  const double scale = options.unit == "percent" ? 100 : 1;
  std::vector<RowProblem> problems = std::move(frame.problems);
  size_t bad_values = 0;
  std::string first_bad;
  log.rows.reserve(frame.rows());
  for (size_t row = 0; row < frame.rows(); ++row) {
    try {
      log.rows.push_back(read_row(frame, row, columns, scale));
    } catch (const Rejected& problem) {
      problems.push_back({frame.line(row), problem.what()});
      if (dynamic_cast<const BadValue*>(&problem) == nullptr) continue;
      if (++bad_values == 1)
        first_bad = "line " + std::to_string(frame.line(row)) + ", " + problem.what();
    }
  }
  judge(frame, columns, log, bad_values, first_bad);
  std::stable_sort(problems.begin(), problems.end(),
                   [](const RowProblem& a, const RowProblem& b) { return a.line < b.line; });
  for (const RowProblem& problem : problems) {
    log.problems.push_back(log.source + ":" + std::to_string(problem.line) + ": " + problem.why +
                           "; row left out");
  }
  log.remarks = std::move(frame.remarks);
  for (const std::string& remark : columns.remarks)
    log.remarks.push_back(log.source + ": " + remark);
  if (columns.format == Format::replay) settle_samples(log.rows);
  if (columns.format == Format::table) {
    if (const std::string states = states_of(log.rows); !states.empty())
      log.remarks.push_back(log.source + ": " + states);
  }
  return log;
}

Log read_log(const std::filesystem::path& file, const LogOptions& options) {
  return make_log(read_data_frame(file, options), options);
}

}  // namespace metaqnn::datasets
