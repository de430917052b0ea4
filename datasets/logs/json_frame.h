// Tables in JSON: an array of objects, one object a line, or an object of columns. Objects within
// become columns a.b, arrays a.0, a.1. NaN and Infinity are read as Python writes them.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "datasets/logs/data_frame.h"

namespace metaqnn::datasets {

// Whether a text begins as JSON does, and not as a list of architectures.
bool looks_like_json(std::string_view text);

// Rows are numbered by their lines where each has one, else counted from 1. Throws DataError where
// it is no JSON, or no table.
DataFrame parse_json_frame(const std::string& text, const std::string& source);

// The members of `value` under their names in the last row: a scalar as the cell `name`, what is
// within an object as name.member, of an array as name.0. Numbers have the shortest text that reads
// back to them, null is "".
void set_cells(RowsByName& rows, const std::string& name, const nlohmann::ordered_json& value);
std::string cell_text(const nlohmann::ordered_json& scalar);

// A column whose cells are objects of JSON or Python ({'lr': 0.1}) becomes columns of its members,
// unless the frame has them already (scikit-learn's params beside param_*).
DataFrame with_parted_cells(DataFrame frame);

// JSON as Python writes it. Throws DataError naming source and place.
nlohmann::ordered_json parse_python_json(std::string_view text, const std::string& source);

}  // namespace metaqnn::datasets
