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

// Prints a document on standard output: what is no UTF-8 is replaced, control characters are
// escaped, and no string shows a password.
void print_document(Json json);

}  // namespace metaqnn::cli
