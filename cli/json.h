// JSON as commands print it: keys in the order in which they are set, null where a figure is not
// defined.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>

namespace metaqnn::cli {

using Json = nlohmann::ordered_json;

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

}  // namespace metaqnn::cli
