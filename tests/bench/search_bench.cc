// What does the search itself cost, without any training? The targets and the figures are in
// docs/performance.md.
//
//   metaqnn_bench --benchmark_filter=Fold
//
// Every random number comes from kSeed, so two runs do the same work.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <unordered_set>
#include <vector>

#include "metaqnn/base/random.h"
#include "metaqnn/search/agent/strategy.h"
#include "metaqnn/search/search.h"
#include "metaqnn/search/space/space.h"
#include "metaqnn/search/study/study.h"

namespace metaqnn::search {
namespace {

constexpr uint64_t kSeed = 1;
constexpr int64_t kPaperModels = 2700;  // of the paper's schedule

// A folder that is gone when the program ends.
class TemporaryFolder {
 public:
  TemporaryFolder()
      : path_(std::filesystem::temp_directory_path() / fmt::format("metaqnn_bench_{}", getpid())) {
    std::filesystem::create_directories(path_);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

const std::filesystem::path& temporary_folder() {
  static const TemporaryFolder folder;
  return folder.path();
}

std::string new_study_url() {
  static int number = 0;
  return fmt::format("sqlite:///{}/study{}.db", temporary_folder().string(), ++number);
}

// The paper's space for CIFAR-10: the defaults.
const Space& cifar_space() {
  static const Space space = build_cnn_space({});
  return space;
}

std::vector<std::string> distinct_strings(const Space& space, size_t count) {
  Random random = Random::stream(kSeed, "sample");
  std::unordered_set<std::string> seen;
  std::vector<std::string> strings;
  while (strings.size() < count) {
    std::string text = space.text(space.uniform_walk(random));
    if (seen.insert(text).second) strings.push_back(std::move(text));
  }
  return strings;
}

std::vector<SequencedSample> random_samples(int64_t count) {
  Random random = Random::stream(kSeed, "rewards");
  std::vector<SequencedSample> samples;
  for (std::string& text : distinct_strings(cifar_space(), static_cast<size_t>(count))) {
    const auto sequence = static_cast<int64_t>(samples.size()) + 1;
    samples.push_back({sequence, std::move(text), 0.1 + 0.8 * random.uniform()});
  }
  return samples;
}

std::unique_ptr<Strategy> folded(const std::vector<SequencedSample>& samples) {
  auto strategy = make_strategy(StrategySettings{}, cifar_space(), kSeed);
  for (const SequencedSample& sample : samples) strategy->observe(sample);
  return strategy;
}

void BuildSpace(benchmark::State& state) {
  for (auto _ : state) {
    const Space space = build_cnn_space({});
    benchmark::DoNotOptimize(space.positions());
  }
}
BENCHMARK(BuildSpace)->Unit(benchmark::kMillisecond);

void SampleDistinct(benchmark::State& state) {
  const Space& space = cifar_space();
  for (auto _ : state)
    benchmark::DoNotOptimize(distinct_strings(space, static_cast<size_t>(state.range(0))));
}
BENCHMARK(SampleDistinct)->Arg(10000)->Unit(benchmark::kMillisecond);

// Q-table from N samples, 100 replays after each.
void Fold(benchmark::State& state) {
  const std::vector<SequencedSample> samples = random_samples(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(folded(samples));
}
BENCHMARK(Fold)->Arg(100)->Arg(300)->Arg(1000)->Arg(kPaperModels)->Unit(benchmark::kMillisecond);

void Propose(benchmark::State& state) {
  const auto strategy = folded(random_samples(kPaperModels));
  Random random = Random::stream(kSeed, "walk");
  for (auto _ : state) benchmark::DoNotOptimize(strategy->propose({0.1, {}}, random));
}
BENCHMARK(Propose)->Unit(benchmark::kMicrosecond);

// NAS-Bench-201's cells: six edges of five operations each, 15,625 strings.
SequenceSpaceSettings cell_space() {
  return {"|{}~0|+|{}~0|{}~1|+|{}~0|{}~1|{}~2|",
          {{"none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"}}};
}

// Writes a table of all the strings with made-up accuracies: what each edge's operation adds, and
// noise.
std::filesystem::path write_made_up_table() {
  const std::filesystem::path file = temporary_folder() / "table.csv";
  const Space space = build_sequence_space(cell_space());
  const std::map<int32_t, double> worth{{0, 0.0}, {1, 0.04}, {2, 0.07}, {3, 0.1}, {4, 0.03}};
  Random random = Random::stream(kSeed, "table");
  std::ofstream out(file);
  out << "architecture,cifar10_valid\n";
  for (int cell = 0; cell < 15625; ++cell) {
    Walk walk;
    double accuracy = 0.2 + 0.1 * random.uniform();
    int rest = cell;
    for (int32_t position = space.start(); position != Space::kEnd; rest /= 5) {
      walk.push_back({position, rest % 5});
      accuracy += worth.at(rest % 5);
      position = space.choices(position)[static_cast<size_t>(rest % 5)].target;
    }
    out << fmt::format("{},{:.4f}\n", space.text(walk), accuracy);
  }
  return file;
}

const std::filesystem::path& table() {
  static const std::filesystem::path file = [] {
    const std::filesystem::path shared = METAQNN_SHARED_DATA "/tables/nasbench201_12epochs.csv";
    return std::filesystem::exists(shared) ? shared : write_made_up_table();
  }();
  return file;
}

Configuration table_configuration() {
  Configuration configuration;
  configuration.seed = kSeed;
  configuration.space.kind = "sequence";
  configuration.space.sequence = cell_space();
  configuration.evaluator.kind = "table";
  configuration.evaluator.table.file = table();
  configuration.evaluator.table.target = "cifar10_valid";
  return configuration;
}

// One worker's search of N models: the study made, the table read, and each proposal and each
// result a transaction.
void search_models(const std::string& url, int64_t models) {
  const Configuration configuration = table_configuration();
  const auto study = create_study(url, describe_study(configuration), durability(configuration));
  WorkOptions options;
  options.limit = models;
  work(*study, options);
}

void FullSchedule(benchmark::State& state) {
  state.SetLabel(table().parent_path() == temporary_folder() ? "made-up table" : "NAS-Bench-201");
  std::string url;
  for (auto _ : state) search_models(url = new_study_url(), state.range(0));
  const Counts counts = open_study(url)->counts();
  state.counters["models"] = static_cast<double>(counts.unique_models);
  state.counters["samples"] = static_cast<double>(counts.samples);
}
BENCHMARK(FullSchedule)
    ->Arg(300)
    ->Arg(1000)
    ->Arg(kPaperModels)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

// 2,700 finished trials of the CIFAR-10 space with curves of 20 epochs, as training leaves them.
const std::string& finished_study() {
  static const std::string study_url = [] {
    Configuration configuration;
    configuration.data.name = "cifar10";
    const std::string url = new_study_url();
    const auto study = create_study(url, describe_study(configuration), Durability::process);
    Transaction transaction(*study);
    const int64_t worker = study->register_worker(this_process());
    for (SequencedSample& sample : random_samples(kPaperModels)) {
      Trial trial;
      trial.architecture = std::move(sample.architecture);
      trial.state = TrialState::complete;
      trial.validation_accuracy = sample.reward;
      trial.epsilon = 1;
      trial.origin = "search";
      trial.parameters = 1000000;
      trial.macs = 100000000;
      trial.learning_rate = 0.001;
      trial.seconds = 100;
      trial.curve.assign(20, {1.0, *sample.reward, 1.0, *sample.reward});
      study->add_sample(study->add_trial(trial, worker), trial.epsilon);
    }
    transaction.commit();
    return url;
  }();
  return study_url;
}

// What a worker that resumes a finished study does before its first proposal.
void FoldStudy(benchmark::State& state) {
  const Space& space = cifar_space();
  const std::string& url = finished_study();
  for (auto _ : state) {
    const auto study = open_study(url);
    const auto strategy = make_strategy(StrategySettings{}, space, kSeed);
    for (const SequencedSample& sample : study->sequenced_samples_after(0))
      strategy->observe(sample);
    benchmark::DoNotOptimize(strategy.get());
  }
}
BENCHMARK(FoldStudy)->Unit(benchmark::kMillisecond);

void ListTrials(benchmark::State& state) {
  const bool with_curves = state.range(0) == 1;
  state.SetLabel(with_curves ? "with curves" : "without curves");
  const std::string& url = finished_study();
  for (auto _ : state) benchmark::DoNotOptimize(open_study(url)->trials(with_curves));
}
BENCHMARK(ListTrials)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace metaqnn::search

BENCHMARK_MAIN();
