#include "datasets/logs/list.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/names.h"
#include "datasets/logs/columns.h"
#include "datasets/logs/csv.h"
#include "datasets/logs/data_frame.h"
#include "datasets/logs/json_frame.h"
#include "datasets/logs/read_frame.h"
#include "metaqnn/datasets/logs/log.h"

namespace metaqnn::datasets {
namespace {

int string_column(const DataFrame& frame) {
  return std::max(frame.column("net"), frame.column("architecture"));
}

std::vector<ListedNetwork> networks_of(const DataFrame& frame, bool have_strings,
                                       const std::vector<std::string>& features,
                                       const std::string& budget) {
  int strings = -1;
  if (have_strings) {
    strings = string_column(frame);
    if (strings < 0) strings = named_column(frame, "architecture", "architecture");
  }
  std::vector<int> columns;
  for (const std::string& name : features) {
    const bool may_lack = name == budget && frame.column(name) < 0;
    columns.push_back(may_lack ? -1 : named_column(frame, name, "model"));
  }
  std::vector<ListedNetwork> networks;
  for (size_t row = 0; row < frame.rows(); ++row) {
    const std::string string(trimmed(frame.cell(row, strings)));
    if (features.empty()) {
      networks.push_back({frame.line(row), string});
      continue;
    }
    std::vector<std::pair<std::string, std::string>> cells;
    for (size_t i = 0; i < features.size(); ++i) {
      const std::string_view cell = frame.cell(row, columns[i]);
      const auto number = frame.decimal_comma ? number_in(cell, true) : std::nullopt;
      cells.emplace_back(features[i], number ? csv_number(*number) : std::string(cell));
    }
    networks.push_back(
        {frame.line(row), described(have_strings ? std::optional(string) : std::nullopt, cells)});
  }
  return networks;
}

// A line is a string, quotes around it taken away.
std::vector<ListedNetwork> lines_of(std::string_view text) {
  std::vector<ListedNetwork> networks;
  for (int64_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.size() >= 2 && line.front() == '"' && line.back() == '"')
      line = trimmed(line.substr(1, line.size() - 2));
    if (!line.empty()) networks.push_back({number, std::string(line)});
  }
  return networks;
}

// Whether the first line names a column of strings.
bool has_string_column(std::string_view text) {
  std::string line(text.substr(0, text.find('\n')));
  if (trimmed(line).empty()) return false;
  try {
    return string_column(parse_csv(std::move(line), "", true)) >= 0;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

std::vector<ListedNetwork> read_networks(const std::filesystem::path& file, bool have_strings,
                                         const std::vector<std::string>& features,
                                         const std::string& budget) {
  const std::string source = file == "-" ? "standard input" : file.string();
  std::string text = read_text(file);
  const bool is_list = features.empty() && !looks_like_json(text) && !has_string_column(text);
  if (is_list) {
    refuse_other_kinds(text, source);
    return lines_of(text);
  }
  return networks_of(data_frame_of(std::move(text), source, {}), have_strings, features, budget);
}

}  // namespace metaqnn::datasets
