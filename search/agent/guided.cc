#include "search/agent/guided.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
#include <numeric>
#include <unordered_map>
#include <unordered_set>

#include "kernels/pareto.h"
#include "metaqnn/base/error.h"
#include "predict/gaussian_process.h"
#include "predict/hyperparameters.h"
#include "predict/kernel_regressor.h"
#include "predict/target_scale.h"
#include "predict/training.h"
#include "search/agent/admission.h"
#include "search/agent/mutation.h"
#include "search/agent/prospects.h"
#include "search/agent/q_learning.h"

namespace metaqnn::search {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr size_t kEnumerable = 20'000;  // architectures
constexpr Index kMostPoints = 1000;     // samples that the process sees
constexpr Index kMostScored = 2000;     // candidates whose deviation is computed
constexpr Index kShortList = 200;       // candidates of which the next ones are picked in turn
constexpr int kPicked = 16;
constexpr size_t kForEncoding = 2000;          // walks that tell the encoding what to expect
constexpr size_t kFewestToChooseReading = 20;  // of cells
constexpr double kMoreKnown = 1.1;             // hyper-parameters are chosen again
constexpr size_t kFitsShare = 200;             // the process is fitted again
constexpr double kPatience = 20;        // models without a better one until exploration doubles
constexpr double kMostExploration = 4;  // times
constexpr double kSeveralAtOnce = 3;  // exploration is shared where several measures are hoped for
constexpr double kPolicyEpsilon = 0.3;
constexpr size_t kParents = 10;  // the best architectures known, for mutations
constexpr int kRefinements = 2, kRefinedParents = 50, kChildren = 8;
constexpr int kAttempts = 100;  // to find an architecture that is new, for each that is wanted

// As many walks as the space has, or nothing if they are more than `most`.
std::vector<Walk> enumerate(const Space& space, size_t most) {
  if (space.architecture_count() > static_cast<int64_t>(most)) return {};
  std::vector<Walk> walks;
  Walk walk;
  const std::function<void(int32_t)> go_on = [&](int32_t position) {
    if (position == Space::kEnd) {
      walks.push_back(walk);
      return;
    }
    const auto choices = space.choices(position);
    for (size_t i = 0; i < choices.size(); ++i) {
      walk.push_back({position, static_cast<int32_t>(i)});
      go_on(choices[i].target);
      walk.pop_back();
    }
  };
  go_on(space.start());
  return walks;
}

std::vector<Index> largest_first(const VectorXd& values) {
  std::vector<Index> order(static_cast<size_t>(values.size()));
  std::iota(order.begin(), order.end(), Index{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](Index a, Index b) { return values(a) > values(b); });
  return order;
}

// Architectures and what predictors see of them.
struct Pool {
  std::vector<std::string> texts;
  std::vector<Walk> walks;
  std::map<predict::Cells, kernels::Points> points;  // in each reading that is in use

  Index size() const { return static_cast<Index>(texts.size()); }
  Pool subset(const std::vector<Index>& rows) const {
    Pool result;
    for (Index row : rows) {
      result.texts.push_back(texts[static_cast<size_t>(row)]);
      result.walks.push_back(walks[static_cast<size_t>(row)]);
    }
    for (const auto& [cells, seen] : points) result.points[cells] = seen.subset(rows);
    return result;
  }
};

void append(Pool& all, const Pool& more) {
  all.texts.insert(all.texts.end(), more.texts.begin(), more.texts.end());
  all.walks.insert(all.walks.end(), more.walks.begin(), more.walks.end());
  for (const auto& [cells, seen] : more.points) {
    const auto [place, is_first] = all.points.try_emplace(cells, seen);
    if (!is_first) place->second.append(seen);
  }
}

// What is predicted of one measure of networks, larger being better.
struct Goal {
  datasets::Measure measure{};
  std::optional<double> limit{};  // the least it may be
  std::vector<Index> rows{};      // of what is known, that have it
  predict::Cells cells = predict::Cells::as_computed;
  kernels::KernelPointer kernel{};
  VectorXd parameters{};
  size_t chosen_on = 0;  // how many had it when parameters were chosen
};

class Guided : public Strategy {
 public:
  Guided(const StrategySettings& settings, const Space& space, uint64_t seed, Admission admits)
      : settings_(settings),
        space_(space),
        seed_(seed),
        admits_(std::move(admits)),
        policy_(settings, space, seed) {
    if (settings.initial_models < 2) {
      throw UsageError("strategy.initial_models = " + std::to_string(settings.initial_models) +
                       " must be at least 2");
    }
    if (settings.candidates < 1) {
      throw UsageError("strategy.candidates = " + std::to_string(settings.candidates) +
                       " must be at least 1");
    }
    if (!(settings.exploration >= 0) || !std::isfinite(settings.exploration)) {
      throw UsageError("strategy.exploration = " + std::to_string(settings.exploration) +
                       " must be at least 0");
    }
  }

  // What is only limited becomes a goal too, after those that are searched for.
  void aim(const Objective& objective) override {
    if (!objective.has_several()) return;
    objective_ = objective;
    goals_.clear();
    for (const datasets::Measure& measure : measures_of(objective))
      goals_.push_back({.measure = measure});
    for (const auto& [name, limit] : objective.limits) {
      const auto is_it = [&, &limited = name](const Goal& goal) {
        return goal.measure.name == limited &&
               goal.measure.direction == datasets::Direction::minimize;
      };
      auto goal = std::find_if(goals_.begin(), goals_.end(), is_it);
      if (goal == goals_.end())
        goal = goals_.insert(goal, {.measure = {name, datasets::Direction::minimize, ""}});
      goal->limit = -limit;
    }
  }

  void observe(const SequencedSample& sample) override {
    const bool is_new = seen_.try_emplace(sample.architecture, seen_.size() + 1).second;
    for_policy_.push_back({sample, seen_.size()});
    std::vector<double> values = values_of(sample);
    if (!is_new || values.empty()) return;
    Space::Found found = space_.find(sample.architecture);
    if (!found.walk) return;
    known_.push_back({std::move(*found.walk), std::move(values),
                      sample.reward && !sample.not_learning, seen_.size()});
  }

  void prepare(const std::vector<std::string>& pending) override {
    next_ = 0;
    const auto initial = static_cast<size_t>(settings_.initial_models);
    if (known_.size() < 2 || seen_.size() + pending.size() < initial) return;
    const Moment moment = last_moment(seen_.size());
    if (moment_.seen == 0) proposed_ = seen_.size() - moment.seen;
    if (moment_.until_next == 1 ? moment_.seen == moment.seen && prepared_pending_ == pending
                                : proposed_ < moment_.until_next && has_proposal(pending))
      return;
    if (moment_.seen > 0) proposed_ = 0;
    moment_ = moment;
    prepared_pending_ = pending;
    learn();
    try {
      if (used_ >= 2) rank_candidates();
    } catch (const Stopped&) {
      moment_ = {};
      ranking_ = {};
    }
  }

  void heed(const std::atomic<bool>* stop) override { stop_ = stop; }

  Walk propose(const Situation& situation, Random& random) override {
    ++proposed_;
    const std::unordered_set<std::string> pending(situation.pending.begin(),
                                                  situation.pending.end());
    while (next_ < ranking_.texts.size()) {
      const size_t candidate = next_++;
      const std::string& text = ranking_.texts[candidate];
      if (!seen_.contains(text) && !pending.contains(text)) return ranking_.walks[candidate];
    }
    Walk walk = admitted_walk(admits_, space_, random);
    for (int i = 1; i < kAttempts; ++i) {
      const std::string text = space_.text(walk);
      if (!seen_.contains(text) && !pending.contains(text)) break;
      walk = admitted_walk(admits_, space_, random);
    }
    return walk;
  }

 private:
  struct Stopped {};
  // Between steps of a second or less.
  void go_on_unless_stopped() const {
    if (stop_ && *stop_) throw Stopped();
  }

  // Of each goal, larger being better, NaN where the network lacks it; {} where there is nothing to learn.
  std::vector<double> values_of(const SequencedSample& sample) const {
    if (!objective_.has_several())
      return sample.reward ? std::vector<double>{*sample.reward} : std::vector<double>{};
    std::vector<double> values;
    bool has_one = false;
    for (const Goal& goal : goals_) {
      const auto found = sample.measures.find(goal.measure.name);
      const bool has_it = found != sample.measures.end();
      values.push_back(has_it ? datasets::sign_of(goal.measure.direction) * found->second : NAN);
      has_one = has_one || has_it;
    }
    return has_one ? values : std::vector<double>{};
  }

  void rank_candidates() {
    encode();
    if (objective_.has_several()) return rank_by_several();
    const predict::GaussianProcess process = fit(goals_.front());
    Random random = Random::stream(seed_, "candidates", moment_.seen + prepared_pending_.size());
    go_on_unless_stopped();
    Pool candidates = draw(random);
    VectorXd bounds = upper_bounds(process, candidates);
    for (int i = 0; i < kRefinements && all_.walks.empty(); ++i) {
      go_on_unless_stopped();
      append(candidates, children(candidates, bounds, random));
      bounds = upper_bounds(process, candidates);
    }
    go_on_unless_stopped();
    rank(process, candidates, bounds, prepared_pending_);
  }

  struct Known {
    Walk walk;
    std::vector<double> values;  // of each goal
    bool is_rewarded;            // and is no failure
    size_t seen;                 // how many architectures were then, this one included
  };

  // When the process is fitted: at each architecture seen, later at fewer.
  struct Moment {
    size_t seen = 0, number = 0, until_next = 1;
  };
  static Moment last_moment(size_t seen) {
    Moment moment;
    while (moment.seen + moment.until_next <= seen) {
      moment.seen += moment.until_next;
      ++moment.number;
      moment.until_next = std::max<size_t>(1, moment.seen / kFitsShare);
    }
    return moment;
  }

  // Whether something of the list is left.
  bool has_proposal(const std::vector<std::string>& pending) const {
    const std::unordered_set<std::string> in_training(pending.begin(), pending.end());
    return std::any_of(ranking_.texts.begin(), ranking_.texts.end(), [&](const std::string& text) {
      return !seen_.contains(text) && !in_training.contains(text);
    });
  }

  // What was seen by the moment in hand, and no more: the same after a restart.
  void learn() {
    for (; !for_policy_.empty() && for_policy_.front().second <= moment_.seen;
         for_policy_.pop_front())
      policy_.observe(for_policy_.front().first);
    while (used_ < known_.size() && known_[used_].seen <= moment_.seen) ++used_;
  }
  std::unordered_set<std::string> taken() const {
    std::unordered_set<std::string> texts(prepared_pending_.begin(), prepared_pending_.end());
    for (const auto& [text, number] : seen_) {
      if (number <= moment_.seen) texts.insert(text);
    }
    return texts;
  }

  // What the encoding reads: our grammar, cells, or the labels of a sequence without what its template
  // puts around them.
  std::string encoded(const Walk& walk) const {
    if (space_.input() || are_cells_) return space_.text(walk);
    std::string text;
    for (const Step& step : walk) {
      const auto choices = space_.choices(step.position);
      text += space_.label(choices[static_cast<size_t>(step.choice)].label) + kSeparator;
    }
    return text;
  }

  // In the readings of all goals.
  void encode(Pool& pool) {
    std::vector<std::string> texts;
    for (const Walk& walk : pool.walks) texts.push_back(encoded(walk));
    pool.points.clear();
    for (const Goal& goal : goals_) {
      if (!pool.points.contains(goal.cells))
        pool.points.emplace(goal.cells, encoding_as(goal.cells).points(texts));
    }
  }

  Pool candidates_of(std::vector<Walk> walks) {
    Pool candidates;
    for (const Walk& walk : walks) candidates.texts.push_back(space_.text(walk));
    candidates.walks = std::move(walks);
    encode(candidates);
    return candidates;
  }

  // What there is to encode, once, and the points of what became known since the last time.
  void encode() {
    if (training_texts_.empty()) survey();
    for (Goal& goal : goals_) {
      if (!goal.kernel) read_as(goal, predict::Cells::as_computed);
    }
    std::vector<Walk> walks;
    for (size_t i = static_cast<size_t>(observed_.size()); i < used_; ++i) {
      walks.push_back(known_[i].walk);
      for (size_t j = 0; j < goals_.size(); ++j) {
        if (!std::isnan(known_[i].values[j])) goals_[j].rows.push_back(static_cast<Index>(i));
      }
    }
    if (!walks.empty()) append(observed_, candidates_of(std::move(walks)));
  }

  // All that may be proposed where the space is small, and what tells the encoding what to expect.
  void survey() {
    std::vector<Walk> walks = enumerate(space_, kEnumerable);
    const bool whole = !walks.empty();
    Random random = Random::stream(seed_, "encoding");
    while (!whole && walks.size() < kForEncoding) walks.push_back(space_.uniform_walk(random));
    std::vector<std::string> texts;
    for (const Walk& walk : walks) texts.push_back(space_.text(walk));
    are_cells_ = predict::are_cells(kCells, texts);
    for (const Walk& walk : walks) training_texts_.push_back(encoded(walk));
    std::sort(training_texts_.begin(), training_texts_.end());
    training_texts_.erase(std::unique(training_texts_.begin(), training_texts_.end()),
                          training_texts_.end());
    if (!whole) return;
    std::erase_if(walks, [&](const Walk& walk) { return !admitted(admits_, space_, walk); });
    for (const Walk& walk : walks) all_.texts.push_back(space_.text(walk));
    all_.walks = std::move(walks);
  }

  const predict::Encoding& encoding_as(predict::Cells cells) {
    std::optional<predict::Encoding>& made = encodings_[cells];
    if (made) return *made;
    predict::EncodingSettings settings;
    settings.tokens = space_.input() ? "grammar" : are_cells_ ? kCells.tokens : kSeparator;
    settings.input = space_.input().value_or(settings.input);
    return made.emplace(settings, training_texts_, predict::Reading{.cells = cells});
  }

  // From now on; points are made anew.
  void read_as(Goal& goal, predict::Cells cells) {
    goal.cells = cells;
    goal.kernel = predict::sum_kernel(encoding_as(cells));
    encode(all_);
    encode(observed_);
  }

  // By the rows that had it first.
  void choose_reading(Goal& goal, const std::vector<Index>& rows) {
    if (!are_cells_ || rows.size() < kFewestToChooseReading) return;
    std::vector<std::string> texts;
    for (const Index row : rows) texts.push_back(encoded(known_[static_cast<size_t>(row)].walk));
    const bool gains = predict::gains_as_written(encoding_as(predict::Cells::as_computed),
                                                 encoding_as(predict::Cells::as_written), texts,
                                                 values(goal, rows), seed_);
    const auto cells = gains ? predict::Cells::as_written : predict::Cells::as_computed;
    if (goal.cells != cells) read_as(goal, cells);
  }

  VectorXd values(const Goal& goal, const std::vector<Index>& rows) const {
    const auto j = static_cast<size_t>(&goal - goals_.data());
    VectorXd values(static_cast<Index>(rows.size()));
    for (size_t i = 0; i < rows.size(); ++i)
      values(static_cast<Index>(i)) = known_[static_cast<size_t>(rows[i])].values[j];
    return values;
  }

  VectorXd scores(const Goal& goal, const std::vector<Index>& rows) const {
    return predict::normal_scores(values(goal, rows));
  }

  predict::GaussianProcess fit(Goal& goal) {
    choose_parameters(goal);
    go_on_unless_stopped();
    const std::vector<Index> rows = rows_to_fit(goal);
    return predict::GaussianProcess::fit(goal.kernel, goal.parameters, {},
                                         observed_.points.at(goal.cells).subset(rows),
                                         scores(goal, rows));
  }

  // On the first m that had it, m growing by steps: the same after a restart.
  void choose_parameters(Goal& goal) {
    const size_t known = goal.rows.size();
    auto m = std::min(static_cast<size_t>(settings_.initial_models), known);
    for (size_t next = m; next <= known;
         next = std::max(m + 1, static_cast<size_t>(kMoreKnown * static_cast<double>(m)))) {
      m = next;
    }
    if (m == goal.chosen_on) return;
    const std::vector<Index> rows(goal.rows.begin(),
                                  goal.rows.begin() + static_cast<std::ptrdiff_t>(m));
    go_on_unless_stopped();
    choose_reading(goal, rows);
    go_on_unless_stopped();
    predict::HyperparameterSettings settings;
    settings.seed = seed_;
    goal.parameters =
        predict::choose_hyperparameters(*goal.kernel, observed_.points.at(goal.cells).subset(rows),
                                        scores(goal, rows), settings)
            .parameters;
    goal.chosen_on = m;
  }

  // Of what has the goal.
  std::vector<Index> best_first(const Goal& goal) const {
    std::vector<Index> rows = largest_first(values(goal, goal.rows));
    for (Index& row : rows) row = goal.rows[static_cast<size_t>(row)];
    return rows;
  }

  std::vector<Index> rows_to_fit(const Goal& goal) const {
    std::vector<Index> rows = best_first(goal);
    if (static_cast<Index>(rows.size()) > kMostPoints) {
      std::vector<Index> others(rows.begin() + kMostPoints / 2, rows.end());
      Random random = Random::stream(seed_, "points", used_);
      shuffle(others, random);
      rows.resize(kMostPoints / 2);
      rows.insert(rows.end(), others.begin(), others.begin() + kMostPoints / 2);
    }
    std::sort(rows.begin(), rows.end());
    return rows;
  }

  // Nothing that is known, in training, or there twice.
  Pool draw(Random& random) {
    std::unordered_set<std::string> taken = this->taken();
    if (!all_.walks.empty()) {
      std::vector<Index> free;
      for (Index i = 0; i < all_.size(); ++i) {
        if (!taken.contains(all_.texts[static_cast<size_t>(i)])) free.push_back(i);
      }
      return all_.subset(free);
    }
    std::vector<Index> parents = objective_.has_several() ? front() : best_first(goals_.front());
    if (!objective_.has_several()) parents.resize(std::min(parents.size(), kParents));
    DistinctWalks distinct(space_, admits_, std::move(taken));
    const auto count = static_cast<size_t>(settings_.candidates);
    std::vector<Walk> walks;
    for (size_t i = 0; walks.size() < count && i < kAttempts * count; ++i) {
      Walk walk = i % 4 == 0   ? mutate(space_, walk_of_one(parents, random), random)
                  : i % 4 == 1 ? policy_.propose({kPolicyEpsilon, {}}, random)
                               : space_.uniform_walk(random);
      if (distinct.take(walk)) walks.push_back(std::move(walk));
    }
    return candidates_of(std::move(walks));
  }

  const Walk& walk_of_one(const std::vector<Index>& rows, Random& random) const {
    return known_[static_cast<size_t>(rows[random.below(rows.size())])].walk;
  }

  // Mutations of the candidates with the largest bounds, none of them there yet.
  Pool children(const Pool& candidates, const VectorXd& bounds, Random& random) {
    std::unordered_set<std::string> taken = this->taken();
    taken.insert(candidates.texts.begin(), candidates.texts.end());
    DistinctWalks distinct(space_, admits_, std::move(taken));
    const std::vector<Index> order = largest_first(bounds);
    std::vector<Walk> walks;
    for (size_t p = 0; p < std::min<size_t>(order.size(), kRefinedParents); ++p) {
      for (int c = 0; c < kChildren; ++c) {
        Walk walk = mutate(space_, candidates.walks[static_cast<size_t>(order[p])], random);
        if (distinct.take(walk)) walks.push_back(std::move(walk));
      }
    }
    return candidates_of(std::move(walks));
  }

  // In every second proposal the more the longer nothing better was found: a process that is sure
  // of itself would go on for ever around an optimum that is none. The others finish what is near.
  double exploration() const {
    if ((moment_.number + prepared_pending_.size()) % 2 == 1) return settings_.exploration;
    const Index best =
        std::max<Index>(best_first(goals_.front()).front(), settings_.initial_models - 1);
    const Index since = std::max<Index>(static_cast<Index>(used_) - 1 - best, 0);
    return settings_.exploration *
           std::min(1 + static_cast<double>(since) / kPatience, kMostExploration);
  }

  // mean + exploration * deviation; minus infinity where the mean is too low for it to be computed.
  VectorXd upper_bounds(const predict::GaussianProcess& process, const Pool& candidates) const {
    VectorXd bounds = VectorXd::Constant(candidates.size(), -INFINITY);
    if (candidates.size() == 0) return bounds;
    const kernels::Points& points = candidates.points.at(goals_.front().cells);
    const VectorXd mean = process.mean(points);
    std::vector<Index> rows = largest_first(mean);
    rows.resize(static_cast<size_t>(std::min<Index>(candidates.size(), kMostScored)));
    const kernels::Points some = points.subset(rows);
    const VectorXd deviation = process.deviation(some, predict::Spread::of_function);
    const double exploration = this->exploration();
    for (size_t i = 0; i < rows.size(); ++i)
      bounds(rows[i]) = mean(rows[i]) + exploration * deviation(static_cast<Index>(i));
    return bounds;
  }

  // The short list, picked in turn: what is picked, or in training, counts as observed for the
  // deviations of the others.
  void rank(const predict::GaussianProcess& process, const Pool& candidates, const VectorXd& bounds,
            const std::vector<std::string>& pending) {
    std::vector<Index> rows = largest_first(bounds);
    rows.resize(std::min<size_t>(rows.size(), kShortList));
    ranking_ = candidates.subset(rows);
    Pool list = ranking_;
    if (Pool busy = in_training(pending); busy.size() > 0) append(list, busy);
    const Index n = ranking_.size();
    if (n == 0) return;
    const kernels::Points& points = list.points.at(goals_.front().cells);
    const MatrixXd gram = process.gram(points);
    const VectorXd mean = process.mean(gram);
    MatrixXd covariance = process.covariance(points, gram);
    const auto count_as_observed = [&](Index i) { observe_in(covariance, i, process.noise()); };
    for (Index i = n; i < list.size(); ++i) count_as_observed(i);
    const double exploration = this->exploration();
    pick_in_turn(n, count_as_observed, [&](Index i) {
      return mean(i) + exploration * std::sqrt(std::max(covariance(i, i), 0.0));
    });
  }

  Pool in_training(const std::vector<std::string>& pending) {
    std::vector<Walk> walks;
    for (const std::string& text : pending) {
      if (auto found = space_.find(text); found.walk) walks.push_back(std::move(*found.walk));
    }
    return candidates_of(std::move(walks));
  }

  // What is left of it once the i-th has been observed.
  static void observe_in(MatrixXd& covariance, Index i, double noise) {
    const VectorXd column = covariance.col(i);
    covariance -= column * column.transpose() / (std::max(column(i), 0.0) + noise);
  }

  // Puts the first n of the ranking in order: kPicked in turn by their worth, then the rest.
  template <typename Observe, typename Worth>
  void pick_in_turn(Index n, const Observe& count_as_observed, const Worth& worth_of) {
    std::vector<Index> order;
    std::vector<bool> picked(static_cast<size_t>(n), false);
    for (int p = 0; p < kPicked && static_cast<Index>(order.size()) < n; ++p) {
      Index best = -1;
      double largest = -INFINITY;
      for (Index i = 0; i < n; ++i) {
        if (picked[static_cast<size_t>(i)]) continue;
        const double worth = worth_of(i);
        if (best >= 0 && worth <= largest) continue;
        best = i;
        largest = worth;
      }
      picked[static_cast<size_t>(best)] = true;
      order.push_back(best);
      count_as_observed(best);
    }
    for (Index i = 0; i < n; ++i) {
      if (!picked[static_cast<size_t>(i)]) order.push_back(i);
    }
    ranking_ = ranking_.subset(order);
  }

  // ---- Of several measures ----

  Index searched() const { return static_cast<Index>(objective_.others.size()) + 1; }

  // Rows of what is known, complete, within the limits, with all that is searched for.
  std::vector<Index> complete() const {
    std::vector<Index> rows;
    for (size_t i = 0; i < used_; ++i) {
      const std::vector<double>& values = known_[i].values;
      bool keeps = known_[i].is_rewarded;
      for (size_t j = 0; j < goals_.size() && keeps; ++j)
        keeps = !std::isnan(values[j]) && (!goals_[j].limit || values[j] >= *goals_[j].limit);
      if (keeps) rows.push_back(static_cast<Index>(i));
    }
    return rows;
  }

  // What is searched for of these rows.
  std::vector<std::vector<double>> searched_values(const std::vector<Index>& rows) const {
    std::vector<std::vector<double>> values;
    for (const Index row : rows) {
      const std::vector<double>& all = known_[static_cast<size_t>(row)].values;
      values.emplace_back(all.begin(), all.begin() + searched());
    }
    return values;
  }

  // Those on the front; while nothing is complete, whatever is known.
  std::vector<Index> front() const {
    const std::vector<Index> rows = complete();
    if (rows.empty()) return goals_.front().rows;
    const auto values = searched_values(rows);
    MatrixXd points(static_cast<Index>(rows.size()), searched());
    for (size_t i = 0; i < rows.size(); ++i)
      points.row(static_cast<Index>(i)) =
          Eigen::Map<const Eigen::RowVectorXd>(values[i].data(), searched());
    std::vector<Index> best = kernels::non_dominated(points);
    for (Index& row : best) row = rows[static_cast<size_t>(row)];
    return best;
  }

  // What the processes of all goals say, and what is known.
  struct Outlook {
    std::vector<predict::GaussianProcess> processes;
    Prospects prospects;
  };

  // Nothing while a goal is known of fewer than two networks.
  std::optional<Outlook> outlook() {
    std::vector<predict::GaussianProcess> processes;
    std::vector<ScoreScale> scales;
    std::vector<LeastScore> limits;
    for (Goal& goal : goals_) {
      if (goal.rows.size() < 2) return std::nullopt;
      processes.push_back(fit(goal));
      scales.emplace_back(values(goal, goal.rows));
      if (goal.limit)
        limits.push_back({static_cast<Index>(scales.size()) - 1, scales.back().score(*goal.limit)});
    }
    const auto scores_of = [&](const std::vector<double>& values) {
      VectorXd scores(searched());
      for (Index j = 0; j < searched(); ++j)
        scores(j) = scales[static_cast<size_t>(j)].score(values[static_cast<size_t>(j)]);
      return scores;
    };
    const auto known = searched_values(complete());
    const VectorXd reference = scores_of(
        reference_of(objective_, known.empty() ? searched_values(goals_.front().rows) : known));
    Outlook made{std::move(processes),
                 Prospects(reference, std::move(limits), settings_.exploration / kSeveralAtOnce)};
    for (const std::vector<double>& values : known) made.prospects.add(scores_of(values));
    return made;
  }

  void rank_by_several() {
    std::optional<Outlook> outlook = this->outlook();
    if (!outlook) return;
    Random random = Random::stream(seed_, "candidates", moment_.seen + prepared_pending_.size());
    go_on_unless_stopped();
    Pool candidates = draw(random);
    VectorXd prospects = prospects_of(*outlook, candidates);
    for (int i = 0; i < kRefinements && all_.walks.empty(); ++i) {
      go_on_unless_stopped();
      append(candidates, children(candidates, prospects, random));
      prospects = prospects_of(*outlook, candidates);
    }
    go_on_unless_stopped();
    rank_by_several(*outlook, candidates, prospects);
  }

  // Minus infinity where means are too low for deviations to be computed.
  VectorXd prospects_of(const Outlook& outlook, const Pool& candidates) const {
    const Index n = candidates.size(), goals = static_cast<Index>(goals_.size());
    VectorXd prospects = VectorXd::Constant(n, -INFINITY);
    if (n == 0) return prospects;
    MatrixXd means(n, goals);
    for (Index j = 0; j < goals; ++j)
      means.col(j) = process(outlook, j).mean(points_of(candidates, j));
    VectorXd hopes(n);
    for (Index i = 0; i < n; ++i)
      hopes(i) = outlook.prospects.of(means.row(i), VectorXd::Ones(goals));
    std::vector<Index> rows = largest_first(hopes);
    rows.resize(static_cast<size_t>(std::min(n, kMostScored)));
    MatrixXd deviations(static_cast<Index>(rows.size()), goals);
    for (Index j = 0; j < goals; ++j)
      deviations.col(j) =
          process(outlook, j)
              .deviation(points_of(candidates, j).subset(rows), predict::Spread::of_function);
    for (size_t i = 0; i < rows.size(); ++i)
      prospects(rows[i]) =
          outlook.prospects.of(means.row(rows[i]), deviations.row(static_cast<Index>(i)));
    return prospects;
  }

  const kernels::Points& points_of(const Pool& pool, Index goal) const {
    return pool.points.at(goals_[static_cast<size_t>(goal)].cells);
  }
  static const predict::GaussianProcess& process(const Outlook& outlook, Index goal) {
    return outlook.processes[static_cast<size_t>(goal)];
  }

  // The short list, picked in turn: what is picked, or in training, counts as observed at its means.
  void rank_by_several(Outlook& outlook, const Pool& candidates, const VectorXd& prospects) {
    std::vector<Index> rows = largest_first(prospects);
    rows.resize(std::min<size_t>(rows.size(), kShortList));
    ranking_ = candidates.subset(rows);
    const Index n = ranking_.size();
    if (n == 0) return;
    Pool list = ranking_;
    if (Pool busy = in_training(prepared_pending_); busy.size() > 0) append(list, busy);
    const auto goals = static_cast<Index>(goals_.size());
    MatrixXd means(list.size(), goals);
    std::vector<MatrixXd> covariances;
    for (Index j = 0; j < goals; ++j) {
      const MatrixXd gram = process(outlook, j).gram(points_of(list, j));
      means.col(j) = process(outlook, j).mean(gram);
      covariances.push_back(process(outlook, j).covariance(points_of(list, j), gram));
    }
    const auto count_as_observed = [&](Index i) {
      outlook.prospects.add(means.row(i));
      for (Index j = 0; j < goals; ++j)
        observe_in(covariances[static_cast<size_t>(j)], i, process(outlook, j).noise());
    };
    for (Index i = n; i < list.size(); ++i) count_as_observed(i);
    pick_in_turn(n, count_as_observed, [&](Index i) {
      VectorXd deviation(goals);
      for (Index j = 0; j < goals; ++j)
        deviation(j) = std::sqrt(std::max(covariances[static_cast<size_t>(j)](i, i), 0.0));
      return outlook.prospects.of(means.row(i), deviation);
    });
  }

  static constexpr const char* kSeparator = "\x1f";
  inline static const predict::EncodingSettings kCells{.tokens = "|"};

  StrategySettings settings_;
  const Space& space_;
  uint64_t seed_;
  Admission admits_;
  QLearning policy_;
  std::unordered_map<std::string, size_t> seen_;  // and which in their order, from 1
  std::vector<Known> known_;                      // different, with a reward, in their order
  size_t used_ = 0;                               // of these, by the moment in hand
  std::deque<std::pair<SequencedSample, size_t>> for_policy_;  // and how many were seen then
  const std::atomic<bool>* stop_ = nullptr;
  Moment moment_;
  size_t proposed_ = 0;                      // since the fit, by this worker, and before it began
  std::vector<std::string> training_texts_;  // of the encoding
  std::map<predict::Cells, std::optional<predict::Encoding>> encodings_;
  bool are_cells_ = false;
  Objective objective_;  // where there are several measures
  std::vector<Goal> goals_ = {
      Goal{}};     // the reward, or the measures, and then what is only limited
  Pool all_;       // what may be proposed of the whole space, if it is small
  Pool observed_;  // of known_
  Pool ranking_;
  size_t next_ = 0;  // in ranking_
  std::vector<std::string> prepared_pending_;
};

}  // namespace

std::unique_ptr<Strategy> make_guided(const StrategySettings& settings, const Space& space,
                                      uint64_t seed, Admission admits) {
  return std::make_unique<Guided>(settings, space, seed, std::move(admits));
}

}  // namespace metaqnn::search
