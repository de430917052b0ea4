#include "datasets/logs/json_frame.h"

#include <algorithm>
#include <cmath>

#include "base/names.h"
#include "base/nesting.h"
#include "datasets/logs/csv.h"
#include "datasets/logs/python_literal.h"
#include "metaqnn/base/error.h"

namespace metaqnn::datasets {
namespace {

using Json = nlohmann::ordered_json;

// Words that JSON does not know, and what they become: a text that number_in() reads.
struct Word {
  std::string_view python, json;
};
constexpr Word kWords[] = {{"NaN", "null"}, {"-Infinity", "\"-inf\""}, {"Infinity", "\"inf\""}};

std::string without_python_words(std::string_view text) {
  std::string json;
  bool in_string = false;
  size_t copied = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if (c != 'N' && c != 'I' && c != '-') continue;
    for (const Word& word : kWords) {
      if (!text.substr(i).starts_with(word.python)) continue;
      json += text.substr(copied, i - copied);
      json += word.json;
      i += word.python.size() - 1;
      copied = i + 1;
      break;
    }
  }
  return json + std::string(text.substr(copied));
}

bool are_objects(const Json& value) {
  return value.is_array() && !value.empty() &&
         std::all_of(value.begin(), value.end(), [](const Json& row) { return row.is_object(); });
}

// {"lr": [0.1, 0.2], "loss": [1, 2]}, or {"lr": {"0": 0.1, "1": 0.2}, ...} as pandas writes it.
bool are_columns(const Json& value) {
  if (!value.is_object() || value.empty()) return false;
  const size_t rows = value.begin()->size();
  return rows > 0 && std::all_of(value.begin(), value.end(), [&](const Json& column) {
           return column.is_structured() && column.size() == rows;
         });
}

DataFrame frame_of_objects(const Json& objects, const std::string& source) {
  RowsByName rows;
  int64_t number = 0;
  for (const Json& object : objects) {
    rows.begin_row(++number);
    for (const auto& [name, value] : object.items()) set_cells(rows, name, value);
  }
  return std::move(rows).frame(source);
}

DataFrame frame_of_columns(const Json& columns, const std::string& source) {
  RowsByName rows;
  const size_t count = columns.begin()->size();
  for (size_t row = 0; row < count; ++row) {
    rows.begin_row(static_cast<int64_t>(row) + 1);
    for (const auto& [name, column] : columns.items())
      set_cells(rows, name, *std::next(column.begin(), static_cast<std::ptrdiff_t>(row)));
  }
  return std::move(rows).frame(source);
}

// The only member that is an array of objects, or null.
const Json* only_table_of(const Json& object) {
  const Json* found = nullptr;
  for (const Json& member : object) {
    if (!are_objects(member)) continue;
    if (found != nullptr) return nullptr;
    found = &member;
  }
  return found;
}

// The first line of a text, or all of it.
std::string_view first_line(std::string_view text) { return text.substr(0, text.find('\n')); }

bool is_one_object_a_line(std::string_view text) {
  const std::string_view line = first_line(text);
  return line.size() < text.size() && !trimmed(text.substr(line.size())).empty() &&
         trimmed(line).starts_with('{') && Json::accept(without_python_words(line));
}

DataFrame frame_of_lines(std::string_view text, const std::string& source) {
  RowsByName rows;
  std::vector<RowProblem> problems;
  for (int64_t number = 1; !text.empty(); ++number) {
    const std::string_view line = first_line(text);
    const bool is_last = line.size() == text.size();
    text.remove_prefix(is_last ? line.size() : line.size() + 1);
    if (trimmed(line).empty()) continue;
    const Json object = line_nested_deeper_than(kDeepestNesting, line)
                            ? Json()
                            : Json::parse(without_python_words(line), nullptr, false);
    if (!object.is_object()) {
      problems.push_back(
          {number, is_last ? "the line is cut short" : "the line is no JSON object"});
      continue;
    }
    rows.begin_row(number);
    for (const auto& [name, value] : object.items()) set_cells(rows, name, value);
  }
  DataFrame frame = std::move(rows).frame(source);
  frame.problems = std::move(problems);
  return frame;
}

}  // namespace

bool looks_like_json(std::string_view text) {
  const std::string_view start = trimmed(text.substr(0, 4096));
  if (start.starts_with('{')) return true;
  if (!start.starts_with('[')) return false;
  const std::string_view rest = trimmed(start.substr(1));
  return rest.starts_with('{') || rest.starts_with(']');
}

Json parse_python_json(std::string_view text, const std::string& source) {
  if (line_nested_deeper_than(kDeepestNesting, text))
    throw DataError(source + ": it is nested deeper than any table");
  try {
    return Json::parse(without_python_words(text));
  } catch (const Json::parse_error& error) {
    throw DataError(source + ": it begins as JSON and is none (at byte " +
                    std::to_string(error.byte) + "); is it cut short?");
  }
}

std::string cell_text(const Json& scalar) {
  if (scalar.is_string()) return scalar.get<std::string>();
  if (scalar.is_boolean()) return scalar.get<bool>() ? "True" : "False";
  if (scalar.is_number_float()) return csv_number(scalar.get<double>());
  return scalar.is_null() ? "" : scalar.dump();
}

void set_cells(RowsByName& rows, const std::string& name, const Json& value) {
  if (!value.is_structured()) {
    rows.set(name, cell_text(value));
  } else if (value.is_array()) {
    for (size_t i = 0; i < value.size(); ++i)
      set_cells(rows, name + "." + std::to_string(i), value[i]);
  } else {
    for (const auto& [member, content] : value.items())
      set_cells(rows, name + "." + member, content);
  }
}

namespace {

// Of the cells that hold anything the first is an object.
bool holds_objects(const DataFrame& frame, int column) {
  for (size_t row = 0; row < frame.rows(); ++row) {
    const std::string_view cell = trimmed(frame.cell(row, column));
    if (!is_blank(cell)) return cell.starts_with('{') && parse_literal(cell).has_value();
  }
  return false;
}

bool is_repeated(const DataFrame& frame, const std::string& name) {
  return name == "params" &&
         std::any_of(frame.names.begin(), frame.names.end(),
                     [](const auto& other) { return other.starts_with("param_"); });
}

}  // namespace

DataFrame with_parted_cells(DataFrame frame) {
  std::vector<bool> parted(frame.names.size());
  bool any = false;
  for (size_t i = 0; i < frame.names.size(); ++i) {
    parted[i] = holds_objects(frame, static_cast<int>(i)) && !is_repeated(frame, frame.names[i]);
    any = any || parted[i];
  }
  if (!any) return frame;
  RowsByName rows;
  for (size_t row = 0; row < frame.rows(); ++row) {
    rows.begin_row(frame.line(row));
    for (size_t i = 0; i < frame.names.size(); ++i) {
      const std::string_view cell = frame.cell(row, static_cast<int>(i));
      const auto value = parted[i] ? parse_literal(cell) : std::nullopt;
      if (value && value->is_object()) {
        set_cells(rows, frame.names[i], *value);
      } else {
        rows.set(frame.names[i], std::string(cell));
      }
    }
  }
  DataFrame whole = std::move(rows).frame(frame.source);
  whole.problems = std::move(frame.problems);
  whole.remarks = std::move(frame.remarks);
  whole.decimal_comma = frame.decimal_comma;
  return whole;
}

DataFrame parse_json_frame(const std::string& text, const std::string& source) {
  if (is_one_object_a_line(text)) return frame_of_lines(text, source);
  const Json json = parse_python_json(text, source);
  if (are_objects(json)) return frame_of_objects(json, source);
  if (json.is_object() && json.contains("data") &&
      (json.contains("configs") || json.contains("config_origins"))) {
    throw DataError(source +
                    ": this is a SMAC runhistory, which is not read; write its configurations and "
                    "costs as CSV");
  }
  if (are_columns(json)) return frame_of_columns(json, source);
  if (const Json* table = only_table_of(json)) return frame_of_objects(*table, source);
  throw DataError(source +
                  ": this is JSON, but no table; expected an array of objects, one object a line, "
                  "or an object of columns");
}

}  // namespace metaqnn::datasets
