// How results look on a terminal: tables that fit it, numbers short enough to read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace metaqnn::cli {

bool is_terminal(int file_descriptor);
// Columns of the terminal on standard output; 0 where it is none, so that nothing is wrapped in a
// pipe.
int terminal_width();

enum class Align { left, right };

// Columns beside each other, `gap` spaces between; the last one wraps between layers to the
// terminal's width.
class Table {
 public:
  struct Column {
    std::string title;
    Align align = Align::left;
  };
  explicit Table(std::vector<Column> columns, size_t gap = 2)
      : columns_(std::move(columns)), gap_(gap) {}
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  std::string render(int width = terminal_width()) const;

 private:
  std::vector<Column> columns_;
  size_t gap_;
  std::vector<std::vector<std::string>> rows_;
};

// "-" where there is none.
std::string fixed(std::optional<double> value, int decimals);
// 1234567 as "1,234,567".
std::string grouped(int64_t value);
// "1 network", "1,234 networks".
std::string plural(int64_t count, const std::string& noun);
// 1.23e+45 of a long number of digits.
std::string scientific(const std::string& digits);
// "12.3 M", "456 k".
std::string short_count(std::optional<int64_t> value);
// "1.2 GiB", "340 MiB".
std::string short_bytes(int64_t bytes);
// "2 h 05 min", "3 min 20 s", "12 s".
std::string duration(double seconds);

// Row-level problems: at most five lines on standard error, then how many more.
void print_problems(const std::vector<std::string>& problems);

}  // namespace metaqnn::cli
