#include "datasets/logs/data_frame.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <system_error>

#include "base/foreign_text.h"
#include "base/names.h"
#include "metaqnn/base/error.h"

namespace metaqnn::datasets {

int DataFrame::column(std::string_view name) const {
  const auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? -1 : static_cast<int>(found - names.begin());
}

std::string DataFrame::listed_columns() const {
  constexpr size_t most = 40;
  std::string list;
  for (size_t i = 0; i < std::min(most, names.size()); ++i)
    list += (i == 0 ? "" : ", ") + shown(names[i]);
  if (names.size() > most) list += ", ... (" + std::to_string(names.size()) + " in all)";
  return list;
}

void DataFrame::add_row(int64_t line, const std::vector<std::string_view>& cells) {
  METAQNN_ASSERT(cells.size() == names.size(), "a row of " + std::to_string(cells.size()) +
                                                   " cells in a frame of " +
                                                   std::to_string(names.size()) + " columns");
  lines_.push_back(line);
  cells_.insert(cells_.end(), cells.begin(), cells.end());
}

void DataFrame::drop_column(size_t column) {
  const size_t width = names.size();
  size_t kept = 0;
  for (size_t i = 0; i < cells_.size(); ++i) {
    if (i % width != column) cells_[kept++] = cells_[i];
  }
  cells_.resize(kept);
  names.erase(names.begin() + static_cast<std::ptrdiff_t>(column));
}

void RowsByName::set(const std::string& name, std::string value) {
  const auto [place, added] = places_.try_emplace(name, names_.size());
  if (added) names_.push_back(name);
  rows_.back().cells.emplace_back(place->second, std::move(value));
}

DataFrame RowsByName::frame(std::string source) && {
  DataFrame frame(std::move(source));
  frame.names = std::move(names_);
  std::vector<std::string_view> cells;
  for (Row& row : rows_) {
    cells.assign(frame.names.size(), std::string_view());
    for (auto& [column, value] : row.cells) cells[column] = frame.keep(std::move(value));
    frame.add_row(row.line, cells);
  }
  return frame;
}

bool is_blank(std::string_view cell) {
  const std::string_view text = trimmed(cell);
  if (text.empty()) return true;
  if (text.size() > 4) return false;
  std::string lower;
  for (char c : text) lower += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return lower == "nan" || lower == "null" || lower == "none" || lower == "na" || lower == "n/a";
}

namespace {

std::optional<double> plain_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double number = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size() || std::isnan(number))
    return std::nullopt;
  return number;
}

}  // namespace

std::optional<double> number_in(std::string_view cell, bool decimal_comma) {
  std::string_view text = trimmed(cell);
  for (std::string_view spread : {"±", "+/-", "+-"}) {
    const size_t place = text.find(spread);
    if (place != std::string_view::npos && place > 0) text = trimmed(text.substr(0, place));
  }
  if (text.ends_with('%')) text = trimmed(text.substr(0, text.size() - 1));
  if (const auto number = plain_number(text)) return number;
  if (!decimal_comma || std::count(text.begin(), text.end(), ',') != 1) return std::nullopt;
  std::string point(text);
  std::replace(point.begin(), point.end(), ',', '.');
  return plain_number(point);
}

}  // namespace metaqnn::datasets
