#include "search/screen.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "metaqnn/base/error.h"
#include "metaqnn/base/random.h"
#include "metaqnn/search/import.h"
#include "metaqnn/search/search.h"
#include "search/agent/q_learning.h"
#include "tests/cli/run_program.h"
#include "tests/tolerances.h"

namespace metaqnn::search {
namespace {

using testing::HasSubstr;
using tests::Folder;

// Each token of a string is worth something, so that a line in their counts predicts well.
double accuracy_of(const std::string& text) {
  double accuracy = 0.2;
  for (char token : text) {
    if (token != '+') accuracy += 0.05 * (token - 'a');
  }
  return accuracy;
}

// A sequence space of 125 strings, a table for it, and a study of 30 of them.
class Screen : public testing::Test {
 protected:
  Screen() {
    std::string table = "architecture,accuracy\n";
    const std::string tokens = "abcde";
    for (char first : tokens) {
      for (char second : tokens) {
        for (char third : tokens) {
          const std::string text = {first, '+', second, '+', third};
          table += text + "," + std::to_string(accuracy_of(text)) + "\n";
        }
      }
    }
    folder_.write("table.csv", table);
    configuration_ = parse_configuration(
        "seed = 5\n"
        "[space]\nkind = \"sequence\"\ntemplate = \"{}+{}+{}\"\n"
        "alphabet = [\"a\", \"b\", \"c\", \"d\", \"e\"]\n"
        "[strategy]\nalpha = 0.1\nschedule = [[1.0, 30]]\n"
        "[evaluator]\nkind = \"table\"\nfile = \"table.csv\"\ntarget = \"accuracy\"\n",
        "test", (folder_ / "table.csv").parent_path());
    settings_.candidates = 40;
    settings_.top = 5;
    settings_.methods = {"lls", "nearest"};
    settings_.encoding.tokens = "+";
  }

  std::unique_ptr<Study> make_study(int64_t trials) const {
    auto study =
        create_study(folder_.url("study.db"), describe_study(configuration_), Durability::process);
    work(*study, {.resources = {}, .limit = trials});
    return study;
  }

  ScreenPlan plan(Study& study) const { return plan_screen(study, configuration_, settings_); }

  ScreenPlan store(Study& study) const { return store_plan(study, settings_, plan(study)); }

  static void train_waiting(Study& study) { work(study, {.resources = {}, .waiting_only = true}); }

  Folder folder_;
  Configuration configuration_;
  ScreenSettings settings_;
};

template <typename Exception, typename Action>
std::string error_of(const Action& action) {
  try {
    action();
  } catch (const Exception& error) {
    return error.what();
  }
  return "accepted";
}

std::vector<double> predictions_of(const Shortlist& list) {
  std::vector<double> predictions;
  for (const Pick& pick : list.picks) predictions.push_back(pick.prediction);
  return predictions;
}

bool equal(const ScreenPlan& a, const ScreenPlan& b) {
  if (a.shortlists.size() != b.shortlists.size() || a.candidates != b.candidates ||
      a.over_limit != b.over_limit || a.exhausted != b.exhausted ||
      a.study.results != b.study.results || a.study.mean != b.study.mean ||
      a.study.percentile_90 != b.study.percentile_90 || a.study.best != b.study.best ||
      a.study.exploration_mean != b.study.exploration_mean)
    return false;
  for (size_t i = 0; i < a.shortlists.size(); ++i) {
    if (a.shortlists[i].method != b.shortlists[i].method ||
        predictions_of(a.shortlists[i]) != predictions_of(b.shortlists[i]))
      return false;
  }
  return a.architectures() == b.architectures();
}

TEST_F(Screen, PicksWhatPromisesMostAmongWhatTheStudyHasNotSeen) {
  const auto study = make_study(30);
  const ScreenPlan plan = this->plan(*study);
  EXPECT_EQ(plan.candidates, 40);
  EXPECT_FALSE(plan.exhausted);
  ASSERT_EQ(plan.shortlists.size(), 2u);
  for (const Shortlist& list : plan.shortlists) {
    ASSERT_EQ(list.picks.size(), 5u);
    const std::vector<double> predictions = predictions_of(list);
    EXPECT_TRUE(std::is_sorted(predictions.rbegin(), predictions.rend()));
    for (const Pick& pick : list.picks) EXPECT_FALSE(study->find_trial(pick.architecture));
  }
  // The accuracy is linear in the counts of tokens, so least squares predicts it.
  for (const Pick& pick : plan.shortlists[0].picks)
    EXPECT_NEAR(pick.prediction, accuracy_of(pick.architecture), 0.05);
  const std::vector<std::string> all = plan.architectures();
  EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), all.size());
}

TEST_F(Screen, TakesAllThereAreWhereTheSpaceHasFewer) {
  const auto study = make_study(30);
  settings_.candidates = 10000;
  const ScreenPlan plan = this->plan(*study);
  EXPECT_EQ(plan.candidates, 95);
  EXPECT_TRUE(plan.exhausted);
}

TEST_F(Screen, OfASpaceThatIsSeenWholeSaysThatNothingIsLeft) {
  configuration_.strategy.schedule = {{1.0, 200}};
  const auto study = make_study(125);
  EXPECT_THAT(error_of<FailureError>([&] { plan(*study); }),
              HasSubstr("no architecture is left to screen"));
}

TEST_F(Screen, OfFewResultsIsRefusedWithTheRemedy) {
  const auto study = make_study(9);
  EXPECT_THAT(error_of<UsageError>([&] { plan(*study); }),
              testing::AllOf(HasSubstr("has 9; it takes 10"), HasSubstr("metaqnn search --study")));
}

TEST_F(Screen, OfStringsThatAreNoNetworksHasNoLimits) {
  const auto study = make_study(30);
  settings_.limits.parameters = 1000;
  EXPECT_THAT(error_of<UsageError>([&] { plan(*study); }), HasSubstr("leave the limits out"));
}

TEST_F(Screen, WithTheSameSeedMakesTheSamePlan) {
  const auto study = make_study(30);
  const ScreenPlan first = plan(*study);
  EXPECT_TRUE(equal(first, plan(*study)));
  settings_.fit.seed = 1;
  EXPECT_FALSE(equal(first, plan(*study)));
}

// Greedy walks find one string, or the few that tie; a mixture fills up with others.
TEST_F(Screen, DrawsByThePolicyWhatThePolicyReaches) {
  const auto study = make_study(30);
  settings_.draw = Draw::policy;
  settings_.epsilon = 0.5;
  EXPECT_EQ(plan(*study).candidates, 40);
  settings_.epsilon = 0;
  settings_.draw = Draw::mixture;
  EXPECT_EQ(plan(*study).candidates, 40);
}

TEST_F(Screen, StoresItsPicksAsTrialsThatWaitWithASampleEach) {
  const auto study = make_study(30);
  const int64_t samples = study->counts().samples;
  const ScreenPlan plan = store(*study);
  const Counts counts = study->counts();
  EXPECT_EQ(counts.reserved, static_cast<int64_t>(plan.architectures().size()));
  EXPECT_EQ(counts.samples, samples + counts.reserved);
  for (const std::string& architecture : plan.architectures()) {
    const auto trial = study->find_trial(architecture);
    ASSERT_TRUE(trial);
    EXPECT_EQ(trial->state, TrialState::waiting);
    EXPECT_EQ(trial->origin, "screen");
  }
}

TEST_F(Screen, PlanStaysAsItWasStored) {
  const auto study = make_study(30);
  EXPECT_FALSE(stored_plan(*study, settings_));
  const ScreenPlan stored = store(*study);
  train_waiting(*study);
  ASSERT_TRUE(stored_plan(*study, settings_));
  EXPECT_TRUE(equal(stored, *stored_plan(*study, settings_)));
  const ScreenPlan later = plan(*study);
  EXPECT_FALSE(equal(stored, later));  // it has learned, and leaves out what it has trained
  EXPECT_TRUE(equal(stored, store_plan(*study, settings_, later)));
  EXPECT_EQ(study->counts().reserved, 0);
  settings_.top = 4;
  EXPECT_FALSE(stored_plan(*study, settings_));
}

TEST_F(Screen, PlanThatCannotBeReadIsADataErrorWithTheRemedy) {
  auto study = make_study(30);
  store(*study);
  study.reset();
  std::string bytes = tests::read_text(folder_ / "study.db");
  const size_t plan = bytes.find("{\"results\"");
  ASSERT_NE(plan, std::string::npos);
  bytes[plan] = '[';
  folder_.write("study.db", bytes);
  study = open_study(folder_.url("study.db"));
  EXPECT_THAT(error_of<DataError>([&] { stored_plan(*study, settings_); }),
              HasSubstr("cannot be read"));
}

// The schedule is at its end, so that a search would do nothing.
TEST_F(Screen, PicksAreTrainedByAWorkerThatTakesOnlyWhatWaits) {
  const auto study = make_study(30);
  const ScreenPlan plan = store(*study);
  EXPECT_TRUE(has_waiting(*study));
  train_waiting(*study);
  EXPECT_FALSE(has_waiting(*study));
  const auto trials = study->trials(false);
  EXPECT_EQ(trials.size(), 30 + plan.architectures().size());
  for (const std::string& architecture : plan.architectures()) {
    EXPECT_NEAR(study->find_trial(architecture)->validation_accuracy.value(),
                accuracy_of(architecture), tests::kRounding);
  }
}

TEST_F(Screen, AgentLearnsFromThePicks) {
  const auto study = make_study(30);
  const Space space = build_space(configuration_);
  QLearning before(configuration_.strategy, space, 5), after(configuration_.strategy, space, 5);
  for (const SequencedSample& sample : study->sequenced_samples_after(0)) before.observe(sample);
  const ScreenPlan plan = store(*study);
  const int64_t last = study->counts().last_sequence;
  train_waiting(*study);
  EXPECT_EQ(study->sequenced_samples_after(last).size(), plan.architectures().size());
  for (const SequencedSample& sample : study->sequenced_samples_after(0)) {
    EXPECT_TRUE(sample.reward);
    after.observe(sample);
  }
  const auto values = [&](const QLearning& agent) {
    const auto span = agent.values(space.start());
    return std::vector<double>(span.begin(), span.end());
  };
  EXPECT_NE(values(before), values(after));
}

// Accuracies 0.1, 0.2, ..., 1: nine of ten do not exceed 0.9; mean 0.55. The first five were drawn
// at epsilon 1: mean 0.3.
TEST_F(Screen, DescribesTheStudyByFiguresWorkedByHand) {
  auto study = create_study(folder_.url("study.db"), describe_study(configuration_));
  datasets::Log log;
  for (int i = 0; i < 10; ++i) {
    datasets::LogRow row;
    row.architecture = std::string("a+") + "abcde"[i % 5] + "+" + "abcde"[i / 5];
    row.value = (i + 1) / 10.0;
    row.epsilon = i < 5 ? 1.0 : 0.5;
    log.rows.push_back(row);
  }
  ASSERT_EQ(import_log(log, build_space(configuration_), *study).trials, 10);
  const StudyFigures figures = plan(*study).study;
  EXPECT_EQ(figures.results, 10);
  EXPECT_NEAR(figures.mean, 0.55, tests::kRounding);
  EXPECT_EQ(figures.percentile_90, 0.9);
  EXPECT_EQ(figures.best, 1.0);
  EXPECT_NEAR(figures.exploration_mean.value(), 0.3, tests::kRounding);
}

// Two picks with results: y 0.6 and 0.9 for f 0.5 and 0.7, study mean 0.5.
//   L2 (0.1^2 + 0.2^2) / 2 = 0.025, of the mean (0.1^2 + 0.4^2) / 2 = 0.085
TEST_F(Screen, ComparesPredictionsWithResultsByHand) {
  auto study = create_study(folder_.url("study.db"), describe_study(configuration_));
  datasets::Log log;
  const auto add = [&](const char* architecture, std::optional<double> accuracy) {
    datasets::LogRow row;
    row.architecture = architecture;
    row.value = accuracy;
    if (!accuracy) {
      row.state = "failed";
      row.reason = "out of memory";
    }
    log.rows.push_back(row);
  };
  add("a+a+a", 0.6);
  add("a+a+b", 0.9);
  add("a+a+c", std::nullopt);
  import_log(log, build_space(configuration_), *study);
  const Shortlist list{"lls", {{"a+a+a", 0.5}, {"a+a+b", 0.7}, {"a+a+c", 0.8}, {"a+a+d", 0.8}}};
  const ShortlistFigures figures = assess(list, 0.5, *study);
  EXPECT_EQ(figures.results, 2);
  EXPECT_NEAR(figures.l2_loss.value(), 0.025, tests::kRounding);
  EXPECT_NEAR(figures.constant_l2_loss.value(), 0.085, tests::kRounding);
  EXPECT_NEAR(figures.mean_accuracy.value(), 0.75, tests::kRounding);
  EXPECT_EQ(figures.best_accuracy, 0.9);
  EXPECT_FALSE(assess({"lls", {{"a+a+d", 0.8}}}, 0.5, *study).l2_loss);
}

TEST(ScreenLimits, OfTheStudyAndOfTheCommandAreKeptByEveryCandidate) {
  const Folder folder;
  const Configuration configuration = parse_configuration(
      "[space]\nkind = \"cnn\"\ninput = \"1x28x28\"\nclasses = 10\ndepth_limit = 4\n"
      "convolution_filters = [4, 8, 16]\nfully_connected_neurons = [32, 16]\n"
      "[data]\nname = \"mnist\"\n[evaluator]\nkind = \"train\"\nmax_parameters = 30000\n",
      "test", "/");
  const Space space = build_space(configuration);
  const Shape input = space.input().value();
  datasets::Log log;
  Random random(3);
  for (int i = 0; i < 40; ++i) {
    datasets::LogRow row;
    row.architecture = space.text(space.uniform_walk(random));
    row.value = 0.3 + static_cast<double>(stable_hash(row.architecture) % 600) / 1000;
    log.rows.push_back(row);
  }
  const auto study = create_study(folder.url("study.db"), describe_study(configuration));
  import_log(log, space, *study);
  ScreenSettings settings;
  settings.candidates = 50;
  settings.top = 50;
  settings.methods = {"lls"};
  settings.encoding.input = input;
  settings.limits.macs = 400000;
  settings.memory.data_bytes = 1 << 20;
  settings.limits.memory_bytes = 400 << 20;
  const ScreenPlan plan = plan_screen(*study, configuration, settings);
  EXPECT_EQ(plan.candidates, 50);
  EXPECT_GT(plan.over_limit, 0);
  for (const std::string& text : plan.architectures()) {
    const Architecture architecture = parse_architecture(text);
    const Analysis analysis = analyse(architecture, input);
    EXPECT_LE(analysis.parameters, 30000) << text;
    EXPECT_LE(analysis.macs, 400000) << text;
    EXPECT_LE(estimate_training_memory(architecture, input, settings.memory).total(), 400 << 20)
        << text;
  }
  settings.limits.parameters = 1;
  EXPECT_THAT(error_of<FailureError>([&] { plan_screen(*study, configuration, settings); }),
              HasSubstr("over a limit"));
}

TEST(ScreenDraw, IsReadBackFromItsName) {
  for (Draw draw : {Draw::uniform, Draw::policy, Draw::mixture})
    EXPECT_EQ(parse_draw(to_string(draw)), draw);
  EXPECT_THAT(error_of<UsageError>([] { parse_draw("unifrom"); }),
              HasSubstr("did you mean uniform?"));
}

}  // namespace
}  // namespace metaqnn::search
