// Numbers and vectors in and out of the JSON of saved models. Reading throws DataError naming the
// key and the rule. Private to predict/.
#pragma once

#include <Eigen/Core>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace metaqnn::predict {

nlohmann::json to_json(const Eigen::VectorXd& values);
const nlohmann::json& value_at(const nlohmann::json& object, const char* key);
double number_at(const nlohmann::json& object, const std::string& key);
std::string text_at(const nlohmann::json& object, const std::string& key);
std::vector<std::string> texts_at(const nlohmann::json& object, const std::string& key);
// `size` < 0: any.
Eigen::VectorXd vector_at(const nlohmann::json& object, const std::string& key, Eigen::Index size);

}  // namespace metaqnn::predict
