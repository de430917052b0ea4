// Numbers and vectors in and out of the JSON of saved models. Reading throws DataError naming the
// key and the rule. What nobody would read, and there is much of, is packed: bytes, least significant
// first, which the model keeps in a part of their own (predict/model.cc). Private to predict/.
#pragma once

#include <Eigen/Core>
#include <bit>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <type_traits>
#include <vector>

#include "metaqnn/base/error.h"

namespace metaqnn::predict {

nlohmann::json to_json(const Eigen::VectorXd& values);
const nlohmann::json& value_at(const nlohmann::json& object, const char* key);
double number_at(const nlohmann::json& object, const std::string& key);
std::string text_at(const nlohmann::json& object, const std::string& key);
std::vector<std::string> texts_at(const nlohmann::json& object, const std::string& key);
// `size` < 0: any.
Eigen::VectorXd vector_at(const nlohmann::json& object, const std::string& key, Eigen::Index size);

template <typename Number>
nlohmann::json packed(const Number* numbers, size_t count) {
  static_assert(std::endian::native == std::endian::little && std::is_arithmetic_v<Number>);
  const auto* bytes = reinterpret_cast<const uint8_t*>(numbers);
  return nlohmann::json::binary({bytes, bytes + count * sizeof(Number)});
}
template <typename Number>
std::vector<Number> unpacked_at(const nlohmann::json& object, const char* key) {
  const nlohmann::json& value = value_at(object, key);
  if (!value.is_binary() || value.get_binary().size() % sizeof(Number) != 0)
    throw DataError("key " + std::string(key) + " is not made of packed numbers");
  std::vector<Number> numbers(value.get_binary().size() / sizeof(Number));
  std::memcpy(numbers.data(), value.get_binary().data(), value.get_binary().size());
  return numbers;
}

}  // namespace metaqnn::predict
