#include "search/stopping.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <memory>
#include <sstream>
#include <tuple>

#include "metaqnn/base/random.h"
#include "metaqnn/search/import.h"
#include "metaqnn/search/search.h"
#include "tests/error_message.h"
#include "tests/folder.h"
#include "tests/postgresql_server.h"

namespace metaqnn::search {
namespace {

using ::testing::HasSubstr;

constexpr int kEpochs = 10;
const std::string kSixLetters = "abcdef";

// Accuracies that rise from a start of their own: end - (end - start) / e.
std::vector<double> accuracies(double start, double end) {
  std::vector<double> curve;
  for (int e = 1; e <= kEpochs; ++e) curve.push_back(end - (end - start) / e);
  return curve;
}

std::vector<EpochResult> as_curve(const std::vector<double>& accuracies) {
  std::vector<EpochResult> curve;
  for (double accuracy : accuracies)
    curve.push_back({std::nan(""), std::nan(""), std::nan(""), accuracy});
  return curve;
}

// 216 networks "a b c" whose curves tell little after one epoch and much after two.
std::map<std::string, std::vector<double>> networks() {
  std::map<std::string, std::vector<double>> table;
  Random random(1);
  for (char a : kSixLetters) {
    for (char b : kSixLetters) {
      for (char c : kSixLetters) {
        const double quality = (a - 'a') + (b - 'a') + 0.5 * (c - 'a');
        const double end = 0.4 + 0.03 * quality + 0.05 * random.uniform();
        table[std::string{a, ' ', b, ' ', c}] = accuracies(0.1 + 0.2 * random.uniform(), end);
      }
    }
  }
  return table;
}

class Stopping : public ::testing::Test {
 protected:
  Stopping() {
    std::ofstream table(folder_ / "curves.csv");
    table << "net";
    for (int e = 1; e <= kEpochs; ++e) table << ",acc_" << e;
    for (const auto& [name, curve] : networks_) {
      table << '\n' << name;
      for (double accuracy : curve) table << ',' << accuracy;
    }
  }

  std::string text(const std::string& stopping, const std::string& strategy = "q_learning") const {
    return "[space]\nkind = \"sequence\"\ntemplate = \"{} {} {}\"\n"
           "alphabet = [\"a\", \"b\", \"c\", \"d\", \"e\", \"f\"]\n"
           "[strategy]\nkind = \"" +
           strategy +
           "\"\nschedule = [[1.0, 90], [0.5, 30], [0.1, 20]]\n"
           "[evaluator]\nkind = \"table\"\nfile = \"curves.csv\"\n" +
           stopping;
  }
  Configuration configuration(const std::string& stopping = kOn,
                              const std::string& strategy = "q_learning") const {
    return settled(parse_configuration(text(stopping, strategy), "test", folder_.path()));
  }
  std::unique_ptr<Study> make_study(const std::string& name,
                                    const Configuration& configuration) const {
    return create_study(folder_.url(name), describe_study(configuration), Durability::process);
  }

  static SearchEnd search(Study& study, int64_t limit = std::numeric_limits<int64_t>::max()) {
    WorkOptions options;
    options.limit = limit;
    return work(study, options);
  }

  static const std::string kOn;
  tests::Folder folder_;
  std::map<std::string, std::vector<double>> networks_ = networks();
};
const std::string Stopping::kOn = "[stopping]\nkind = \"prediction\"\n";

using Facts = std::tuple<int64_t, std::string, TrialState, std::optional<double>, bool, size_t>;
std::vector<Facts> trials_of(Study& study) {
  std::vector<Facts> facts;
  for (const Trial& trial : study.trials(true))
    facts.emplace_back(trial.number, trial.architecture, trial.state, trial.value, trial.predicted,
                       trial.curve.size());
  return facts;
}

std::vector<std::pair<int64_t, std::optional<int64_t>>> samples_of(Study& study) {
  std::vector<std::pair<int64_t, std::optional<int64_t>>> facts;
  for (const Sample& sample : study.samples()) facts.emplace_back(sample.trial, sample.sequence);
  return facts;
}

TEST_F(Stopping, FindsTheBestInAFractionOfTheEpochs) {
  const auto study = make_study("study.db", configuration(kOn, "random"));
  ASSERT_EQ(search(*study), SearchEnd::done);
  double best = 0;
  size_t epochs = 0;
  for (const Trial& trial : study->trials(true)) {
    const std::vector<double>& whole = networks_.at(trial.architecture);
    best = std::max(best, whole.back());
    epochs += trial.curve.size();
    EXPECT_EQ(trial.predicted, trial.state == TrialState::stopped);
    if (trial.state == TrialState::stopped) {
      EXPECT_GT(trial.number, 20);
      EXPECT_NEAR(*trial.value, whole.back(), 0.2) << trial.architecture;
    } else {
      EXPECT_NEAR(*trial.value, whole.back(), 1e-5);
    }
  }
  EXPECT_NEAR(*study->best_trial()->value, best, 1e-5);
  EXPECT_EQ(study->best_trial()->state, TrialState::complete);
  EXPECT_GT(study->counts().in(TrialState::stopped), 60);
  EXPECT_LT(epochs, static_cast<size_t>(140 * kEpochs * 2 / 3));
  EXPECT_EQ(study->counts().unique_models, 140);
}

TEST_F(Stopping, StopsNothingUnlessItIsAskedTo) {
  const auto study = make_study("study.db", configuration(""));
  search(*study, 60);
  EXPECT_EQ(study->counts().in(TrialState::stopped), 0);
}

TEST_F(Stopping, SparesTheFirstEpochsAndTheFirstNetworks) {
  const auto study =
      make_study("study.db", configuration(kOn + "after = 3\ninitial = 40\n", "random"));
  search(*study, 120);
  EXPECT_GT(study->counts().in(TrialState::stopped), 20);
  for (const Trial& trial : study->trials(true)) {
    if (trial.state != TrialState::stopped) continue;
    EXPECT_GT(trial.number, 40);
    EXPECT_GE(trial.curve.size(), 3u);
  }
}

TEST_F(Stopping, OfTheSameSeedIsTheSameStudy) {
  const auto one = make_study("one.db", configuration());
  const auto two = make_study("two.db", configuration());
  search(*one);
  search(*two);
  EXPECT_EQ(trials_of(*one), trials_of(*two));
  EXPECT_EQ(samples_of(*one), samples_of(*two));
}

// Dies as a process does: with a trial in its hands, whatever it had seen of it.
class Dying : public Evaluator {
 public:
  Dying(std::unique_ptr<Evaluator> evaluator, int trials)
      : evaluator_(std::move(evaluator)), left_(trials) {}
  void evaluate(Trial& trial) override {
    evaluator_->watch([this](const auto& curve) { return goes_on(curve); });
    evaluator_->evaluate(trial);
    if (left_-- == 0) throw FailureError("dead");
  }
  std::optional<std::vector<std::string>> architectures() const override {
    return evaluator_->architectures();
  }

 private:
  std::unique_ptr<Evaluator> evaluator_;
  int left_;
};

void die_after(Study& study, int trials) {
  WorkOptions options;
  options.make_evaluator = [&](const Configuration& configuration, const Resources& resources) {
    return std::make_unique<Dying>(
        make_evaluator(configuration.evaluator, configuration.data, resources), trials);
  };
  EXPECT_THROW(work(study, options), FailureError);
  transact(study, [&](bool) {
    for (const Worker& worker : study.workers()) study.remove_worker(worker.id);
    for (const Trial& trial : study.orphaned_trials())
      study.release_trial(trial.number, trial.attempts);
  });
}

TEST_F(Stopping, KilledAndResumedEqualsUninterrupted) {
  for (const char* strategy : {"q_learning", "regularized_evolution"}) {
    SCOPED_TRACE(strategy);
    const Configuration configured = configuration(kOn, strategy);
    const auto whole = make_study(std::string(strategy) + "_whole.db", configured);
    search(*whole);
    const auto killed = make_study(std::string(strategy) + "_killed.db", configured);
    for (int trials : {7, 15, 3, 20, 0, 30, 11}) die_after(*killed, trials);
    search(*killed);
    EXPECT_EQ(trials_of(*killed), trials_of(*whole));
    EXPECT_EQ(samples_of(*killed), samples_of(*whole));
    EXPECT_EQ(killed->note(kRevisions), whole->note(kRevisions));
  }
}

// A network that was stopped by mistake: its curve is the best of all.
class StoppedByMistake : public Stopping {
 protected:
  std::unique_ptr<Study> with_mistake(const std::string& name) {
    auto study = make_study(name, configuration());
    search(*study, 60);
    transact(*study, [&](bool) {
      const int64_t worker = study->register_worker(this_process());
      Trial trial;
      for (const auto& [architecture, curve] : networks_) {
        if (!study->find_trial(architecture) && curve.back() > 0.75)
          trial.architecture = architecture;
      }
      trial.state = TrialState::stopped;
      trial.predicted = true;
      trial.validation_accuracy = 0.2;
      trial.epsilon = 1;
      trial.curve = as_curve(networks_.at(trial.architecture));
      trial.curve.resize(3);
      trial.number = study->add_trial(trial, worker);
      study->add_sample(trial.number, 1);
      study->remove_worker(worker);
      mistake_ = trial.number;
    });
    return study;
  }
  StoppingRule rule() const {
    return StoppingRule(configuration().stopping, measure_of(configuration()), std::nullopt);
  }
  int64_t mistake_ = 0;
};

TEST_F(StoppedByMistake, IsTrainedToItsEndBeforeAnythingNewIs) {
  const auto study = with_mistake("study.db");
  const int64_t revised = std::stoll(study->note(kRevisions).value_or("0"));
  EXPECT_TRUE(has_promising(*study, configuration()));
  EXPECT_TRUE(has_work(*study, configuration(), study->counts().unique_models));
  EXPECT_EQ(search(*study, study->counts().unique_models), SearchEnd::done);
  const Trial finished = study->trials(true).at(static_cast<size_t>(mistake_) - 1);
  EXPECT_EQ(finished.state, TrialState::complete);
  EXPECT_FALSE(finished.predicted);
  EXPECT_NEAR(*finished.value, networks_.at(finished.architecture).back(), 1e-5);
  EXPECT_EQ(finished.curve.size(), static_cast<size_t>(kEpochs));
  EXPECT_GT(std::stoll(study->note(kRevisions).value()), revised);
  EXPECT_GE(std::stoll(study->note(kEpochsAgain).value()), 3);
  EXPECT_FALSE(has_promising(*study, configuration()));
}

TEST_F(StoppedByMistake, AWorkerThatLearnedThePredictionLearnsAgain) {
  const auto live = with_mistake("live.db"), restarted = with_mistake("restarted.db");
  search(*live, 110);
  for (int64_t models = 61; models <= 110; ++models) search(*restarted, models);
  EXPECT_EQ(trials_of(*restarted), trials_of(*live));
  EXPECT_EQ(samples_of(*restarted), samples_of(*live));
}

TEST_F(StoppedByMistake, IsJudgedByTheStudyAlone) {
  const auto study = with_mistake("study.db");
  StoppingRule one = rule(), two = rule();
  one.look(*study);
  two.look(*study);
  one.look(*study);
  EXPECT_EQ(one.promising(), mistake_);
  EXPECT_EQ(two.promising(), mistake_);
  EXPECT_EQ(one.epochs_of(mistake_), 3);
  Trial trial;
  trial.number = 1000;
  trial.architecture = "a a a";
  const auto poor = as_curve(accuracies(0.1, 0.3)), good = as_curve(accuracies(0.3, 0.95));
  const StoppingRule::Curve poor_start(poor.begin(), poor.begin() + 2);
  const StoppingRule::Curve good_start(good.begin(), good.begin() + 2);
  EXPECT_TRUE(one.is_hopeless(trial, poor_start));
  EXPECT_FALSE(one.is_hopeless(trial, good_start));
  trial.number = 20;  // one of the first
  EXPECT_FALSE(one.is_hopeless(trial, poor_start));
  EXPECT_FALSE(rule().is_hopeless(trial, poor_start));  // which has not looked
}

TEST_F(Stopping, SurvivesExportAndImport) {
  const auto study = make_study("study.db", configuration(kOn, "random"));
  search(*study, 80);
  ASSERT_GT(study->counts().in(TrialState::stopped), 10);
  std::ofstream(folder_ / "export.csv") << [&] {
    std::ostringstream out;
    datasets::write_log_csv(to_log(*study), out);
    return out.str();
  }();
  const datasets::Log log = datasets::read_log(folder_ / "export.csv");
  for (const datasets::LogRow& row : log.rows)
    EXPECT_EQ(row.prediction.has_value(), row.state == "stopped");
  const auto copy = make_study("copy.db", configuration(kOn, "random"));
  EXPECT_THAT(import_log(log, searched_space(configuration()), *copy).problems,
              ::testing::IsEmpty());
  EXPECT_EQ(trials_of(*copy), trials_of(*study));
}

TEST_F(Stopping, WorksOnAServer) {
  tests::PostgresqlServer* server = tests::PostgresqlServer::shared();
  if (server == nullptr) GTEST_SKIP() << tests::PostgresqlServer::kMissing;
  const auto file = make_study("study.db", configuration());
  const auto served = create_study(server->new_database(), describe_study(configuration()));
  search(*file, 60);
  search(*served, 60);
  EXPECT_EQ(trials_of(*served), trials_of(*file));
}

TEST_F(Stopping, RefusesSettingsThatMeanNothing) {
  const auto error = [&](const std::string& stopping) {
    return tests::message_of<UsageError>([&] { configuration(stopping); });
  };
  EXPECT_THAT(error("[stopping]\nkind = \"guess\"\n"), HasSubstr("prediction, not \"guess\""));
  EXPECT_THAT(error(kOn + "chance = 1.5\n"), HasSubstr("stopping.chance must be"));
  EXPECT_THAT(error(kOn + "after = 0\n"), HasSubstr("stopping.after must be"));
  EXPECT_THAT(error(kOn + "initial = 1\n"), HasSubstr("stopping.initial must be"));
}

TEST_F(Stopping, OfAStudyThatDoesNotKnowItIsOff) {
  EXPECT_FALSE(parse_configuration("seed = 1\n", "old", "/").stopping.is_on());
}

}  // namespace
}  // namespace metaqnn::search
