#include "predict/column_codec.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/foreign_text.h"

namespace metaqnn::predict {

using Json = nlohmann::json;

ColumnCodec::ColumnCodec(std::string name, const std::vector<Json>& training)
    : name_(std::move(name)) {
  std::vector<double> numbers;
  for (const Json& network : training) {
    const auto value = network.find(name_);
    if (value == network.end()) {
      may_lack_ = true;
    } else if (value->is_number()) {
      numbers.push_back(value->get<double>());
    } else {
      words_.insert(word_of(*value));
    }
  }
  if (numbers.empty()) return;
  has_numbers_ = true;
  learn_scale(numbers);
  for (double number : numbers) fill_ += scaled(number) / static_cast<double>(numbers.size());
}

void ColumnCodec::learn_scale(std::vector<double> numbers) {
  constexpr double kWide = 100;  // two decades
  constexpr double kFar = 5;     // deviations: a normal column has none so far in a million
  std::sort(numbers.begin(), numbers.end());
  largest_ = numbers.back();
  logarithm_ = numbers.front() > 0 && numbers.back() / numbers.front() > kWide;
  const auto quantile = [&](double share) {
    return scaled(numbers[static_cast<size_t>(share * static_cast<double>(numbers.size() - 1))]);
  };
  const double median = quantile(0.5), deviation = (quantile(0.75) - quantile(0.25)) / 1.35;
  const double farthest = std::max(quantile(1) - median, median - quantile(0));
  if (!(deviation > 0) || farthest <= kFar * deviation) return;
  median_ = median;
  deviation_ = deviation;
  has_tails_ = true;
}

void ColumnCodec::add_columns(std::vector<FeatureColumn>& columns, const std::string& group) const {
  if (has_numbers_) columns.push_back({(logarithm_ ? "log_" : "") + name_, group});
  for (const std::string& word : words_) columns.push_back({name_ + "=" + word, group});
  if (may_lack_) columns.push_back({name_ + " is not there", group});
}

void ColumnCodec::add_features(const Json& network, std::vector<double>& features) const {
  const auto value = network.find(name_);
  const bool is_there = value != network.end();
  const bool is_number = is_there && value->is_number();
  if (has_numbers_) features.push_back(is_number ? scaled(value->get<double>()) : fill_);
  const std::string own = is_there ? word_of(*value) : "";
  for (const std::string& word : words_) features.push_back(is_there && word == own);
  if (may_lack_) features.push_back(!is_there);
}

bool ColumnCodec::lacks(const Json& network) const {
  return !may_lack_ && !network.contains(name_);
}

std::string ColumnCodec::unknown(const Json& network) const {
  const auto value = network.find(name_);
  if (value == network.end() || (value->is_number() && has_numbers_)) return "";
  if (words_.contains(word_of(*value))) return "";
  return shown(name_) + " " + shown(word_of(*value));
}

double ColumnCodec::scaled(double number) const {
  const double value =
      logarithm_ ? std::log(std::max(number, std::numeric_limits<double>::min())) : number;
  return has_tails_ ? std::asinh((value - median_) / deviation_) : value;
}

std::string word_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace metaqnn::predict
