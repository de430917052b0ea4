// Networks that somebody else trains: reservations, their leases, and what is told of them.
#include "metaqnn/search/ask_tell.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "metaqnn/base/error.h"
#include "metaqnn/search/search.h"
#include "tests/cli/run_program.h"
#include "tests/error_message.h"
#include "tests/postgresql_server.h"

namespace metaqnn::search {
namespace {

using std::chrono::seconds;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using tests::usage_error;

constexpr seconds kHour{3600};

// Strings of five letters, worth an eighth for each a.
double worth(const std::string& letters) {
  return static_cast<double>(std::count(letters.begin(), letters.end(), 'a')) / 8;
}

std::string letters(const std::string& strategy, int models, const std::string& evaluator,
                    const std::string& more = "") {
  return "[space]\nkind = \"sequence\"\ntemplate = \"{}{}{}{}{}\"\nalphabet = [\"a\", \"b\", "
         "\"c\"]\n[strategy]\nkind = \"" +
         strategy + "\"\nschedule = [[1.0, " + std::to_string((models + 1) / 2) + "], [0.5, " +
         std::to_string(models / 2) + "]]\npopulation = 10\n[evaluator]\n" + evaluator + more;
}

const std::string kTold = "kind = \"told\"\n";

class AskTell : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    url_ = folder_.url("study.db");
    if (std::string(GetParam()) != "postgresql") return;
    server_ = tests::PostgresqlServer::shared();
    if (server_ == nullptr) GTEST_SKIP() << tests::PostgresqlServer::kMissing;
    url_ = server_->new_database();
  }
  std::unique_ptr<Study> create(const std::string& toml) const { return create(toml, url_); }
  static std::unique_ptr<Study> create(const std::string& toml, const std::string& url) {
    return create_study(url, describe_study(settled(parse_configuration(toml, "", "/"))));
  }
  std::unique_ptr<Study> open() const { return open_study(url_); }

  // The evaluator that looks up what worth() says of every string.
  std::string table() const {
    std::string text = "net,accuracy\n";
    for (int i = 0; i < 243; ++i) {
      std::string letters;
      for (int rest = i, k = 0; k < 5; ++k, rest /= 3) letters += static_cast<char>('a' + rest % 3);
      text += letters + "," + std::to_string(worth(letters)) + "\n";
    }
    return "kind = \"table\"\nfile = \"" + folder_.write("table.csv", text).string() + "\"\n";
  }

  // As time does: trials that are reserved, in the order of their numbers.
  static void expire(Study& study, const std::vector<int64_t>& numbers) {
    transact(study, [&](bool) {
      for (const int64_t number : numbers) {
        study.release_trial(number, study.trial(number)->attempts);
        study.claim_waiting_trial(0, 1.0);
      }
    });
  }

  // One after another until nothing is left.
  static void ask_and_tell(Study& study) {
    for (;;) {
      const std::vector<Trial> trials = ask(study, 1, kHour);
      if (trials.empty()) return;
      tell(study, trials[0].number, {.value = worth(trials[0].architecture)});
    }
  }

  // A process of its own, which ends with status 0 where `action` throws nothing.
  static pid_t start(const std::function<void()>& action) {
    const pid_t pid = fork();
    if (pid != 0) return pid;
    try {
      action();
      _exit(0);
    } catch (...) {
      _exit(1);
    }
  }
  static int join(pid_t pid) {
    int status = 0;
    waitpid(pid, &status, 0);
    return status;
  }

  tests::Folder folder_;
  tests::PostgresqlServer* server_ = nullptr;
  std::string url_;
};
INSTANTIATE_TEST_SUITE_P(InEachForm, AskTell, testing::Values("sqlite", "postgresql"),
                         [](const auto& parameter) { return parameter.param; });

// All that the two ways to make a study have in common.
void expect_same_study(Study& told, Study& searched) {
  const Counts counts = told.counts(), expected = searched.counts();
  for (const TrialState state : {TrialState::waiting, TrialState::running, TrialState::complete,
                                 TrialState::failed, TrialState::stopped})
    EXPECT_EQ(counts.in(state), expected.in(state)) << to_string(state);
  EXPECT_EQ(counts.unique_models, expected.unique_models);
  EXPECT_EQ(counts.reserved, expected.reserved);
  EXPECT_EQ(counts.samples, expected.samples);
  EXPECT_EQ(counts.repeats, expected.repeats);
  EXPECT_EQ(counts.last_sequence, expected.last_sequence);
  const std::vector<Trial> trials = told.trials(false), expected_trials = searched.trials(false);
  ASSERT_EQ(trials.size(), expected_trials.size());
  for (size_t i = 0; i < trials.size(); ++i) {
    EXPECT_EQ(trials[i].number, expected_trials[i].number);
    EXPECT_EQ(trials[i].architecture, expected_trials[i].architecture);
    EXPECT_EQ(trials[i].state, expected_trials[i].state);
    EXPECT_EQ(trials[i].value, expected_trials[i].value);
    EXPECT_EQ(trials[i].validation_accuracy, expected_trials[i].validation_accuracy);
    EXPECT_EQ(trials[i].epsilon, expected_trials[i].epsilon);
  }
}

void expect_same_samples(Study& told, Study& searched) {
  const std::vector<Sample> samples = told.samples(), expected = searched.samples();
  ASSERT_EQ(samples.size(), expected.size());
  for (size_t i = 0; i < samples.size(); ++i) {
    EXPECT_EQ(samples[i].number, expected[i].number);
    EXPECT_EQ(samples[i].trial, expected[i].trial);
    EXPECT_EQ(samples[i].epsilon, expected[i].epsilon);
    EXPECT_EQ(samples[i].proposed_at, expected[i].proposed_at);
    EXPECT_EQ(samples[i].sequence, expected[i].sequence);
  }
}

// ---- Ask ----

TEST_P(AskTell, ReservesDifferentNetworksUntilTheirLeasesEnd) {
  auto study = create(letters("random", 20, kTold));
  const double now = static_cast<double>(std::time(nullptr));
  const std::vector<Trial> trials = ask(*study, 3, kHour);
  ASSERT_EQ(trials.size(), 3u);
  for (int64_t number = 1; number <= 3; ++number) {
    const Trial stored = *open()->trial(number);
    EXPECT_EQ(stored.architecture, trials[static_cast<size_t>(number) - 1].architecture);
    EXPECT_EQ(stored.state, TrialState::running);
    EXPECT_EQ(stored.origin, "ask");
    EXPECT_EQ(stored.worker, 0);
    EXPECT_EQ(stored.attempts, 1);
    EXPECT_NEAR(*stored.leased_until, now + 3600, 60);
  }
  EXPECT_EQ(ask(*open(), 1, kHour).at(0).number, 4);
  EXPECT_EQ(release_dead_workers(*study), 0);
}

TEST_P(AskTell, GivesNothingWhereTheScheduleIsDoneOrTheRestIsReserved) {
  auto study = create(letters("random", 5, kTold));
  const std::vector<Trial> trials = ask(*study, 9, kHour);
  ASSERT_EQ(trials.size(), 5u);
  EXPECT_THAT(ask(*study, 1, kHour), IsEmpty());
  // One that failed for a reason of its own is no model, so the schedule asks for another.
  tell(*study, trials[0].number, {.failure = "the board overheated"});
  for (size_t i = 1; i < 5; ++i) tell(*study, trials[i].number, {.value = 0.5});
  const std::vector<Trial> last = ask(*study, 9, kHour);
  ASSERT_EQ(last.size(), 1u);
  tell(*study, last[0].number, {.value = 0.5});
  EXPECT_THAT(ask(*study, 1, kHour), IsEmpty());
  EXPECT_EQ(study->counts().unique_models, 5);
}

TEST_P(AskTell, GivesNothingWhereTheSpaceIsExhausted) {
  auto study = create(letters("random", 1000, kTold));
  EXPECT_EQ(ask(*study, 1000, kHour).size(), 243u);
  EXPECT_THAT(ask(*study, 1, kHour), IsEmpty());
}

TEST_P(AskTell, GivesOutWhatHasExpiredBeforeAnythingNewWithAnAttemptMore) {
  auto study = create(letters("random", 20, kTold));
  const std::string first = ask(*study, 1, kHour).at(0).architecture;
  expire(*study, {1});
  EXPECT_EQ(ask(*study, 1, kHour).at(0).number, 1);
  ASSERT_EQ(ask(*study, 1, kHour).at(0).number, 2);
  const Trial trial = *study->trial(1);
  EXPECT_EQ(trial.architecture, first);
  EXPECT_EQ(trial.attempts, 2);
  EXPECT_EQ(study->samples().size(), 2u);  // it was proposed once
}

TEST_P(AskTell, NeverGivesOneNetworkTwiceInOneAnswer) {
  auto study = create(letters("random", 20, kTold));
  const std::vector<Trial> trials = ask(*study, 3, seconds(0));  // over before the next is reserved
  ASSERT_EQ(trials.size(), 1u);
  EXPECT_EQ(trials[0].number, 1);
}

TEST_P(AskTell, ReservesNothingMoreOnceItIsStopped) {
  auto study = create(letters("random", 20, kTold));
  const std::atomic<bool> stop = true;
  EXPECT_THAT(ask(*study, 3, kHour, &stop), IsEmpty());
  EXPECT_EQ(study->counts().reserved, 0);
}

// ---- Give back ----

TEST_P(AskTell, WhatIsGivenBackIsGivenOutBeforeAnythingNewWithNoAttemptMore) {
  auto study = create(letters("random", 20, kTold));
  const std::vector<Trial> trials = ask(*study, 2, kHour);
  EXPECT_EQ(give_back(*study, {trials[0]}), 1);
  EXPECT_EQ(study->trial(1)->state, TrialState::waiting);
  EXPECT_EQ(study->trial(2)->state, TrialState::running);
  EXPECT_EQ(ask(*study, 1, kHour).at(0).number, 1);
  EXPECT_EQ(study->trial(1)->attempts, 1);
}

TEST_P(AskTell, WhatWasToldOrGivenToAnotherIsNotGivenBack) {
  auto study = create(letters("random", 20, kTold));
  const std::vector<Trial> trials = ask(*study, 2, kHour);
  tell(*study, 1, {.value = 0.5});
  expire(*study, {2});
  ASSERT_EQ(ask(*study, 1, kHour).at(0).number, 2);
  EXPECT_EQ(give_back(*study, trials), 0);
  EXPECT_EQ(study->trial(1)->state, TrialState::complete);
  EXPECT_EQ(study->trial(2)->state, TrialState::running);
}

// ---- Tell ----

TEST_P(AskTell, StoresValueMeasuresAndCurve) {
  auto study = create(letters("random", 20, kTold, "[objective]\nmeasure = \"score\"\n"));
  const Trial asked = ask(*study, 1, kHour).at(0);
  constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
  tell(*study, 1,
       {.value = -7.5,
        .measures = {{"latency_ms", 3.25}},
        .curve = {{2.5, kUnknown, kUnknown, kUnknown, -9},
                  {kUnknown, kUnknown, kUnknown, 0.5, -7.5}}});
  const Trial stored = open()->trials(true).at(0);
  EXPECT_EQ(stored.architecture, asked.architecture);
  EXPECT_EQ(stored.state, TrialState::complete);
  EXPECT_EQ(stored.value, -7.5);
  EXPECT_EQ(stored.validation_accuracy, std::nullopt);
  EXPECT_THAT(stored.measures,
              ElementsAre(testing::Pair("latency_ms", 3.25), testing::Pair("score", -7.5)));
  EXPECT_EQ(stored.leased_until, std::nullopt);
  ASSERT_EQ(stored.curve.size(), 2u);
  EXPECT_EQ(stored.curve[0].training_loss, 2.5);
  EXPECT_EQ(stored.curve[0].value, -9);
  EXPECT_EQ(stored.curve[1].validation_accuracy, 0.5);
  EXPECT_EQ(open()->sequenced_samples_after(0).at(0).reward, -7.5);
}

TEST_P(AskTell, AnAccuracyIsTheValidationAccuracyAndNotLearningIsChance) {
  auto study = create(
      "[space]\ninput = \"3x32x32\"\nclasses = 4\n[strategy]\nkind = \"random\"\n"
      "[evaluator]\nkind = \"told\"\n");
  const std::vector<Trial> trials = ask(*study, 2, kHour);
  tell(*study, 1, {.value = 0.75});
  tell(*study, 2, {.failure = "not learning"});
  const Trial good = *study->trial(1), bad = *study->trial(2);
  EXPECT_EQ(good.validation_accuracy, 0.75);
  EXPECT_GT(good.parameters.value_or(0), 0);
  EXPECT_GT(good.macs.value_or(0), 0);
  EXPECT_EQ(bad.state, TrialState::failed);
  EXPECT_EQ(bad.failure, Failure::not_learning);
  EXPECT_EQ(bad.validation_accuracy, 0.25);
  EXPECT_EQ(study->counts().unique_models, 2);
}

TEST_P(AskTell, AFailureIsKeptAsItStandsAndCountsOnlyWhereItDoesNotLearn) {
  auto study = create(letters("random", 20, kTold));
  ask(*study, 3, kHour);
  EXPECT_EQ(tell(*study, 1, {.failure = "the board (rev 2) overheated"}).reason(),
            "the board (rev 2) overheated");
  EXPECT_EQ(tell(*study, 2, {.failure = "out of memory"}).failure, Failure::out_of_memory);
  EXPECT_EQ(study->counts().unique_models, 0);
  EXPECT_EQ(tell(*study, 3, {.failure = "not learning"}).failure, Failure::not_learning);
  EXPECT_EQ(study->counts().unique_models, 1);
}

TEST_P(AskTell, AboveALimitIsAFailure) {
  auto study =
      create(letters("random", 20, kTold, "[objective]\nlimits = { latency_ms = 25.0 }\n"));
  ask(*study, 2, kHour);
  EXPECT_EQ(tell(*study, 1, {.value = 0.5, .measures = {{"latency_ms", 31.25}}}).reason(),
            "too large (latency_ms 31.25, limit 25)");
  EXPECT_EQ(tell(*study, 2, {.value = 0.5, .measures = {{"latency_ms", 25}}}).state,
            TrialState::complete);
}

TEST_P(AskTell, TheFirstResultStaysBeTheLeaseOverOrTheNetworkGivenToAnother) {
  auto study = create(letters("random", 20, kTold));
  ask(*study, 2, kHour);
  expire(*study, {1, 2});
  EXPECT_EQ(tell(*study, 2, {.value = 0.5}).value, 0.5);  // late, and nobody else has it
  ASSERT_EQ(ask(*study, 1, kHour).at(0).number, 1);
  EXPECT_EQ(tell(*study, 1, {.value = 0.75}).value, 0.75);  // by either of two
  EXPECT_THAT(usage_error([&] { tell(*study, 1, {.value = 0.25}); }),
              AllOf(HasSubstr("trial 1, "), HasSubstr(", has its result since "),
                    HasSubstr(": complete, validation_accuracy 0.75; the first that is told "
                              "stays, and nothing was changed")));
  EXPECT_THAT(usage_error([&] { tell(*study, 1, {.failure = "crashed"}); }),
              HasSubstr("nothing was changed"));
  EXPECT_EQ(study->trial(1)->value, 0.75);
  EXPECT_EQ(study->counts().last_sequence, 2);
}

TEST_P(AskTell, ATrialThatIsNotThereOrThatAWorkerTrainsTakesNoResult) {
  auto study = create(letters("random", 20, table()));
  EXPECT_THAT(usage_error([&] { tell(*study, 7, {.value = 0.5}); }),
              HasSubstr("has no trial 7; metaqnn trials --study URL --state running lists what"));
  ask(*study, 1, kHour);
  transact(*study, [&](bool) {
    const int64_t worker = study->register_worker(this_process());
    study->release_trial(1, 2);
    study->claim_waiting_trial(worker);
  });
  EXPECT_THAT(usage_error([&] { tell(*study, 1, {.value = 0.5}); }),
              AllOf(HasSubstr("trial 1, "),
                    HasSubstr(" is in training by worker 1 of this study, which stores its result; "
                              "tell what metaqnn ask reserves")));
  EXPECT_EQ(study->trial(1)->state, TrialState::running);
}

TEST_P(AskTell, WhatNoStudyCouldHoldIsRefusedAndChangesNothing) {
  auto study = create(letters("random", 20, kTold));
  ask(*study, 1, kHour);
  const auto refused = [&](const Told& told) {
    return usage_error([&] { tell(*study, 1, told); });
  };
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(refused({}), HasSubstr("tell either the value or why there is none"));
  EXPECT_THAT(refused({.value = 0.5, .failure = "crashed"}), HasSubstr("tell either the value"));
  EXPECT_THAT(refused({.value = kNaN}), HasSubstr("validation_accuracy is no finite number"));
  EXPECT_THAT(refused({.value = 92.5}),
              HasSubstr("validation_accuracy is 92.5, not within [0, 1]: tell a fraction"));
  EXPECT_THAT(refused({.value = 0.5, .measures = {{"latency_ms", kNaN}}}),
              HasSubstr("latency_ms is no finite number"));
  EXPECT_THAT(
      refused({.value = 0.5, .measures = {{"validation_accuracy", 0.75}}}),
      HasSubstr("the measures say validation_accuracy 0.75 beside the value 0.5; it is what "
                "the study searches for, tell it once"));
  EXPECT_THAT(refused({.value = 0.5, .curve = {{0, 0, 0, 0.5}, {0, 0, 0, 1.5}}}),
              HasSubstr("validation_accuracy of epoch 2 is 1.5, not within [0, 1]"));
  EXPECT_THAT(refused({.value = 0.5, .curve = {{HUGE_VAL, 0, 0, 0.5}}}),
              HasSubstr("training_loss of epoch 1 is no finite number"));
  EXPECT_EQ(study->trial(1)->state, TrialState::running);
  EXPECT_EQ(study->counts().last_sequence, 0);
}

// ---- Beside others ----

TEST_P(AskTell, OneLoopMakesTheStudyThatASearchMakes) {
  for (const char* strategy : {"q_learning", "random", "regularized_evolution", "guided"}) {
    SCOPED_TRACE(strategy);
    const int models = std::string(strategy) == "guided" ? 18 : 40;
    if (server_ != nullptr) url_ = server_->new_database();
    std::filesystem::remove(folder_ / "study.db");
    auto told = create(letters(strategy, models, kTold));
    ask_and_tell(*told);
    auto searched =
        create(letters(strategy, models, table()), folder_.url(std::string(strategy) + ".db"));
    EXPECT_EQ(work(*searched, {}), SearchEnd::done);
    expect_same_study(*told, *searched);
    expect_same_samples(*told, *searched);
  }
}

// Random walks follow from the seed and the number of the sample alone, so it does not matter who
// came first.
TEST_P(AskTell, FourProcessesMakeTheStudyThatASearchMakesThoughTwoReservationsExpire) {
  create(letters("random", 200, kTold));
  ASSERT_EQ(ask(*open(), 2, kHour).size(), 2u);
  expire(*open(), {1, 2});
  std::vector<pid_t> processes;
  for (int i = 0; i < 4; ++i) processes.push_back(start([&] { ask_and_tell(*open()); }));
  for (const pid_t process : processes) EXPECT_EQ(join(process), 0);
  auto told = open();
  EXPECT_THAT(usage_error([&] { tell(*told, 1, {.value = 0.125}); }),
              HasSubstr("nothing was changed"));
  for (const Trial& trial : told->trials(false))
    EXPECT_EQ(trial.attempts, trial.number <= 2 ? 2 : 1) << trial.number;
  auto searched = create(letters("random", 200, table()), folder_.url("searched.db"));
  EXPECT_EQ(work(*searched, {}), SearchEnd::done);
  EXPECT_EQ(told->counts().unique_models, 200);
  expect_same_study(*told, *searched);
}

TEST_P(AskTell, AWorkerTakesWhatHasExpiredFirstAndWaitsForWhatHasNot) {
  create(letters("random", 12, table()));
  ask(*open(), 2, kHour);
  expire(*open(), {2});
  const pid_t worker = start([&] { work(*open(), {}); });
  auto study = open();
  ASSERT_TRUE(tests::eventually([&] { return study->counts().unique_models == 11; }));
  EXPECT_EQ(release_dead_workers(*study), 0);
  const Trial reserved = *study->trial(1), expired = *study->trial(2);
  EXPECT_EQ(reserved.state, TrialState::running);
  EXPECT_EQ(reserved.worker, 0);
  EXPECT_EQ(expired.state, TrialState::complete);
  EXPECT_EQ(expired.attempts, 2);
  EXPECT_EQ(expired.value, worth(expired.architecture));
  tell(*study, 1, {.value = 0.5});
  EXPECT_EQ(join(worker), 0);
  EXPECT_EQ(study->counts().unique_models, 12);
}

TEST_P(AskTell, TakesTheWaitingPicksOfAScreeningFirst) {
  auto study = create(letters("random", 12, kTold));
  transact(*study, [&](bool) {
    Trial pick;
    pick.architecture = "aabbc";
    pick.attempts = 1;
    pick.origin = "screen";
    study->add_sample(study->add_trial(pick, 0), 0);
  });
  const Trial asked = ask(*study, 1, kHour).at(0);
  EXPECT_EQ(asked.architecture, "aabbc");
  EXPECT_EQ(tell(*study, 1, {.value = 0.5}).origin, "screen");
}

TEST_P(AskTell, NobodyTrainsInAStudyThatIsTold) {
  auto study = create(letters("random", 12, kTold));
  EXPECT_THAT(usage_error([&] { work(*study, {}); }),
              AllOf(HasSubstr("metaqnn ask"), HasSubstr("metaqnn tell")));
  EXPECT_EQ(study->counts().samples, 0);
}

}  // namespace
}  // namespace metaqnn::search
