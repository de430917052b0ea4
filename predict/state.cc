#include "predict/state.h"

#include "metaqnn/base/error.h"

namespace metaqnn::predict {

nlohmann::json to_json(const Eigen::VectorXd& values) {
  return std::vector<double>(values.begin(), values.end());
}

const nlohmann::json& value_at(const nlohmann::json& object, const char* key) {
  if (!object.is_object() || !object.contains(key))
    throw DataError("key " + std::string(key) + " is missing");
  return object.at(key);
}

double number_at(const nlohmann::json& object, const std::string& key) {
  const nlohmann::json& value = value_at(object, key.c_str());
  if (!value.is_number()) throw DataError("key " + key + " is not a number");
  return value.get<double>();
}

std::string text_at(const nlohmann::json& object, const std::string& key) {
  const nlohmann::json& value = value_at(object, key.c_str());
  if (!value.is_string()) throw DataError("key " + key + " is not a text");
  return value.get<std::string>();
}

std::vector<std::string> texts_at(const nlohmann::json& object, const std::string& key) {
  const nlohmann::json& list = value_at(object, key.c_str());
  if (!list.is_array()) throw DataError("key " + key + " is not a list");
  std::vector<std::string> texts;
  for (const nlohmann::json& text : list) {
    if (!text.is_string()) throw DataError("key " + key + " holds something that is no text");
    texts.push_back(text.get<std::string>());
  }
  return texts;
}

Eigen::VectorXd vector_at(const nlohmann::json& object, const std::string& key, Eigen::Index size) {
  const nlohmann::json& list = value_at(object, key.c_str());
  if (!list.is_array()) throw DataError("key " + key + " is not a list");
  const auto length = static_cast<Eigen::Index>(list.size());
  if (size >= 0 && length != size) {
    throw DataError("key " + key + " has " + std::to_string(length) + " numbers instead of " +
                    std::to_string(size));
  }
  Eigen::VectorXd values(length);
  for (Eigen::Index i = 0; i < length; ++i) {
    const nlohmann::json& value = list[static_cast<size_t>(i)];
    if (!value.is_number())
      throw DataError("key " + key + ", element " + std::to_string(i) + " is not a number");
    values(i) = value.get<double>();
  }
  return values;
}

}  // namespace metaqnn::predict
