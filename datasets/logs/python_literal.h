// Values as Python and JSON write them in a cell of a table: {'lr': 0.1, "on": True, 'net': (32, 64),
// 'loss': nan, 'stop': None}. Nothing is evaluated.
//
//   parse_literal("{'lr': 1e-3}")["lr"];      // 0.001
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

namespace metaqnn::datasets {

// Tuples and sets are arrays, None is null, keys that are no strings become their text. None where
// it is no such value, or is nested deeper than kDeepestNesting.
std::optional<nlohmann::ordered_json> parse_literal(std::string_view text);

}  // namespace metaqnn::datasets
