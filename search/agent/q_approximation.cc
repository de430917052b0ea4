#include "search/agent/q_approximation.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <string_view>

#include "metaqnn/base/error.h"
#include "predict/target_scale.h"

namespace metaqnn::search {
namespace {

constexpr double kRidge = 3;
constexpr size_t kMostSlotsInPairs = 8;  // of more there are too many pairs
constexpr size_t kShare = 50;  // of the samples, by which they grow before it is fitted again
constexpr double kUnknown = 0;

enum Kind : int32_t {
  choice,
  last_and_choice,
  slot,
  slot_and_choice,
  two_slots,
  count,
  types,
  divisor,
  filters
};

// The letters of a label, as a number: "C(64,3,1)" by "C".
int32_t type_of(std::string_view label) {
  int32_t type = 0;
  for (const char letter : label.substr(0, label.find('('))) type = 31 * type + letter;
  return type;
}

std::vector<int> numbers_of(std::string_view label) {
  std::vector<int> numbers;
  const size_t begin = label.find('(');
  if (begin == std::string_view::npos) return numbers;
  numbers.push_back(0);
  for (const char letter : label.substr(begin + 1)) {
    if (letter == ',') numbers.push_back(0);
    if (letter >= '0' && letter <= '9') numbers.back() = 10 * numbers.back() + (letter - '0');
  }
  return numbers;
}

// The last fit of so many samples: 1, 2, ..., then each time a fiftieth more.
size_t due(size_t samples) {
  size_t at = 0;
  while (at + std::max<size_t>(1, at / kShare) <= samples) at += std::max<size_t>(1, at / kShare);
  return at;
}

}  // namespace

QApproximation::QApproximation(const StrategySettings& settings, const Space& space)
    : settings_(settings), space_(space) {
  if (!(settings.gamma >= 0 && settings.gamma <= 1)) {
    throw UsageError("strategy.gamma = " + std::to_string(settings.gamma) + " must be from 0 to 1");
  }
}

void QApproximation::observe(const SequencedSample& sample) {
  if (!sample.reward) return;
  const Space::Found found = space_.find(sample.architecture);
  if (!found.walk || !known_.insert(found.canonical).second) return;
  Episode episode{*found.walk, {}, *sample.reward, 0};
  for (const Step& step : episode.walk)
    episode.labels.push_back(space_.choices(step.position)[static_cast<size_t>(step.choice)].label);
  episodes_.push_back(std::move(episode));
}

void QApproximation::prepare(const std::vector<std::string>&) { fit(); }

Walk QApproximation::propose(const Situation& situation, Random& random) {
  fit();
  Walk walk;
  std::vector<int32_t> written;
  for (int32_t position = space_.start(); position != Space::kEnd;) {
    const std::span<const Choice> choices = space_.choices(position);
    uint64_t choice = 0;
    if (random.uniform() < situation.epsilon) {
      choice = random.below(choices.size());
    } else {
      const std::vector<double> q = values(position, written);
      const double best = *std::max_element(q.begin(), q.end());
      // The n-th of the equally good ones.
      uint64_t n = random.below(static_cast<uint64_t>(std::count(q.begin(), q.end(), best)));
      while (q[choice] != best || n-- > 0) ++choice;
    }
    walk.push_back({position, static_cast<int32_t>(choice)});
    written.push_back(choices[choice].label);
    position = choices[choice].target;
  }
  return walk;
}

std::vector<double> QApproximation::values(int32_t position,
                                           const std::vector<int32_t>& written) const {
  std::vector<double> values;
  for (const Choice& choice : space_.choices(position)) {
    values.push_back(written.size() < regressions_.size()
                         ? regressions_[written.size()].value(features(written, choice.label))
                         : kUnknown);
  }
  return values;
}

QApproximation::Features QApproximation::features(const std::vector<int32_t>& written,
                                                  int32_t next) const {
  Features features{{{choice, next, 0, 0}, 1}};
  if (!written.empty()) features.push_back({{last_and_choice, written.back(), next, 0}, 1});
  if (!space_.input()) {
    for (size_t i = 0; i < written.size(); ++i) {
      const auto at = static_cast<int32_t>(i);
      features.push_back({{slot, at, written[i], 0}, 1});
      if (i + 1 < written.size()) features.push_back({{slot_and_choice, at, written[i], next}, 1});
    }
    if (written.size() > kMostSlotsInPairs) return features;
    for (size_t j = 0; j < written.size(); ++j) {
      for (size_t i = 0; i < j; ++i) {
        const auto pair = static_cast<int32_t>(i + kMostSlotsInPairs * j);
        features.push_back({{two_slots, pair, written[i], written[j]}, 1});
      }
    }
    return features;
  }
  double divisor_log = 0, filters_log = 0;
  for (const int32_t label : written) {
    const std::string& text = space_.label(label);
    const std::vector<int> numbers = numbers_of(text);
    features.push_back({{count, label, 0, 0}, 1});
    if (text.starts_with("C(")) filters_log = std::log2(numbers.at(0));
    if (numbers.size() >= 2) divisor_log += std::log2(std::max(1, numbers.back()));  // a stride
  }
  const int32_t type = type_of(space_.label(next));
  const int32_t last = written.empty() ? 0 : type_of(space_.label(written.back()));
  features.push_back({{types, last, type, 0}, 1});
  features.push_back({{divisor, type, 0, 0}, divisor_log});
  features.push_back({{filters, type, 0, 0}, filters_log / 8});
  return features;
}

double QApproximation::Regression::value(const Features& features) const {
  double value = mean;
  for (const auto& [key, amount] : features) {
    const auto found = weights.find(key);
    if (found != weights.end()) value += found->second * amount;
  }
  return value;
}

double QApproximation::target(const Episode& episode, size_t step) const {
  if (step + 1 == episode.labels.size()) return episode.score;
  const std::vector<int32_t> written(
      episode.labels.begin(), episode.labels.begin() + static_cast<std::ptrdiff_t>(step) + 1);
  const std::vector<double> q = values(episode.walk[step + 1].position, written);
  return settings_.gamma * *std::max_element(q.begin(), q.end());
}

QApproximation::Regression QApproximation::regression(size_t step, size_t episodes) const {
  std::vector<Features> rows;
  std::vector<double> targets;
  std::map<Key, Eigen::Index> columns;
  for (size_t i = 0; i < episodes; ++i) {
    const Episode& episode = episodes_[i];
    if (episode.labels.size() <= step) continue;
    const std::vector<int32_t> written(episode.labels.begin(),
                                       episode.labels.begin() + static_cast<std::ptrdiff_t>(step));
    rows.push_back(features(written, episode.labels[step]));
    targets.push_back(target(episode, step));
    for (const auto& [key, amount] : rows.back())
      columns.emplace(key, static_cast<Eigen::Index>(columns.size()));
  }
  Regression regression;
  for (const double target : targets)
    regression.mean += target / static_cast<double>(targets.size());
  const auto width = static_cast<Eigen::Index>(columns.size());
  Eigen::MatrixXd gram = kRidge * Eigen::MatrixXd::Identity(width, width);
  Eigen::VectorXd products = Eigen::VectorXd::Zero(width);
  for (size_t i = 0; i < rows.size(); ++i) {
    std::vector<std::pair<Eigen::Index, double>> row;
    for (const auto& [key, amount] : rows[i]) row.emplace_back(columns.at(key), amount);
    for (const auto& [a, x] : row) {
      products[a] += x * (targets[i] - regression.mean);
      for (const auto& [b, y] : row) gram(a, b) += x * y;
    }
  }
  const Eigen::VectorXd weights = gram.llt().solve(products);
  for (const auto& [key, column] : columns) regression.weights.emplace(key, weights[column]);
  return regression;
}

void QApproximation::fit() {
  const size_t episodes = due(episodes_.size());
  if (episodes == fitted_) return;
  fitted_ = episodes;
  Eigen::VectorXd rewards(static_cast<Eigen::Index>(episodes));
  for (size_t i = 0; i < episodes; ++i) rewards[static_cast<Eigen::Index>(i)] = episodes_[i].reward;
  const Eigen::VectorXd scores = predict::normal_scores(rewards);
  for (size_t i = 0; i < episodes; ++i) episodes_[i].score = scores[static_cast<Eigen::Index>(i)];
  size_t steps = 0;
  for (size_t i = 0; i < episodes; ++i) steps = std::max(steps, episodes_[i].labels.size());
  regressions_.assign(steps, {});
  for (size_t step = steps; step-- > 0;) regressions_[step] = regression(step, episodes);
}

}  // namespace metaqnn::search
