// Which architecture should be tried next? A strategy learns from the samples whose results are
// known, in their order, and proposes the next walk. It keeps nothing that the samples, its
// settings and the seed do not determine, so it can be rebuilt from a study at any time, by any
// worker.
//
//   auto strategy = make_strategy(settings, space, seed);
//   for (const SequencedSample& s : study->sequenced_samples_after(0)) strategy->observe(s);
//   strategy->prepare(study->pending_architectures());
//   Random random = Random::stream(seed, "walk", sample_number);
//   Walk walk = strategy->propose({epsilon, study->pending_architectures()}, random);
//
// Adding one: in a program of your own add_strategy(), as examples/own_strategy.cc does; in this
// library a new file with a factory, and one line in the table in strategy.cc (CONTRIBUTING.md).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "metaqnn/base/random.h"
#include "metaqnn/search/space/distinct_walks.h"
#include "metaqnn/search/space/space.h"
#include "metaqnn/search/study/study.h"

namespace metaqnn::search {

// How many unique models are proposed at each epsilon, in order.
using Schedule = std::vector<std::pair<double, int64_t>>;

// The paper's: 1.0: 1500; 0.9, 0.8, 0.7: 100 each; 0.6 to 0.1: 150 each; 2,700 in all.
Schedule paper_schedule();
int64_t total_models(const Schedule& schedule);
// Epsilon for the next model when `models` unique ones are finished or reserved; none when the
// schedule is done.
std::optional<double> epsilon_at(const Schedule& schedule, int64_t models);

struct StrategySettings {
  // q_learning, q_approximation, random, regularized_evolution, guided, or what add_strategy() has added
  std::string kind = "q_learning";
  double alpha = 0.01;  // learning rate of the Q-values
  double gamma = 1;     // discount
  double initial_q = 0.5;
  int replay = 100;  // draws from all samples so far, after each sample
  Schedule schedule = paper_schedule();
  int population = 50, tournament = 10;  // regularized_evolution
  // guided
  int initial_models = 15;
  double exploration = 3;
  int candidates = 2000;
};

// What a proposal is made in.
struct Situation {
  double epsilon = 1;
  std::vector<std::string> pending;  // architectures that are reserved: waiting or in training
};

class Strategy {
 public:
  virtual ~Strategy() = default;
  // What is searched for, once, before anything is observed. Whoever learns from one number alone need not
  // know: it is the reward of a sample, and larger is better.
  virtual void aim(const Objective& objective) { (void)objective; }
  // The next sample in the order of sequence. Its architecture is one of the space, or it is
  // ignored. Where several measures are searched for it comes with all that was measured.
  virtual void observe(const SequencedSample& sample) = 0;
  // Whatever takes long, on what was observed so far: called before the study is locked for
  // propose(), which may then see a little more.
  virtual void prepare(const std::vector<std::string>& pending) { (void)pending; }
  // The next walk. Called again in the same situation it gives others, as far as it can.
  virtual Walk propose(const Situation& situation, Random& random) = 0;
  // Where `stop` is set, what takes long may end early: nothing will be proposed.
  virtual void heed(const std::atomic<bool>* stop) { (void)stop; }
};

struct StrategyKind {
  std::string name;
  bool heeds_epsilon = false;
  std::function<std::unique_ptr<Strategy>(const StrategySettings&, const Space&, uint64_t seed,
                                          Admission)>
      make;
  // How many models are uniform walks, whatever is learned, when `models` are trained; perhaps more
  // than these. Not set: none.
  std::function<int64_t(const StrategySettings&, int64_t models)> uniform_models{};
  // Rewards must be from 0 to 1, as accuracies are; other measures need Objective::reward_range.
  bool wants_fractions = false;
};
// For a program with a strategy of its own: from now on configurations may name it. Call it before
// any search begins, in every process that shall work on such a study (worker processes of
// `metaqnn` know only its own). Throws UsageError where the name is taken.
void add_strategy(StrategyKind kind);

// `space` must outlive the strategy, which observes samples as a study has them and learns from what
// they are worth by `objective`. What `admits` refuses is not proposed, but by q_learning: there
// a network that is too large is a walk like any other, and fails by the rules of the paper's
// search. Throws UsageError for an unknown kind, a setting outside its range, or a reward
// range that is missing.
std::unique_ptr<Strategy> make_strategy(const StrategySettings& settings, const Space& space,
                                        uint64_t seed, Admission admits = {},
                                        const Objective& objective = {});
std::vector<std::string> strategy_kinds();
// Whether a strategy of this kind heeds the schedule's epsilon. The others take from the schedule
// only how many models there are.
bool heeds_epsilon(const std::string& kind);
// How many models are uniform walks, whatever is learned, when `models` are trained.
int64_t uniform_models(const StrategySettings& settings, int64_t models);

}  // namespace metaqnn::search
