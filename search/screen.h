// Which of many untrained architectures are worth training, and how right are predictions there? The
// slides' meta-modelling experiment:
//
//   1. fit each method on the results of the study
//   2. draw different architectures that the study has not seen and that keep the limits
//   3. each method picks those with its largest predictions, or that spread over its predicted front
//   4. train the union of the picks; the agent and later fits learn from them like from any trial
//   5. compare, over one method's picks with a result y and its predictions f:
//
//      l2_loss            mean (y - f)^2
//      constant_l2_loss   mean (y - m)^2, with m the mean of what was fitted on
//      mean_accuracy, best_accuracy   of y
//
// Baker, Gupta, Naik, Raskar, slides of ICLR 2017, "Regression as a Meta-Modeling Approach". A
// network that does not learn has the accuracy of chance, as everywhere in a study; one that failed
// otherwise has no y.
//
// A plan is steps 1 to 3. Once stored it is what the same settings give again, whatever the study
// has learned since, so a screening that was interrupted goes on with the same picks. Storing adds
// the picks as trials that wait, origin "screen", with a sample each: any worker trains them, and a
// worker with `waiting_only` (search.h) nothing else.
//
//   ScreenPlan plan = plan_screen(*study, configuration, settings);
//   plan = store_plan(*study, settings, plan);
//   work(*study, {.waiting_only = true});
//   for (const Shortlist& list : plan.shortlists) assess(list, plan.study.mean, *study);
//
// Cost: the fits (n^3 for n results), and n distances for each candidate.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "metaqnn/search/study/study.h"
#include "predict/predictor.h"
#include "search/limits.h"

namespace metaqnn::search {

// Fewer results tell nothing about any method.
constexpr int64_t kFewestScreenResults = 10;

// Where candidates come from: a uniform walk through the space; the study's own strategy at an
// epsilon; half of them each.
enum class Draw { uniform, policy, mixture };
Draw parse_draw(const std::string& name);  // throws UsageError
std::string to_string(Draw draw);

struct ScreenSettings {
  int64_t candidates = 10000;
  int64_t top = 10;                  // picks of each method
  std::vector<std::string> methods;  // of predict::methods()
  // Of a study with several measures: each method predicts all of them, and its picks are spread over the front of
  // its predictions (kernels/pareto.h) beyond the study's reference, instead of its best of the first.
  bool front = false;
  Draw draw = Draw::uniform;
  double epsilon = 0.1;           // of the policy
  SizeLimits limits;              // besides those of the study's evaluator
  TrainingMemorySettings memory;  // what the estimate rests on
  predict::EncodingSettings encoding;
  predict::Failures failures = predict::Failures::as_chance;
  predict::FitSettings fit;  // its seed is that of the draw too
};

// What was fitted on.
struct StudyFigures {
  int64_t results = 0;       // different architectures with a result
  double mean = 0;           // of their values
  double percentile_90 = 0;  // the first, from the worst on, that 90% of them are no better than
  double best = 0;
  // Mean of the networks drawn uniformly: proposed at epsilon 1. None where there are none.
  std::optional<double> exploration_mean;
};

struct Pick {
  std::string architecture;
  double prediction = 0;
};

struct Shortlist {
  std::string method;
  std::vector<Pick> picks;  // best prediction first; of equal ones the first drawn
};

struct ScreenPlan {
  StudyFigures study;
  int64_t candidates = 0;  // drawn
  int64_t over_limit = 0;  // different architectures that were left out and replaced
  bool exhausted = false;  // there are no more candidates, or walks do not find them
  std::vector<Shortlist> shortlists;

  // The union of the picks, each once, in the order of the shortlists.
  std::vector<std::string> architectures() const;
};

// Throws UsageError for an unknown method, fewer results than kFewestScreenResults, or limits on
// strings that are no networks; FailureError where no candidate is found.
ScreenPlan plan_screen(Study& study, const Configuration& configuration,
                       const ScreenSettings& settings);

// The plan that was stored for these settings: equal in all but threads, and in what follows from
// the study itself (encoding, basis of the memory estimate).
std::optional<ScreenPlan> stored_plan(Study& study, const ScreenSettings& settings);

// Of all screenings of a study.
std::vector<ScreenPlan> stored_plans(Study& study);

// Stores it with its picks in one transaction. Returns the plan that is now the stored one: another
// process may have been faster.
ScreenPlan store_plan(Study& study, const ScreenSettings& settings, const ScreenPlan& plan);

struct ShortlistFigures {
  int64_t results = 0;  // picks with a value
  std::optional<double> l2_loss, constant_l2_loss, mean_accuracy, best_accuracy;  // of the values
};

ShortlistFigures assess(const Shortlist& shortlist, double study_mean, Study& study,
                        datasets::Direction direction = datasets::Direction::maximize);

// A pick of a screening, which no walk of the search led to.
bool is_screened(const Trial& trial);
// False for the sample of `trial` that a screening stored with its pick, at the trial's epsilon; the
// agent may walk to a pick later.
bool is_walk(const Sample& sample, const Trial& trial);

}  // namespace metaqnn::search
