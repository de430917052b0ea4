// A table as it was read, whatever the form of its file: texts in rows, under named columns.
//
//   DataFrame frame = read_data_frame("runs.csv");
//   frame.cell(0, frame.column("val_loss"));      // "0.0769"
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "metaqnn/datasets/logs/log.h"

namespace metaqnn::datasets {

// A row that is left out, and why.
struct RowProblem {
  int64_t line;
  std::string why;
};

class DataFrame {
 public:
  explicit DataFrame(std::string name) : source(std::move(name)) {}
  DataFrame(DataFrame&&) = default;  // cells refer to what it keeps
  DataFrame& operator=(DataFrame&&) = default;

  std::string source;  // for messages
  std::vector<std::string> names;
  std::vector<RowProblem> problems;  // lines that are no rows of it
  std::vector<std::string> remarks;  // what else was found, one line each
  bool decimal_comma = false;        // numbers may be written so
  // What the form itself says: the columns of target and state ("" where it does not), those that
  // describe a network; of which columns less or more is better, and of which it has to be told;
  // other names of columns.
  std::string target, state;
  std::vector<std::string> features;
  std::map<std::string, Direction> directions;
  std::set<std::string> undirected;
  std::map<std::string, std::string> aliases;

  size_t rows() const { return lines_.size(); }
  // Outer white space as in the file; "" for column -1.
  std::string_view cell(size_t row, int column) const {
    return column < 0 ? std::string_view()
                      : cells_[row * names.size() + static_cast<size_t>(column)];
  }
  int64_t line(size_t row) const { return lines_[row]; }
  // Index of a column, or -1.
  int column(std::string_view name) const;
  std::string listed_columns() const;

  // The text lives as long as the frame.
  std::string_view keep(std::string text) { return kept_.emplace_back(std::move(text)); }
  // `cells`: one for each name, of kept texts.
  void add_row(int64_t line, const std::vector<std::string_view>& cells);
  void drop_column(size_t column);
  // `change(cell)` on each.
  template <typename Change>
  void for_each_cell(Change change) {
    for (std::string_view& cell : cells_) change(cell);
  }

 private:
  std::deque<std::string> kept_;  // whose elements stay where they are
  std::vector<std::string_view> cells_;
  std::vector<int64_t> lines_;
};

// Rows whose columns become known as they come: what is not set is "".
class RowsByName {
 public:
  void begin_row(int64_t line) { rows_.push_back({line, {}}); }
  void set(const std::string& name, std::string value);
  size_t rows() const { return rows_.size(); }
  void drop_row() { rows_.pop_back(); }
  DataFrame frame(std::string source) &&;

 private:
  struct Row {
    int64_t line;
    std::vector<std::pair<size_t, std::string>> cells;
  };
  std::vector<std::string> names_;
  std::unordered_map<std::string, size_t> places_;
  std::vector<Row> rows_;
};

// ---- What a cell holds ----

// "", or one of the words for no value: nan, null, none, NA, N/A.
bool is_blank(std::string_view cell);
// "0.92", "+1e-3", "inf", "92.31%" (92.31), "0.92 ± 0.002" (0.92); with a decimal comma also
// "0,92". None where it is anything else, or no number ("nan").
std::optional<double> number_in(std::string_view cell, bool decimal_comma = false);

}  // namespace metaqnn::datasets
