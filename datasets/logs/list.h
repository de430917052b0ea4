// Networks that nobody has trained yet, from a file: a list with one a line, or a table.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace metaqnn::datasets {

struct ListedNetwork {
  int64_t line;
  std::string text;  // a string, or described()
};

// Where columns describe networks a table that has them, but need not have the budget; else a table
// with a column net or architecture, or a list. Empty lines are nothing. "-" is standard input.
// Throws DataError where the file cannot be read, UsageError where it lacks a column.
std::vector<ListedNetwork> read_networks(const std::filesystem::path& file, bool have_strings,
                                         const std::vector<std::string>& features,
                                         const std::string& budget);

}  // namespace metaqnn::datasets
