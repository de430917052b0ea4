#include "search/proposer.h"

#include <utility>

#include "metaqnn/base/random.h"
#include "metaqnn/search/search.h"
#include "metaqnn/search/space/distinct_walks.h"

namespace metaqnn::search {
namespace {

// How many walks in a row onto known architectures, each stored as a sample, before the space
// counts as exhausted.
constexpr int kFruitlessSamples = 10000;

int64_t trial_count(const Counts& counts) {
  int64_t total = 0;
  for (const auto& [state, count] : counts.by_state) total += count;
  return total;
}

}  // namespace

int release_orphans(Study& study) {
  int released = 0;
  for (const Trial& trial : study.orphaned_trials()) {
    study.release_trial(trial.number, trial.attempts + (trial.leased_until ? 1 : 0));
    ++released;
  }
  return released;
}

Proposer::Proposer(Study& study, const Configuration& configuration, Space space, Admission admits,
                   const std::atomic<bool>* stop)
    : study_(study),
      configuration_(configuration),
      seed_(study.info().seed),
      space_(std::move(space)),
      space_size_(space_.architecture_count()),
      admits_(std::move(admits)),
      stop_(stop) {
  begin_to_learn();
}

void Proposer::begin_to_learn() {
  strategy_ = make_strategy(configuration_, space_, seed_, admits_);
  strategy_->heed(stop_);
  learned_ = 0;
}

void Proposer::prepare() {
  learn();
  strategy_->prepare(study_.pending_architectures());
}

Proposal Proposer::propose(const Holder& holder, int64_t limit, std::optional<int64_t> promising) {
  using Kind = Proposal::Kind;
  release_orphans(study_);
  const Counts counts = study_.counts();
  const int64_t in_hand = counts.in(TrialState::running);
  if (counts.unique_models + in_hand < limit) {
    if (auto waiting = study_.claim_waiting_trial(holder.worker, holder.leased_until))
      return {Kind::trial, std::move(*waiting)};
  }
  if (promising) {
    if (auto stopped = study_.resume_stopped_trial(*promising, holder.worker))
      return {Kind::trial, std::move(*stopped)};
  }
  if (counts.unique_models + in_hand >= limit)  // what waits is left to who may do more
    return {in_hand > 0 ? Kind::wait : Kind::done};
  const int64_t models = counts.unique_models + counts.reserved;
  const std::optional<double> epsilon = epsilon_at(configuration_.strategy.schedule, models);
  if (!epsilon) return {counts.reserved > 0 ? Kind::wait : Kind::done};
  if (trial_count(counts) == space_size_ || counts.repeats >= kFruitlessSamples)
    return {counts.reserved > 0 ? Kind::wait : Kind::exhausted};
  if (is_revised()) return {Kind::known};  // what is prepared is out of date
  learn();
  if (is_stopped()) return {Kind::known};  // perhaps not all was learned
  return walk(holder, counts, *epsilon);
}

bool Proposer::is_revised() {
  return configuration_.stopping.is_on() && study_.note(kRevisions) != revisions_;
}

void Proposer::learn() {
  if (is_revised()) {
    begin_to_learn();
    revisions_ = study_.note(kRevisions);
  }
  const bool with_measures = configuration_.evaluator.objective.has_several();
  for (const SequencedSample& sample : study_.sequenced_samples_after(learned_, with_measures)) {
    if (is_stopped()) return;
    strategy_->observe(sample);
    learned_ = sample.sequence;
  }
}

Proposal Proposer::walk(const Holder& holder, const Counts& counts, double epsilon) {
  const Situation situation{epsilon, study_.pending_architectures()};
  Random random = Random::stream(seed_, "walk", static_cast<uint64_t>(counts.samples) + 1);
  DistinctWalks walks(space_);
  while (auto architecture = walks.next([&] { return strategy_->propose(situation, random); })) {
    std::optional<Trial> known = study_.find_trial(*architecture);
    if (!known) return {Proposal::Kind::trial, reserve(holder, *architecture, epsilon)};
    if (known->state == TrialState::failed && !known->counts()) continue;  // and barred
    study_.add_sample(known->number, epsilon);
    return {Proposal::Kind::known};
  }
  return {Proposal::Kind::exhausted};
}

Trial Proposer::reserve(const Holder& holder, const std::string& architecture, double epsilon) {
  Trial trial;
  trial.architecture = architecture;
  trial.state = TrialState::running;
  trial.epsilon = epsilon;
  trial.attempts = 1;
  trial.origin = holder.leased_until ? "ask" : "search";
  trial.leased_until = holder.leased_until;
  trial.number = study_.add_trial(trial, holder.worker);
  study_.add_sample(trial.number, epsilon);
  return trial;
}

}  // namespace metaqnn::search
