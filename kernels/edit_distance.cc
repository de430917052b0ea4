#include "kernels/edit_distance.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <string>

#include "base/parallel.h"
#include "kernels/edit_distance_lanes.h"
#include "kernels/fixed_point_costs.h"
#include "metaqnn/base/error.h"

namespace metaqnn::kernels {
namespace {

// A thread takes so many rows and columns at a time.
constexpr size_t kTaskRows = 4 * kRowTile;
constexpr size_t kTaskColumns = 256;
// Where only half is computed, its edge has steps of so many columns; a task has no more.
constexpr size_t kWindow = 256;
static_assert(kWindow <= kTaskColumns);

std::string number(double value) {
  char text[32];
  return std::string(text, std::to_chars(text, text + sizeof(text), value).ptr);
}

[[noreturn]] void fail(const std::string& what, const std::string& rule) {
  throw UsageError("edit costs, " + what + "; " + rule);
}

std::string entry(const std::string& name, Eigen::Index s, Eigen::Index t) {
  return name + "(" + std::to_string(s) + ", " + std::to_string(t) + ")";
}

void check_token_costs(const std::string& name, const Eigen::VectorXd& costs,
                       Eigen::Index alphabet) {
  if (costs.size() != alphabet)
    fail(name + ": " + std::to_string(costs.size()) + " entries",
         "must have one for each of the " + std::to_string(alphabet) + " tokens of insertion");
  for (Eigen::Index t = 0; t < alphabet; ++t) {
    if (!(std::isfinite(costs[t]) && costs[t] > 0))
      fail(name + "(" + std::to_string(t) + "): " + number(costs[t]),
           "must be finite and greater than 0");
  }
}

void check_substitution(const Eigen::MatrixXd& costs, Eigen::Index alphabet) {
  if (costs.rows() != alphabet || costs.cols() != alphabet) {
    const std::string side = std::to_string(alphabet);
    fail("substitution: " + std::to_string(costs.rows()) + " x " + std::to_string(costs.cols()),
         "must be " + side + " x " + side + ", for the tokens of insertion");
  }
  for (Eigen::Index t = 0; t < alphabet; ++t) {
    if (costs(t, t) != 0)
      fail(entry("substitution", t, t) + ": " + number(costs(t, t)),
           "must be 0, since nothing is changed");
    for (Eigen::Index s = 0; s < t; ++s) {
      if (!(std::isfinite(costs(s, t)) && costs(s, t) >= 0))
        fail(entry("substitution", s, t) + ": " + number(costs(s, t)),
             "must be finite and at least 0");
      if (costs(s, t) != costs(t, s))
        fail(entry("substitution", s, t) + ": " + number(costs(s, t)),
             "must equal " + entry("substitution", t, s) + ", which is " + number(costs(t, s)));
    }
  }
}

void check_costs(const EditCosts& costs) {
  const Eigen::Index alphabet = costs.insertion.size();
  if (alphabet == 0) fail("insertion: no entries", "an alphabet has at least one token");
  check_token_costs("insertion", costs.insertion, alphabet);
  check_token_costs("deletion", costs.deletion, alphabet);
  check_substitution(costs.substitution, alphabet);
}

[[noreturn]] void fail_token(const std::string& sequence, size_t position, int token,
                             int alphabet) {
  throw UsageError("edit distance, " + sequence + ", position " + std::to_string(position) +
                   " (from 0): token " + std::to_string(token) + "; an alphabet of " +
                   std::to_string(alphabet) + " tokens has 0 to " + std::to_string(alphabet - 1));
}

// Where the first token outside the alphabet stands, or the length.
size_t first_outside(const Tokens& tokens, int alphabet) {
  size_t i = 0;
  while (i < tokens.size() && 0 <= tokens[i] && tokens[i] < alphabet) ++i;
  return i;
}

void check_sequences(const std::vector<Tokens>& sequences, const std::string& name, int alphabet) {
  for (size_t i = 0; i < sequences.size(); ++i) {
    const size_t position = first_outside(sequences[i], alphabet);
    if (position < sequences[i].size())
      fail_token(name + ", sequence " + std::to_string(i), position, sequences[i][position],
                 alphabet);
  }
}

double distance(const Tokens& a, const Tokens& b, const EditCosts& costs) {
  std::vector<double> row(b.size() + 1, 0.0);  // D(i, .)
  for (size_t j = 0; j < b.size(); ++j) row[j + 1] = row[j] + costs.insertion[b[j]];
  for (int token : a) {
    double diagonal = row[0];
    row[0] += costs.deletion[token];
    for (size_t j = 0; j < b.size(); ++j) {
      const double substituted = diagonal + costs.substitution(token, b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min(
          {row[j + 1] + costs.deletion[token], row[j] + costs.insertion[b[j]], substituted});
    }
  }
  return row.back();
}

SequenceBatch make_batch(const std::vector<Tokens>& sequences, const std::vector<size_t>& chosen,
                         const std::vector<double>& units) {
  SequenceBatch batch;
  for (size_t i : chosen) {
    double alone = 0;
    for (int token : sequences[i]) alone += units[static_cast<size_t>(token)];
    batch.tokens.insert(batch.tokens.end(), sequences[i].begin(), sequences[i].end());
    batch.begin.push_back(batch.tokens.size());
    batch.alone.push_back(alone);
    batch.index.push_back(static_cast<std::ptrdiff_t>(i));
  }
  batch.order.resize(batch.size());
  return batch;
}

// Orders sequences first to end - 1 of the batch by length, the longest first: the last block of
// columns, which may have empty lanes, then is the cheapest. A counting sort.
void order_by_length(SequenceBatch& batch, size_t first, size_t end) {
  size_t longest = 0;
  for (size_t i = first; i < end; ++i) longest = std::max(longest, batch.length(i));
  std::vector<size_t> places(longest + 2);  // next place for each longest - length
  for (size_t i = first; i < end; ++i) ++places[longest - batch.length(i) + 1];
  std::partial_sum(places.begin(), places.end(), places.begin());
  for (size_t i = first; i < end; ++i) batch.order[first + places[longest - batch.length(i)]++] = i;
}

// Replaces tokens by their numbers in the list of different ones, which is returned.
std::vector<int> number_tokens(std::vector<int>& tokens, int alphabet) {
  std::vector<int> different;
  std::vector<int> numbers(static_cast<size_t>(alphabet), -1);
  for (int& token : tokens) {
    int& number = numbers[static_cast<size_t>(token)];
    if (number < 0) {
      number = static_cast<int>(different.size());
      different.push_back(token);
    }
    token = number;
  }
  return different;
}

// LaneTask::savings for row tokens so numbered, and how many there are with the padding.
struct SavingsTable {
  std::vector<int32_t> savings;
  size_t row_tokens;
};

SavingsTable make_savings_table(const FixedPointCosts& costs, const std::vector<int>& row_tokens) {
  const size_t padded = (row_tokens.size() + kTokenGroup - 1) / kTokenGroup * kTokenGroup;
  SavingsTable table{std::vector<int32_t>(padded * static_cast<size_t>(costs.alphabet + 1)),
                     padded};
  auto to = table.savings.begin();
  for (int t = 0; t < costs.alphabet; ++t, to += static_cast<std::ptrdiff_t>(padded))
    std::transform(row_tokens.begin(), row_tokens.end(), to,
                   [&](int s) { return costs.saving(s, t); });
  return table;
}

// All pairs of rows and columns. Sequences that the same formats serve make a class; the columns of
// each class meet the rows in the narrowest format that serves both.
class AllPairs {
 public:
  // Symmetric: rows and columns are the same, and so are deletion and insertion.
  AllPairs(const std::vector<Tokens>& rows, const std::vector<Tokens>& columns,
           const EditCosts& costs, int threads, bool symmetric)
      : rows_(rows),
        columns_(columns),
        costs_(costs),
        threads_(threads),
        symmetric_(symmetric),
        formats_(fixed_point_formats(costs)),
        result_(static_cast<Eigen::Index>(rows.size()), static_cast<Eigen::Index>(columns.size())) {
  }

  Eigen::MatrixXd run() {
    std::vector<std::vector<size_t>> classes(formats_.size() + 1);
    for (size_t i = 0; i < columns_.size(); ++i) {
      const size_t length = columns_[i].size();
      classes[narrowest_format(formats_, length, length)].push_back(i);
    }
    for (const std::vector<size_t>& columns : classes)
      if (!columns.empty()) run_class(columns);
    return std::move(result_);
  }

 private:
  void run_class(const std::vector<size_t>& columns) {
    const size_t column_length = columns_[columns[0]].size();
    std::vector<std::vector<size_t>> rows(formats_.size() + 1);
    for (size_t i = 0; i < rows_.size(); ++i)
      rows[narrowest_format(formats_, rows_[i].size(), column_length)].push_back(i);
    for (size_t k = 0; k < formats_.size(); ++k)
      if (!rows[k].empty()) run_in_lanes(formats_[k], rows[k], columns);
    if (!rows.back().empty()) run_one_by_one(rows.back(), columns);
  }

  void run_in_lanes(const FixedPointCosts& format, const std::vector<size_t>& row_indices,
                    const std::vector<size_t>& column_indices) {
    SequenceBatch rows = make_batch(rows_, row_indices, format.deletion);
    SequenceBatch columns = make_batch(columns_, column_indices, format.insertion);
    const SavingsTable table =
        make_savings_table(format, number_tokens(rows.tokens, format.alphabet));
    for (size_t row = 0; row < rows.size(); row += kRowTile)
      order_by_length(rows, row, std::min(row + kRowTile, rows.size()));

    std::vector<LaneTask> tasks;
    const auto add_tasks = [&](size_t end_row, size_t first_column, size_t end_column) {
      order_by_length(columns, first_column, end_column);
      for (size_t column = first_column; column < end_column; column += kTaskColumns)
        for (size_t row = 0; row < end_row; row += kTaskRows)
          tasks.push_back({&format, table.savings.data(), table.row_tokens, &rows, row,
                           std::min(row + kTaskRows, end_row), &columns, column,
                           std::min(column + kTaskColumns, end_column), result_.data(),
                           result_.rows()});
    };
    if (symmetric_) {
      // Columns meet the rows up to the end of their window.
      for (size_t first = 0, end; first < columns.size(); first = end) {
        const size_t window_end = first_of_window(column_indices[first]) + kWindow;
        end = first_not_below(column_indices, window_end);
        add_tasks(first_not_below(row_indices, window_end), first, end);
      }
    } else {
      add_tasks(rows.size(), 0, columns.size());
    }
    std::reverse(tasks.begin(), tasks.end());  // the largest first
    parallel_for(static_cast<Eigen::Index>(tasks.size()), threads_, [&](Eigen::Index i) {
      const LaneTask& task = tasks[static_cast<size_t>(i)];
      kernels::run(task);
      if (symmetric_) mirror(task, row_indices, column_indices);
    });
  }

  static size_t first_of_window(size_t index) { return index / kWindow * kWindow; }

  // The place of the first index that is not below the bound.
  static size_t first_not_below(const std::vector<size_t>& indices, size_t bound) {
    return static_cast<size_t>(std::lower_bound(indices.begin(), indices.end(), bound) -
                               indices.begin());
  }

  // Copies what a task computed across the diagonal, but for the window's own square on it, which
  // its tasks compute whole.
  void mirror(const LaneTask& task, const std::vector<size_t>& rows,
              const std::vector<size_t>& columns) {
    constexpr size_t kLine = 8;  // doubles of a line of the cache
    const size_t square = first_not_below(rows, first_of_window(columns[task.first_column]));
    const size_t end_row = std::min(task.end_row, square);
    for (size_t first = task.first_row; first < end_row; first += kLine) {
      for (size_t j = task.first_column; j < task.end_column; ++j) {
        const auto column = static_cast<Eigen::Index>(columns[j]);
        for (size_t i = first; i < std::min(first + kLine, end_row); ++i) {
          const auto row = static_cast<Eigen::Index>(rows[i]);
          result_(column, row) = result_(row, column);
        }
      }
    }
  }

  void run_one_by_one(const std::vector<size_t>& rows, const std::vector<size_t>& columns) {
    parallel_for(static_cast<Eigen::Index>(columns.size()), threads_, [&](Eigen::Index place) {
      const size_t j = columns[static_cast<size_t>(place)];
      const auto column = static_cast<Eigen::Index>(j);
      for (size_t i : rows) {
        if (symmetric_ && i > j) break;
        const auto row = static_cast<Eigen::Index>(i);
        result_(row, column) = distance(rows_[i], columns_[j], costs_);
        if (symmetric_) result_(column, row) = result_(row, column);
      }
    });
  }

  const std::vector<Tokens>& rows_;
  const std::vector<Tokens>& columns_;
  const EditCosts& costs_;
  const int threads_;
  const bool symmetric_;
  const std::vector<FixedPointCosts> formats_;
  Eigen::MatrixXd result_;
};

void check_threads(int threads) {
  if (threads < 1)
    throw UsageError("edit distance: " + std::to_string(threads) + " threads; give at least 1");
}

}  // namespace

Eigen::MatrixXd edit_distances(const std::vector<Tokens>& rows, const std::vector<Tokens>& columns,
                               const EditCosts& costs, int threads) {
  check_costs(costs);
  check_threads(threads);
  check_sequences(rows, "rows", costs.alphabet());
  check_sequences(columns, "columns", costs.alphabet());
  return AllPairs(rows, columns, costs, threads, false).run();
}

Eigen::MatrixXd edit_distances(const std::vector<Tokens>& sequences, const EditCosts& costs,
                               int threads) {
  check_costs(costs);
  check_threads(threads);
  check_sequences(sequences, "sequences", costs.alphabet());
  return AllPairs(sequences, sequences, costs, threads, costs.insertion == costs.deletion).run();
}

}  // namespace metaqnn::kernels
