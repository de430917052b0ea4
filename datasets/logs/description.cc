#include "datasets/logs/description.h"

#include <cmath>

#include "base/names.h"
#include "datasets/logs/csv.h"
#include "datasets/logs/data_frame.h"
#include "metaqnn/datasets/logs/log.h"

namespace metaqnn::datasets {
namespace {

using SortedJson = nlohmann::json;
// In the order in which they are given.
using Json = nlohmann::ordered_json;

bool are_scalars(const SortedJson& columns) {
  for (const SortedJson& value : columns) {
    if (!value.is_number() && !value.is_string()) return false;
  }
  return true;
}

// Whole numbers without a point.
Json shortest(double number) {
  constexpr double kExact = 9007199254740992.0;  // 2^53
  if (number == std::trunc(number) && std::abs(number) < kExact)
    return static_cast<int64_t>(number);
  return number;
}

// Bytes that are no UTF-8 are replaced.
std::string text_of(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string described(const std::optional<std::string>& architecture,
                      const std::vector<std::pair<std::string, std::string>>& columns) {
  Json object = Json::object();
  // Appended without a look for the name, which would cost the square of many columns.
  auto& members = object.get_ref<Json::object_t&>();
  for (const auto& [name, cell] : columns) {
    const std::string_view text = trimmed(cell);
    if (const auto number = number_in(text); number && std::isfinite(*number)) {
      members.push_back({name, shortest(*number)});
    } else if (!is_blank(text) || text == "None") {  // Python's None is a choice like others
      members.push_back({name, text});
    }
  }
  if (!architecture) return text_of(object);
  return text_of(Json::array({*architecture, std::move(object)}));
}

Description parse_description(const std::string& text) {
  const bool may_be = text.starts_with('{') || text.starts_with("[\"");
  if (may_be) {
    SortedJson value = SortedJson::parse(text, nullptr, false);
    if (value.is_object() && are_scalars(value)) return {std::nullopt, std::move(value)};
    if (value.is_array() && value.size() == 2 && value[0].is_string() && value[1].is_object() &&
        are_scalars(value[1]))
      return {value[0].get<std::string>(), std::move(value[1])};
  }
  return {text};
}

std::string readable(const std::string& text) {
  const Description description = parse_description(text);
  std::string words = description.architecture.value_or("");
  for (const auto& [name, value] : description.columns.items()) {
    words += (words.empty() ? "" : " ") + name + "=" +
             (value.is_string() ? value.get<std::string>() : csv_number(value.get<double>()));
  }
  return words;
}

}  // namespace metaqnn::datasets
