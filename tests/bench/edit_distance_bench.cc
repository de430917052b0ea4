// How many edit distances a second? Pairs of the architectures of a published search log, or of
// random ones of the same alphabet where it is not there. The figures are in docs/performance.md.
//
//   metaqnn_bench --benchmark_filter=EditDistance
//
// Items are ordered pairs. EditDistance/graded_half computes half of them and copies the rest;
// EditDistance/target/NAME is EditDistance/graded with one instruction set.
#include <benchmark/benchmark.h>
#include <hwy/highway.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "kernels/edit_distance.h"
#include "metaqnn/architecture/architecture.h"
#include "metaqnn/base/random.h"
#include "metaqnn/datasets/logs/log.h"
#include "tests/reference/edit_distance.h"
#include "tests/unit_costs.h"

namespace metaqnn::kernels {
namespace {

constexpr uint64_t kSeed = 1;
constexpr const char* kLog = METAQNN_SHARED_DATA "/logs/metaqnn_cifar10.csv";

// The layers that occur, in the order in which they were first seen, and the sequences of them.
struct Corpus {
  std::vector<Layer> alphabet;
  std::vector<Tokens> sequences;
};

bool is_token(const Layer& layer) {
  return !std::holds_alternative<Dropout>(layer) && !std::holds_alternative<Softmax>(layer);
}

Corpus read_corpus() {
  Corpus corpus;
  std::map<std::string, int> numbers;
  for (const datasets::LogRow& row : datasets::read_log(kLog).rows) {
    Tokens& tokens = corpus.sequences.emplace_back();
    for (const Layer& layer : parse_architecture(row.architecture).layers) {
      if (!is_token(layer)) continue;
      const auto [entry, added] =
          numbers.emplace(to_string(layer), static_cast<int>(corpus.alphabet.size()));
      if (added) corpus.alphabet.push_back(layer);
      tokens.push_back(entry->second);
    }
  }
  return corpus;
}

Tokens random_tokens(Random& random, size_t length, size_t alphabet) {
  Tokens tokens;
  while (tokens.size() < length) tokens.push_back(static_cast<int>(random.below(alphabet)));
  return tokens;
}

std::vector<Tokens> random_sequences(size_t count, size_t shortest, size_t longest,
                                     size_t alphabet) {
  Random random = Random::stream(kSeed, "sequences", longest);
  std::vector<Tokens> sequences;
  while (sequences.size() < count) {
    const size_t length = shortest + random.below(longest - shortest + 1);
    sequences.push_back(random_tokens(random, length, alphabet));
  }
  return sequences;
}

Corpus random_corpus() {
  Corpus corpus;
  for (int filters : {64, 128, 256, 512})
    for (int field : {1, 3, 5}) corpus.alphabet.push_back(Convolution{filters, field, 1});
  for (int field : {2, 3, 5}) corpus.alphabet.push_back(Pooling{field, 2});
  for (int neurons : {128, 256, 512}) corpus.alphabet.push_back(FullyConnected{neurons});
  corpus.alphabet.push_back(GlobalAveragePooling{10});
  corpus.sequences = random_sequences(578, 4, 13, corpus.alphabet.size());
  return corpus;
}

const Corpus& corpus() {
  static const Corpus corpus = std::filesystem::exists(kLog) ? read_corpus() : random_corpus();
  return corpus;
}

double doublings(int a, int b) { return std::abs(std::log2(a) - std::log2(b)); }

// Another type costs 1, the same type by how much it differs: no multiples of any 1/s.
double graded(const Layer& a, const Layer& b) {
  if (a.index() != b.index()) return 1;
  return std::visit(
      [&](const auto& first) -> double {
        using Type = std::decay_t<decltype(first)>;
        const Type& second = std::get<Type>(b);
        if constexpr (std::is_same_v<Type, Convolution>) {
          return 0.37 * doublings(first.filters, second.filters) / 3 +
                 0.61 * std::abs(first.field - second.field) / 7;
        } else if constexpr (std::is_same_v<Type, Pooling>) {
          return 0.47 * std::abs(first.field - second.field) / 3 +
                 0.23 * std::abs(first.stride - second.stride) / 3;
        } else if constexpr (std::is_same_v<Type, FullyConnected>) {
          return 0.53 * doublings(first.neurons, second.neurons) / 3;
        } else {
          return 0;
        }
      },
      a);
}

EditCosts graded_costs() {
  const auto alphabet = static_cast<int>(corpus().alphabet.size());
  EditCosts costs = tests::unit_costs(alphabet);
  for (int s = 0; s < alphabet; ++s)
    for (int t = 0; t < alphabet; ++t)
      costs.substitution(s, t) = graded(corpus().alphabet[static_cast<size_t>(s)],
                                        corpus().alphabet[static_cast<size_t>(t)]);
  return costs;
}

EditCosts tenths_costs() {
  EditCosts costs = graded_costs();
  costs.substitution = (costs.substitution * 10).array().ceil() / 10;
  return costs;
}

EditCosts unit_costs() { return tests::unit_costs(static_cast<int>(corpus().alphabet.size())); }

void run(benchmark::State& state, const std::vector<Tokens>& rows,
         const std::vector<Tokens>& columns, const EditCosts& costs, int threads = 1) {
  for (auto _ : state) benchmark::DoNotOptimize(edit_distances(rows, columns, costs, threads));
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(rows.size() * columns.size()));
}

void run_corpus(benchmark::State& state, const EditCosts& costs) {
  run(state, corpus().sequences, corpus().sequences, costs);
}

void run_half(benchmark::State& state) {
  const EditCosts costs = graded_costs();
  const std::vector<Tokens>& sequences = corpus().sequences;
  for (auto _ : state) benchmark::DoNotOptimize(edit_distances(sequences, costs));
  state.SetItemsProcessed(state.iterations() *
                          static_cast<int64_t>(sequences.size() * sequences.size()));
}

void run_target(benchmark::State& state, int64_t target) {
  hwy::SetSupportedTargetsForTest(target);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  run_corpus(state, graded_costs());
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

void run_twin(benchmark::State& state) {
  const EditCosts costs = graded_costs();
  const std::vector<Tokens> few(corpus().sequences.begin(), corpus().sequences.begin() + 30);
  for (auto _ : state)
    for (const Tokens& a : few)
      for (const Tokens& b : few) benchmark::DoNotOptimize(reference::edit_distance(a, b, costs));
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(few.size() * few.size()));
}

void run_length(benchmark::State& state) {
  const auto length = static_cast<size_t>(state.range(0));
  const auto sequences = random_sequences(512, length, length, corpus().alphabet.size());
  run(state, sequences, sequences, graded_costs());
}

// Every candidate against every network of the paper's schedule.
void run_gram(benchmark::State& state) {
  const size_t alphabet = corpus().alphabet.size();
  run(state, random_sequences(2700, 4, 13, alphabet), random_sequences(12700, 4, 13, alphabet),
      graded_costs(), 2);
}

void register_all() {
  const auto add = [](const std::string& name, const auto& function) {
    return benchmark::RegisterBenchmark(("EditDistance/" + name).c_str(), function);
  };
  add("graded", [](benchmark::State& state) { run_corpus(state, graded_costs()); });
  add("graded_half", run_half);
  add("tenths", [](benchmark::State& state) { run_corpus(state, tenths_costs()); });
  add("unit", [](benchmark::State& state) { run_corpus(state, unit_costs()); });
  add("twin", run_twin);
  for (int length : {4, 8, 16, 32, 64}) add("length", run_length)->Arg(length);
  add("gram_2700x12700", run_gram)->Unit(benchmark::kMillisecond)->UseRealTime();
  for (int64_t target : hwy::SupportedAndGeneratedTargets())
    add(std::string("target/") + hwy::TargetName(target),
        [target](benchmark::State& state) { run_target(state, target); });
}

const bool registered = (register_all(), true);

}  // namespace
}  // namespace metaqnn::kernels
