// Several measures: from the configuration to the front.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "metaqnn/base/error.h"
#include "metaqnn/search/import.h"
#include "metaqnn/search/q_values.h"
#include "metaqnn/search/search.h"
#include "search/agent/evolution.h"
#include "search/agent/prospects.h"
#include "search/agent/rewards.h"
#include "search/final_models.h"
#include "search/front.h"
#include "tests/error_message.h"
#include "tests/folder.h"
#include "tests/tolerances.h"

namespace metaqnn::search {
namespace {

using datasets::Direction;
using datasets::Measure;
using Eigen::Vector2d;
using Eigen::Vector3d;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Configuration parse(const std::string& text) { return parse_configuration(text, "test.toml", "/"); }
Objective objective(const std::string& keys) {
  return parse("[objective]\n" + keys).evaluator.objective;
}
std::string refusal(const std::string& keys) {
  return tests::usage_error([&] { objective(keys); });
}

// ---- Said ----

TEST(Objectives, OfOneMeasureAreTheMeasure) {
  EXPECT_EQ(objective("measures = [\"loss\"]\ndirections = [\"minimize\"]"),
            objective("measure = \"loss\"\ndirection = \"minimize\""));
  EXPECT_EQ(to_toml(parse("[objective]\nmeasures = [\"f1\"]")),
            to_toml(parse("[objective]\nmeasure = \"f1\"")));
  EXPECT_EQ(objective("measures = []\ndirections = []"), Objective());
}

TEST(Objectives, HaveTheDirectionsThatAreToldOrThatTheirNamesTell) {
  const std::vector<Measure> named = measures_of(
      objective("measures = [\"validation_accuracy\", \"latency_ms\", \"parameters\", \"f1\"]"));
  EXPECT_THAT(named, ElementsAre(Measure(), Measure{"latency_ms", Direction::minimize, ""},
                                 Measure{"parameters", Direction::minimize, ""},
                                 Measure{"f1", Direction::maximize, ""}));
  const std::vector<Measure> told = measures_of(
      objective("measures = [\"val_loss\", \"rank\"]\ndirections = [\"\", \"maximize\"]"));
  EXPECT_THAT(told, ElementsAre(Measure{"val_loss", Direction::minimize, ""},
                                Measure{"rank", Direction::maximize, ""}));
}

TEST(Objectives, AreReadBackEqualFromWhatIsWritten) {
  const std::string text =
      "[objective]\nmeasures = [\"a\", \"b\", \"c\"]\ndirections = [\"minimize\", \"\", "
      "\"minimize\"]\nreference = [1, 2.5, 3]\nlimits = { c = 2.0 }\n";
  const Configuration configuration = parse(text);
  EXPECT_EQ(to_toml(parse(to_toml(configuration))), to_toml(configuration));
  EXPECT_EQ(parse(to_toml(configuration)).evaluator.objective, configuration.evaluator.objective);
}

TEST(Objectives, ThatContradictThemselvesAreRefused) {
  EXPECT_THAT(refusal("measure = \"a\"\nmeasures = [\"b\", \"a\"]"),
              HasSubstr("objective.measures must be a list that begins with objective.measure"));
  EXPECT_THAT(refusal("measures = [\"a\", \"a\"]"), HasSubstr("a list of different names"));
  EXPECT_THAT(refusal("measures = [\"a\", \"b\"]\ndirections = [\"minimize\"]"),
              HasSubstr("a direction for each of objective.measures, 2, not 1"));
  EXPECT_THAT(refusal("measures = [\"a\", \"b\"]\ndirections = [\"up\", \"\"]"),
              HasSubstr("must be maximize or minimize"));
  EXPECT_THAT(refusal("measures = [\"a\", \"b\"]\nreference = [1]"),
              HasSubstr("a number for each of several measures"));
  EXPECT_THAT(refusal("reference = [1]"), HasSubstr("a number for each of several measures"));
  EXPECT_THAT(tests::usage_error([] {
                measure_of(objective("measures = [\"a\", \"b\"]\nreward_range = [0, 1]"));
              }),
              HasSubstr("objective.reward_range is that of one measure"));
}

TEST(Objectives, WhereNetworksAreTrainedAreWhatIsMeasuredThere) {
  EvaluatorSettings settings;
  settings.objective = objective(
      "measures = [\"validation_accuracy\", \"latency_ms\", \"macs\"]\nlimits = { latency_ms = 5 "
      "}");
  check_objective(settings);
  settings.objective = objective("measures = [\"validation_accuracy\", \"energy\"]");
  EXPECT_THAT(tests::usage_error([&] { check_objective(settings); }),
              HasSubstr("objective.measures after the first: 'energy' is not measured"));
  settings.objective = objective("measures = [\"latency_ms\", \"parameters\"]");
  EXPECT_THAT(tests::usage_error([&] { check_objective(settings); }),
              HasSubstr("objective.measure = \"latency_ms\""));
}

// ---- Measured ----

Trial complete_trial() {
  Trial trial;
  trial.state = TrialState::complete;
  trial.validation_accuracy = trial.value = 0.5;
  trial.parameters = 1000;
  return trial;
}

TEST(Objectives, StandAmongWhatWasMeasuredOfATrial) {
  Trial trial = complete_trial();
  keep_limits(objective("measures = [\"validation_accuracy\", \"parameters\"]"), trial);
  EXPECT_EQ(trial.state, TrialState::complete);
  EXPECT_EQ(trial.measures.at("parameters"), 1000);
}

TEST(Objectives, ThatWereNotMeasuredFailATrial) {
  Trial trial = complete_trial();
  keep_limits(objective("measures = [\"validation_accuracy\", \"latency_ms\"]"), trial);
  EXPECT_EQ(trial.reason(), "error (no latency_ms was measured, which is searched for)");
}

// Of the first 20 the fifth from the worst; later ones change nothing.
TEST(Objectives, LeaveTheReferenceToTheWorseQuartilesOfTheFirstNetworks) {
  std::vector<std::vector<double>> goals;
  for (int i = 0; i < 30; ++i) goals.push_back({static_cast<double>(i), static_cast<double>(-i)});
  const auto two = objective("measures = [\"a\", \"latency\"]");
  EXPECT_THAT(reference_of(two, goals), ElementsAre(4, -15));
  const auto limited = objective("measures = [\"a\", \"latency\"]\nlimits = { latency = 9 }");
  EXPECT_THAT(reference_of(limited, goals), ElementsAre(4, -9));
  const auto given = objective("measures = [\"a\", \"latency\"]\nreference = [3, 7]");
  EXPECT_THAT(reference_of(given, goals), ElementsAre(3, -7));
}

// ---- Rewarded ----

// The first is all there is: half of it is no better in each. The second is the worse of two in both: (1/2)/2. The
// third is the best of three in one, 2.5/3, and the worst in the other, 0.5/3.
TEST(Rewards, OfSeveralMeasuresAreMeanSharesOfWhatIsWorse) {
  Rewards rewards(objective("measures = [\"score\", \"latency\"]"));
  const auto sample = [](double score, double latency) {
    return SequencedSample{1, "x", score, false, {{"score", score}, {"latency", latency}}};
  };
  EXPECT_EQ(rewards.next(sample(3, 5)), 0.5);
  EXPECT_EQ(rewards.next(sample(2, 6)), 0.25);
  EXPECT_DOUBLE_EQ(*rewards.next(sample(4, 7)), 0.5);
  SequencedSample failed{1, "x", std::nullopt, false, {{"latency", 1}}};
  EXPECT_EQ(rewards.next(failed), std::nullopt);
  failed.not_learning = true;
  EXPECT_DOUBLE_EQ(*rewards.next(failed), (0.5 + 3.5) / 8);  // the worst, and the best
}

TEST(Rewards, OfOneMeasureAreThoseOfTheObjective) {
  const Objective latency{"latency_ms", Direction::minimize, std::pair(20.0, 5.0)};
  Rewards rewards(latency);
  EXPECT_DOUBLE_EQ(*rewards.next({1, "x", 8.0}), 0.8);
}

// ---- Prospects ----

// Scores of 1, 2, 2, 4: the quantiles of 1/8, 1/2 and 7/8.
TEST(ScoreScale, IsTheNormalScoreOfWhatIsKnownAndALineBetween) {
  const ScoreScale scale(Eigen::Vector4d(4, 2, 1, 2));
  EXPECT_NEAR(scale.score(2), 0, tests::kRounding);
  EXPECT_NEAR(scale.score(4), 1.1503493803760079, tests::kLinearAlgebra);
  EXPECT_NEAR(scale.score(3), scale.score(4) / 2, tests::kLinearAlgebra);
  EXPECT_EQ(scale.score(9), scale.score(4));
  EXPECT_EQ(scale.score(0), scale.score(1) - 1);
}

// Beyond (0, 0) with (1, 1) known, (1.5, 1.5) adds 1.25.
TEST(Prospects, AreTheGainOfWhatIsHopedForTimesTheChanceToKeepTheLimits) {
  Prospects prospects(Vector2d(0, 0), {}, 2);
  prospects.add(Vector2d(1, 1));
  EXPECT_EQ(prospects.of(Vector2d(1.5, 1.5), Vector2d(0, 0)), 1.25);
  EXPECT_EQ(prospects.of(Vector2d(1, 1), Vector2d(0.25, 0.25)), 1.25);
  Prospects limited(Vector2d(0, 0), {{2, 0.5}}, 2);
  EXPECT_EQ(limited.of(Vector3d(1, 1, 0.5), Vector3d(0, 0, 1)), 0.5);
  EXPECT_NEAR(limited.of(Vector3d(1, 1, 9), Vector3d(0, 0, 1)), 1, tests::kRounding);
}

TEST(Prospects, WhereNothingIsGainedArePreferredByWhatIsMissing) {
  const Prospects prospects(Vector2d(0, 0), {}, 1);
  const double near = prospects.of(Vector2d(-1, 3), Vector2d(0, 0));
  EXPECT_LT(near, 0);
  EXPECT_GT(near, prospects.of(Vector2d(-2, 3), Vector2d(0, 0)));
}

// ---- Searched ----

// Good networks are slow: each b costs 1, and wins as long as its neighbour is another.
double score_of(const std::string& text) {
  double score = 0;
  for (size_t i = 0; i < text.size(); ++i) score += text[i] == 'b' ? (i % 2 == 0 ? 2 : 0.5) : 0;
  return score;
}
double latency_of(const std::string& text) {
  return 1 + static_cast<double>(std::count(text.begin(), text.end(), 'b')) +
         0.25 * static_cast<double>(std::count(text.begin(), text.end(), 'c'));
}

class SeveralMeasures : public ::testing::Test {
 protected:
  SeveralMeasures() {
    std::string table = "architecture,score,latency\n";
    const std::string tokens = "abc";
    for (int i = 0; i < 729; ++i) {
      std::string text;
      for (int rest = i, slot = 0; slot < 6; ++slot, rest /= 3)
        text += tokens[static_cast<size_t>(rest % 3)];
      table += text + "," + std::to_string(score_of(text)) + "," +
               std::to_string(latency_of(text)) + "\n";
    }
    folder_.write("table.csv", table);
  }

  Configuration configuration(const std::string& kind, int models,
                              const std::string& more = "") const {
    Configuration made = parse_configuration(
        "seed = 7\n[space]\nkind = \"sequence\"\ntemplate = \"{}{}{}{}{}{}\"\nalphabet = [\"a\", "
        "\"b\", \"c\"]\n[strategy]\nkind = \"" +
            kind +
            "\"\npopulation = 10\ntournament = 4\ninitial_models = 8\nschedule = [[1.0, 12], "
            "[0.2, " +
            std::to_string(models - 12) + "]]\n[objective]\nmeasures = [\"score\", \"latency\"]\n" +
            more + "\n[evaluator]\nkind = \"table\"\nfile = \"table.csv\"\n",
        "test.toml", folder_.path());
    return settled(made);
  }

  std::unique_ptr<Study> searched(const Configuration& configuration,
                                  const std::string& name = "study.db") const {
    auto study = create_study(folder_.url(name), describe_study(configuration));
    work(*study, {});
    return study;
  }

  static std::vector<std::string> architectures(Study& study) {
    std::vector<std::string> all;
    for (const Trial& trial : study.trials(false)) all.push_back(trial.architecture);
    return all;
  }

  const tests::Folder folder_;
};

class SeveralMeasuresByEach : public SeveralMeasures,
                              public ::testing::WithParamInterface<std::string> {};

INSTANTIATE_TEST_SUITE_P(Strategy, SeveralMeasuresByEach,
                         ::testing::Values("random", "regularized_evolution", "q_learning",
                                           "q_approximation", "guided"),
                         [](const auto& parameter) { return parameter.param; });

TEST_P(SeveralMeasuresByEach, AreMeasuredOfEachTrialAndMakeAFront) {
  const Configuration made = configuration(GetParam(), 30, "reference = [2.0, 4.0]");
  const auto study = searched(made);
  const std::vector<Trial> trials = study->trials(false);
  ASSERT_EQ(trials.size(), 30u);
  for (const Trial& trial : trials) {
    EXPECT_EQ(trial.value, score_of(trial.architecture));
    EXPECT_EQ(trial.measures.at("latency"), latency_of(trial.architecture));
  }
  const Front front = front_of(trials, made.evaluator.objective);
  ASSERT_FALSE(front.trials.empty());
  EXPECT_EQ(front.trials.front().value, study->best_trial()->value);
  EXPECT_THAT(front.reference, ElementsAre(2, 4));
  double volume = 0, best = 2;  // by the definition: from the fastest on
  std::vector<Trial> in_order = trials;
  std::sort(in_order.begin(), in_order.end(), [](const Trial& a, const Trial& b) {
    return a.measures.at("latency") < b.measures.at("latency");
  });
  for (const Trial& trial : in_order) {
    volume += std::max(*trial.value - best, 0.0) * std::max(4 - trial.measures.at("latency"), 0.0);
    if (trial.measures.at("latency") < 4) best = std::max(best, *trial.value);
  }
  EXPECT_NEAR(front.hypervolume, volume, tests::kRounding * 1e3);
}

TEST_P(SeveralMeasuresByEach, AreSearchedForInTheSameWayWhenTheSearchIsResumed) {
  const Configuration made = configuration(GetParam(), 26);
  const auto whole = searched(made);
  auto begun = create_study(folder_.url("begun.db"), describe_study(made));
  for (const int64_t limit : {9, 15, 16, 26}) {
    begun.reset();
    begun = open_study(folder_.url("begun.db"));
    work(*begun, {.resources = {}, .limit = limit});
  }
  EXPECT_EQ(architectures(*whole), architectures(*begun));
}

TEST_F(SeveralMeasures, GuidedFindsMoreOfTheFrontThanRandom) {
  const auto volume = [&](const std::string& kind) {
    const Configuration made = configuration(kind, 40, "reference = [0.0, 5.0]");
    return front_of(searched(made, kind + ".db")->trials(false), made.evaluator.objective)
        .hypervolume;
  };
  // The whole front: 2 for one b, 4 for two, 6 for three: 2 * 3 + 2 * 2 + 2 * 1.
  EXPECT_EQ(volume("guided"), 12);
  EXPECT_LT(volume("random"), 12);
}

TEST_F(SeveralMeasures, GuidedKeepsTheLimitsMoreOftenThanRandom) {
  const auto above = [&](const std::string& kind) {
    const auto study =
        searched(configuration(kind, 40, "limits = { latency = 2.5 }"), kind + ".db");
    for (const Trial& trial : study->trials(false)) {
      EXPECT_EQ(trial.failure,
                latency_of(trial.architecture) > 2.5 ? Failure::too_large : Failure::none);
    }
    return study->counts().in(TrialState::failed);
  };
  EXPECT_LT(2 * above("guided"), above("random"));
}

TEST_F(SeveralMeasures, GivesSeveralWorkersDifferentNetworks) {
  const Configuration made = configuration("guided", 60);
  const Space space = searched_space(made);
  const auto study = searched(configuration("guided", 20));
  const auto strategy = make_strategy(made, space, 7);
  for (const SequencedSample& sample : study->sequenced_samples_after(0, true))
    strategy->observe(sample);
  std::vector<std::string> pending;
  for (int i = 0; i < 5; ++i) {
    strategy->prepare(pending);
    Random random(1);
    const std::string text = space.text(strategy->propose({1, pending}, random));
    EXPECT_EQ(std::count(pending.begin(), pending.end(), text), 0);
    EXPECT_FALSE(study->find_trial(text));
    pending.push_back(text);
  }
}

TEST_F(SeveralMeasures, ChooseTheirFrontToBeTrainedAgain) {
  const Configuration made = configuration("guided", 20);
  const auto study = searched(made);
  const Front front = front_of(study->trials(false), made.evaluator.objective);
  TrialSelection of_the_front;
  of_the_front.top = 1;
  of_the_front.front = true;
  const std::vector<Trial> chosen = choose_trials(*study, of_the_front, {1, 1, 1});
  ASSERT_EQ(chosen.size(), front.trials.size());
  EXPECT_GT(chosen.size(), 1u);
  for (size_t i = 0; i < chosen.size(); ++i) EXPECT_EQ(chosen[i].number, front.trials[i].number);
  const auto empty = create_study(folder_.url("empty.db"), describe_study(made));
  EXPECT_THAT(tests::usage_error([&] {
                choose_trials(*empty, of_the_front, {1, 1, 1});
              }),
              HasSubstr("no complete trial yet"));
}

TEST_F(SeveralMeasures, HaveQValues) {
  const auto study = searched(configuration("q_learning", 20));
  for (const QValue& value : q_values(*study)) {
    EXPECT_GE(value.q, 0);
    EXPECT_LE(value.q, 1);
  }
}

TEST_F(SeveralMeasures, OfATableAreItsColumns) {
  Configuration made = configuration("random", 20);
  made.evaluator.objective.others = {{"energy", Direction::minimize, ""}};
  EXPECT_THAT(tests::usage_error([&] { settled(made); }), HasSubstr("energy"));
}

TEST_F(SeveralMeasures, OfALogAreImportedAndFailWhatLacksThem) {
  const Configuration made = configuration("random", 20);
  const auto study = create_study(folder_.url("imported.db"), describe_study(made));
  folder_.write("log.csv", "architecture,score,latency\naaaaaa,1,2\nbbbbbb,3,\n");
  const datasets::Log log = datasets::read_log(
      folder_ / "log.csv",
      {.target = "score", .measures = {"latency"}, .direction = Direction::maximize});
  import_log(log, build_space(made), *study, measure_of(made));
  EXPECT_EQ(study->find_trial("aaaaaa")->measures.at("latency"), 2);
  EXPECT_EQ(study->find_trial("bbbbbb")->reason(),
            "error (no latency was measured, which is searched for)");
}

// In a population of two, (9, 9) and (1, 1) with a tournament of both: children are of the first.
TEST(RegularizedEvolution, OfSeveralMeasuresPrefersTheFirstFront) {
  const Space space = build_sequence_space({"{}{}{}", {{"a", "b", "c"}}});
  StrategySettings settings;
  settings.population = 2;
  settings.tournament = 30;
  RegularizedEvolution agent(settings, space);
  agent.aim(objective("measures = [\"x\", \"y\"]"));
  // The scalar reward says otherwise.
  agent.observe({1, "aaa", 0.1, false, {{"x", 9}, {"y", 9}}});
  agent.observe({2, "ccc", 0.9, false, {{"x", 1}, {"y", 1}}});
  Random random(1);
  for (int i = 0; i < 20; ++i) {
    const std::string child = space.text(agent.propose({}, random));
    EXPECT_EQ(std::count(child.begin(), child.end(), 'a'), 2) << child;
  }
}

}  // namespace
}  // namespace metaqnn::search
