// What do fitting and predicting cost? On the project's own search log of 1,000 networks, and on
// candidates drawn from the space in which it searched; two threads. The figures are in
// docs/performance.md.
//
//   metaqnn_bench --benchmark_filter=FitAll
//
//   Fit/METHOD/N      from N strings and accuracies to a predictor with its hyper-parameters chosen
//   FitAll/N          the six methods on one training set, what they share chosen once
//   Encode/N          from N strings to features and tokens
//   Predict/METHOD/N  N encoded candidates by a fitted predictor, the mean alone
//   PredictAll/N      N strings encoded, and the mean by each of the six
//   PredictAllWithDeviation/N   the same, with the deviation where a method has one; what the
//                     first call of a predictor prepares is not in it
//
// CPU is the processor time of all threads.
#include <benchmark/benchmark.h>

#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <unordered_set>
#include <vector>

#include "metaqnn/base/random.h"
#include "metaqnn/datasets/logs/log.h"
#include "metaqnn/search/configuration.h"
#include "metaqnn/search/search.h"
#include "predict/predictor.h"

namespace metaqnn::predict {
namespace {

constexpr uint64_t kSeed = 1;
constexpr int kThreads = 2;
constexpr int kNetworks = 1000;
constexpr int kCandidates = 10000;
constexpr const char* kLog = METAQNN_SOURCE_DIR "/experiments/results/fashion_mnist_log.csv";
constexpr const char* kRecipe = METAQNN_SOURCE_DIR "/experiments/fashion_mnist_log.toml";

const EncodingSettings kEncoding{"grammar", {1, 28, 28}};

const std::vector<std::string>& method_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const Method& method : methods()) {
      if (!method.baseline()) list.push_back(method.name);
    }
    return list;
  }();
  return names;
}

Samples first_samples(int64_t count) {
  static const Samples all = make_samples(datasets::read_log(kLog), kEncoding, Failures::as_chance);
  std::vector<Eigen::Index> rows(static_cast<size_t>(count));
  std::iota(rows.begin(), rows.end(), Eigen::Index{0});
  return all.subset(rows);
}

Training new_training(const Samples& samples) {
  FitSettings settings;
  settings.seed = kSeed;
  settings.threads = kThreads;
  return make_training(kEncoding, samples, Failures::as_chance, {}, settings);
}

// None of them in the log.
std::vector<std::string> draw_candidates(int64_t count) {
  const search::Space space = search::build_space(search::read_configuration(kRecipe));
  const Samples log = first_samples(kNetworks);
  std::unordered_set<std::string> seen(log.architectures.begin(), log.architectures.end());
  Random random = Random::stream(kSeed, "candidates");
  std::vector<std::string> texts;
  while (static_cast<int64_t>(texts.size()) < count) {
    std::string text = canonical(space.text(space.uniform_walk(random)), kEncoding);
    if (seen.insert(text).second) texts.push_back(std::move(text));
  }
  return texts;
}

const std::vector<std::string>& candidates() {
  static const std::vector<std::string> texts = draw_candidates(kCandidates);
  return texts;
}

// All six, fitted once for all benchmarks of predictions.
struct Fitted {
  Training training = new_training(first_samples(kNetworks));
  std::map<std::string, Predictor> predictors;
  Fitted() {
    for (const std::string& name : method_names())
      predictors.emplace(name, Predictor::fit(find_method(name), training));
  }
};

Fitted& fitted() {
  static Fitted fitted;
  return fitted;
}

void fit_methods(benchmark::State& state, const std::vector<std::string>& names) {
  const Samples samples = first_samples(state.range(0));
  for (auto _ : state) {
    const Training training = new_training(samples);
    for (const std::string& name : names)
      benchmark::DoNotOptimize(Predictor::fit(find_method(name), training));
  }
}

void encode(benchmark::State& state) {
  const Encoding& encoding = *fitted().training.encoding;
  for (auto _ : state) benchmark::DoNotOptimize(encoding.points(candidates()));
}

void predict_by(benchmark::State& state, const std::string& name) {
  const Predictor& predictor = fitted().predictors.at(name);
  const kernels::Points points = fitted().training.encoding->points(candidates());
  for (auto _ : state) benchmark::DoNotOptimize(predictor.predict(points, {false, kThreads}));
}

void predict_all(benchmark::State& state, bool deviation) {
  const Encoding& encoding = *fitted().training.encoding;
  const auto run = [&] {
    const kernels::Points points = encoding.points(candidates());
    for (const auto& [name, predictor] : fitted().predictors)
      benchmark::DoNotOptimize(predictor.predict(points, {deviation, kThreads}));
  };
  if (deviation) run();
  for (auto _ : state) run();
}

void register_all() {
  const auto add = [](const std::string& name, int count, const auto& function) {
    benchmark::RegisterBenchmark(name.c_str(), function)
        ->Arg(count)
        ->Unit(benchmark::kMillisecond)
        ->MeasureProcessCPUTime()
        ->UseRealTime();
  };
  for (const std::string& name : method_names())
    add("Fit/" + name, kNetworks, [name](benchmark::State& state) { fit_methods(state, {name}); });
  add("FitAll", kNetworks, [](benchmark::State& state) { fit_methods(state, method_names()); });
  add("Encode", kCandidates, encode);
  for (const std::string& name : method_names())
    add("Predict/" + name, kCandidates,
        [name](benchmark::State& state) { predict_by(state, name); });
  add("PredictAll", kCandidates, [](benchmark::State& state) { predict_all(state, false); });
  add("PredictAllWithDeviation", kCandidates,
      [](benchmark::State& state) { predict_all(state, true); });
}

const bool registered = (register_all(), true);

}  // namespace
}  // namespace metaqnn::predict
