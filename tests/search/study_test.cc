// A list of disasters, and of what a study is when all is well.
#include "metaqnn/search/study/study.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <limits>
#include <set>
#include <stdexcept>
#include <thread>

#include "metaqnn/base/error.h"
#include "metaqnn/base/random.h"
#include "metaqnn/search/search.h"
#include "search/study/host_lock.h"
#include "tests/cli/run_program.h"
#include "tests/error_message.h"
#include "tests/postgresql_server.h"

namespace metaqnn::search {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using tests::read_text;

class StudyFile : public ::testing::Test {
 protected:
  std::filesystem::path file() const { return folder_ / "study.db"; }
  virtual std::string url() const { return "sqlite:///" + file().string(); }
  std::unique_ptr<Study> create() const {
    StudyInfo info;
    info.configuration = "seed = 1\n";
    info.seed = ~uint64_t{0};
    return create_study(url(), info);
  }
  std::unique_ptr<Study> open() const {
    return open_study(url(), Durability::power_loss, std::chrono::seconds(1));
  }

  // Runs `action` in a process of its own; the exit status it returned, or -signal.
  template <typename Action>
  static int in_a_process(Action action) {
    const pid_t pid = start_process(action);
    return join(pid);
  }
  template <typename Action>
  static pid_t start_process(Action action) {
    const pid_t pid = fork();
    if (pid == 0) {
      try {
        _exit(action());
      } catch (...) {
        _exit(99);
      }
    }
    return pid;
  }
  std::set<std::string> listing() const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(file().parent_path()))
      names.insert(entry.path().filename().string());
    return names;
  }

  static int join(pid_t pid) {
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  tests::Folder folder_;
};

// What holds in whatever form a study is kept.
class EveryStudy : public StudyFile, public ::testing::WithParamInterface<const char*> {
 protected:
  bool on_a_server() const { return std::string(GetParam()) == "postgresql"; }
  void SetUp() override {
    if (!on_a_server()) return;
    server_ = tests::PostgresqlServer::shared();
    if (server_ == nullptr) GTEST_SKIP() << tests::PostgresqlServer::kMissing;
    url_ = server_->new_database();
  }
  std::string url() const override { return on_a_server() ? url_ : StudyFile::url(); }

  tests::PostgresqlServer* server_ = nullptr;
  std::string url_;
};
INSTANTIATE_TEST_SUITE_P(InEachForm, EveryStudy, ::testing::Values("sqlite", "postgresql"),
                         [](const auto& parameter) { return parameter.param; });

Trial running(const std::string& architecture, double epsilon = 1.0) {
  Trial trial;
  trial.architecture = architecture;
  trial.state = TrialState::running;
  trial.epsilon = epsilon;
  trial.attempts = 1;
  trial.origin = "search";
  return trial;
}

Trial complete(Trial trial, double accuracy) {
  trial.state = TrialState::complete;
  trial.validation_accuracy = accuracy;
  return trial;
}

int64_t add_worker(Study& study) {
  Transaction transaction(study);
  const int64_t worker = study.register_worker(this_process());
  transaction.commit();
  return worker;
}

// One whole trial; returns its number.
int64_t add_finished(Study& study, const std::string& architecture, double accuracy,
                     int64_t worker) {
  Transaction transaction(study);
  Trial trial = running(architecture);
  trial.number = study.add_trial(trial, worker);
  study.add_sample(trial.number, 1.0);
  EXPECT_TRUE(study.finish_trial(complete(trial, accuracy), worker));
  transaction.commit();
  return trial.number;
}

void fill(Study& study, int trials) {
  const int64_t worker = add_worker(study);
  for (int i = 0; i < trials; ++i)
    add_finished(study, "[C(" + std::to_string(i + 1) + ",3,1), SM(10)]", 0.5, worker);
}

TEST_P(EveryStudy, KeepsWhatItWasMadeWith) {
  create();
  const StudyInfo info = open()->info();
  EXPECT_EQ(info.configuration, "seed = 1\n");
  EXPECT_EQ(info.seed, ~uint64_t{0});
  EXPECT_THAT(info.created_at, ::testing::MatchesRegex("....-..-..T..:..:..Z"));
}

TEST_P(EveryStudy, KeepsTheLastNoteUnderEachName) {
  create();
  {
    auto study = open();
    Transaction transaction(*study);
    study->set_note("seed", "first");
    study->set_note("seed", "second");
    study->set_note("other", "");
    transaction.commit();
  }
  auto study = open();
  EXPECT_EQ(study->note("seed"), "second");
  EXPECT_EQ(study->note("other"), "");
  EXPECT_EQ(study->note("none"), std::nullopt);
  EXPECT_THAT(study->notes("se"), ElementsAre("second"));
  EXPECT_THAT(study->notes(""), ElementsAre("", "second"));  // by name
  EXPECT_THAT(study->notes("Se"), IsEmpty());
  EXPECT_EQ(study->info().seed, ~uint64_t{0});  // a note is not what the study was made with
}

TEST_P(EveryStudy, GivesBackATrialToTheLastBit) {
  auto study = create();
  const int64_t worker = add_worker(*study);
  Trial trial = running("[C(64,3,1), SM(10)]", 0.1 + 0.2);
  {
    Transaction transaction(*study);
    trial.number = study->add_trial(trial, worker);
    transaction.commit();
  }
  Trial result = complete(trial, 1.0 / 3.0);
  result.parameters = int64_t{1} << 40;
  result.learning_rate = 1e-300;
  result.seconds = std::numeric_limits<double>::max();
  result.images_per_second = std::numeric_limits<double>::denorm_min();
  result.curve = {{std::nan(""), 0.25, 2.0 / 3.0, 1.0 / 7.0}, {0.5, 0.5, 0.5, 1.0 / 3.0}};
  {
    Transaction transaction(*study);
    ASSERT_TRUE(study->finish_trial(result, worker));
    transaction.commit();
  }
  const Trial stored = open()->trials(true).at(0);
  EXPECT_EQ(stored.epsilon, 0.1 + 0.2);
  EXPECT_EQ(stored.validation_accuracy, 1.0 / 3.0);
  EXPECT_EQ(stored.parameters, int64_t{1} << 40);
  EXPECT_EQ(stored.learning_rate, 1e-300);
  EXPECT_EQ(stored.seconds, std::numeric_limits<double>::max());
  EXPECT_EQ(stored.images_per_second, std::numeric_limits<double>::denorm_min());
  EXPECT_FALSE(stored.macs.has_value());
  ASSERT_EQ(stored.curve.size(), 2u);
  EXPECT_TRUE(std::isnan(stored.curve[0].training_loss));
  EXPECT_EQ(stored.curve[0].validation_loss, 2.0 / 3.0);
  EXPECT_EQ(stored.curve[1].validation_accuracy, 1.0 / 3.0);
}

TEST_P(EveryStudy, GivesSequenceNumbersWhenResultsAreKnown) {
  auto study = create();
  const int64_t worker = add_worker(*study), other = add_worker(*study);
  Transaction transaction(*study);
  Trial slow = running("[C(8,3,1), SM(10)]"), fast = running("[C(16,3,1), SM(10)]");
  slow.number = study->add_trial(slow, worker);
  fast.number = study->add_trial(fast, other);
  study->add_sample(slow.number, 1.0);                            // sample 1, pending
  study->add_sample(fast.number, 1.0);                            // sample 2, pending
  study->add_sample(slow.number, 1.0);                            // sample 3, pending
  ASSERT_TRUE(study->finish_trial(complete(fast, 0.5), other));   // sample 2 is first
  study->add_sample(fast.number, 1.0);                            // sample 4, known at once: second
  ASSERT_TRUE(study->finish_trial(complete(slow, 0.6), worker));  // samples 1 and 3
  transaction.commit();
  std::vector<int64_t> sequences, proposed_at;
  for (const Sample& sample : study->samples()) {
    sequences.push_back(sample.sequence.value_or(0));
    proposed_at.push_back(sample.proposed_at);
  }
  EXPECT_EQ(sequences, (std::vector<int64_t>{3, 1, 4, 2}));
  EXPECT_EQ(proposed_at, (std::vector<int64_t>{0, 0, 0, 1}));
  const auto ordered = study->sequenced_samples_after(2);
  ASSERT_EQ(ordered.size(), 2u);
  EXPECT_EQ(ordered[0].architecture, slow.architecture);
  EXPECT_EQ(ordered[0].reward, 0.6);
}

TEST_P(EveryStudy, CountsAndRewardsOnlyWhatTheScheduleCounts) {
  auto study = create();
  const int64_t worker = add_worker(*study);
  add_finished(*study, "[SM(10)]", 0.7, worker);
  const auto fail = [&](const std::string& architecture, Failure failure) {
    Transaction transaction(*study);
    Trial trial = running(architecture);
    trial.number = study->add_trial(trial, worker);
    study->add_sample(trial.number, 1.0);
    trial.state = TrialState::failed;
    trial.failure = failure;
    if (failure == Failure::not_learning) trial.validation_accuracy = 0.1;
    ASSERT_TRUE(study->finish_trial(trial, worker));
    transaction.commit();
  };
  fail("[GAP(10), SM(10)]", Failure::not_learning);
  fail("[C(8,3,1), SM(10)]", Failure::not_a_number);
  const Counts counts = study->counts();
  EXPECT_EQ(counts.unique_models, 2);
  EXPECT_EQ(counts.by_state.at(TrialState::failed), 2);
  EXPECT_EQ(counts.last_sequence, 3);
  const auto samples = study->sequenced_samples_after(0);
  EXPECT_EQ(samples.at(1).reward, 0.1);
  EXPECT_FALSE(samples.at(2).reward.has_value());
  EXPECT_EQ(study->best_trial()->architecture, "[SM(10)]");
}

TEST_P(EveryStudy, RewardsTheValueAndFindsTheBestInEitherDirection) {
  auto study = create();
  const int64_t worker = add_worker(*study);
  const auto finish = [&](const std::string& architecture, std::optional<double> value,
                          Failure failure = Failure::none) {
    Transaction transaction(*study);
    Trial trial = running(architecture);
    trial.number = study->add_trial(trial, worker);
    study->add_sample(trial.number, 1.0);
    trial.state = failure == Failure::none ? TrialState::complete : TrialState::failed;
    trial.failure = failure;
    trial.value = value;
    if (value) trial.measures = {{"latency_ms", *value}, {"energy", 3}};
    ASSERT_TRUE(study->finish_trial(trial, worker));
    transaction.commit();
  };
  finish("[C(8,3,1), SM(10)]", 12.5);
  finish("[C(16,3,1), SM(10)]", -2.5);
  finish("[C(32,3,1), SM(10)]", 1e6);
  finish("[C(64,3,1), SM(10)]", std::nullopt, Failure::not_learning);
  EXPECT_EQ(study->best_trial(datasets::Direction::minimize)->value, -2.5);
  EXPECT_EQ(study->best_trial(datasets::Direction::maximize)->value, 1e6);
  const Trial stored = study->trial(1).value();
  EXPECT_EQ(stored.validation_accuracy, std::nullopt);
  EXPECT_EQ(stored.measures, (std::map<std::string, double>{{"latency_ms", 12.5}, {"energy", 3}}));
  const auto samples = study->sequenced_samples_after(0);
  EXPECT_EQ(samples.at(0).reward, 12.5);
  EXPECT_FALSE(samples.at(0).not_learning);
  EXPECT_EQ(samples.at(3).reward, std::nullopt);
  EXPECT_TRUE(samples.at(3).not_learning);
  const datasets::Log log = to_log(*study, {"latency_ms", datasets::Direction::minimize, ""});
  EXPECT_EQ(log.measure.direction, datasets::Direction::minimize);
  EXPECT_EQ(log.rows.at(1).value, -2.5);
  EXPECT_EQ(log.rows.at(3).value, std::nullopt);
}

TEST_P(EveryStudy, AStoppedTrialKeepsItsPredictionUntilItIsTrainedToItsEnd) {
  auto study = create();
  const int64_t worker = add_worker(*study), other = add_worker(*study);
  Trial trial = running("[SM(10)]");
  Transaction transaction(*study);
  trial.number = study->add_trial(trial, worker);
  study->add_sample(trial.number, 1.0);
  EXPECT_FALSE(study->resume_stopped_trial(trial.number, worker).has_value());  // it is running
  Trial stopped = trial;
  stopped.state = TrialState::stopped;
  stopped.predicted = true;
  stopped.validation_accuracy = 0.4;
  stopped.curve = {{0.5, 0.5, 0.5, 0.3}};
  ASSERT_TRUE(study->finish_trial(stopped, worker));
  EXPECT_EQ(study->counts().unique_models, 1);
  EXPECT_EQ(study->note(kRevisions), std::nullopt);
  EXPECT_FALSE(study->best_trial().has_value());

  const auto resumed = study->resume_stopped_trial(trial.number, other);
  ASSERT_TRUE(resumed.has_value());
  EXPECT_EQ(resumed->state, TrialState::running);
  EXPECT_TRUE(resumed->predicted);
  EXPECT_FALSE(study->resume_stopped_trial(trial.number, worker).has_value());  // another has it
  EXPECT_EQ(study->counts().unique_models, 0);
  EXPECT_EQ(study->counts().reserved, 1);
  EXPECT_EQ(study->sequenced_samples_after(0).at(0).reward, 0.4);
  EXPECT_EQ(study->trials(true).at(0).curve.size(), 1u);

  Trial result = complete(*resumed, 0.6);
  result.predicted = false;
  result.value.reset();
  result.measures.clear();
  result.curve = {{0.5, 0.5, 0.5, 0.3}, {0.5, 0.5, 0.5, 0.6}};
  ASSERT_TRUE(study->finish_trial(result, other));
  transaction.commit();
  EXPECT_EQ(study->note(kRevisions), "1");
  EXPECT_EQ(study->sequenced_samples_after(0).at(0).reward, 0.6);
  const Trial stored = study->trials(true).at(0);
  EXPECT_FALSE(stored.predicted);
  EXPECT_EQ(stored.value, 0.6);
  EXPECT_EQ(stored.curve.size(), 2u);
  EXPECT_EQ(study->best_trial()->number, trial.number);
}

TEST_P(EveryStudy, StoresNothingOfAWorkerThatDoesNotHoldTheTrial) {
  auto study = create();
  const int64_t worker = add_worker(*study), other = add_worker(*study);
  Trial trial = running("[SM(10)]");
  Transaction transaction(*study);
  trial.number = study->add_trial(trial, worker);
  EXPECT_FALSE(study->finish_trial(complete(trial, 0.9), other));
  study->release_trial(trial.number, 2);
  EXPECT_FALSE(study->finish_trial(complete(trial, 0.9), worker));
  const auto claimed = study->claim_waiting_trial(other);
  ASSERT_TRUE(claimed.has_value());
  EXPECT_EQ(claimed->attempts, 2);
  EXPECT_FALSE(study->claim_waiting_trial(worker).has_value());
  transaction.commit();
}

TEST_P(EveryStudy, ShowsTheEpochsOfATrainingInHand) {
  auto study = create();
  const int64_t worker = add_worker(*study), other = add_worker(*study);
  Trial trial = running("[SM(10)]");
  const auto epochs = [&] { return study->trials(true).at(0).curve.size(); };
  const auto store = [&](int64_t by, size_t count) {
    trial.curve.assign(count, {0.5, 0.4, 0.6, 0.3});
    transact(*study, [&](bool) { study->store_epochs(trial, by); });
  };
  transact(*study, [&](bool) { trial.number = study->add_trial(trial, worker); });
  store(worker, 2);
  EXPECT_EQ(epochs(), 2u);
  EXPECT_EQ(study->trials(true).at(0).curve[1].validation_accuracy, 0.3);
  store(other, 5);
  EXPECT_EQ(epochs(), 2u) << "of another worker";
  transact(*study, [&](bool) { study->release_trial(trial.number, 1); });
  store(worker, 3);
  EXPECT_EQ(epochs(), 2u) << "it waits";
  transact(*study, [&](bool) { study->claim_waiting_trial(worker); });
  EXPECT_EQ(epochs(), 0u) << "it begins anew";
  store(worker, 1);
  trial.curve.assign(4, {0.5, 0.4, 0.6, 0.3});
  transact(*study, [&](bool) { study->finish_trial(complete(trial, 0.9), worker); });
  EXPECT_EQ(epochs(), 4u);
  store(worker, 7);
  EXPECT_EQ(epochs(), 4u) << "it has finished";
}

TEST_P(EveryStudy, WritesOnlyInATransactionAndInOneAtATime) {
  auto study = create();
  const int64_t worker = add_worker(*study);
  Trial trial = running("[SM(10)]");
  EXPECT_THROW(study->add_trial(trial, worker), std::logic_error);
  EXPECT_THROW(study->add_sample(1, 1.0), std::logic_error);
  EXPECT_THROW(study->claim_waiting_trial(worker), std::logic_error);
  EXPECT_THROW(study->resume_stopped_trial(1, worker), std::logic_error);
  EXPECT_THROW(study->finish_trial(complete(trial, 0.5), worker), std::logic_error);
  EXPECT_THROW(study->release_trial(1, 1), std::logic_error);
  EXPECT_THROW(study->register_worker(this_process()), std::logic_error);
  EXPECT_THROW(study->remove_worker(worker), std::logic_error);
  const Transaction transaction(*study);
  EXPECT_THROW(Transaction{*study}, std::logic_error);
  EXPECT_TRUE(study->trials(false).empty());
}

TEST_P(EveryStudy, AWriterKilledInATransactionLeavesNoTrace) {
  create();
  const int status = in_a_process([&] {
    auto study = open();
    Transaction transaction(*study);
    const int64_t trial = study->add_trial(running("[SM(10)]"), 1);
    study->add_sample(trial, 1.0);
    ::kill(getpid(), SIGKILL);
    return 0;
  });
  EXPECT_EQ(status, -SIGKILL);
  auto study = open();
  EXPECT_TRUE(study->trials(true).empty());
  EXPECT_TRUE(study->samples().empty());
}

TEST_F(StudyFile, AReaderThatComesAndGoesLeavesTheJournalToItsWriter) {
  // The writer opens the study twice, as programs do that look before they work. Losing its file
  // locks then would let the reader, when it closes, take the journal away from under it.
  create();
  const pid_t writer = start_process([&] {
    auto first = open();
    auto study = open();
    first.reset();
    const int64_t worker = add_worker(*study);
    for (int i = 0; i < 40; ++i) {
      add_finished(*study, "[FC(" + std::to_string(i + 1) + "), SM(10)]", 0.5, worker);
      usleep(5000);
    }
    return 0;
  });
  size_t seen = 0;
  const bool all = tests::eventually([&] {
    seen = open()->trials(false).size();
    return seen == 40;
  });
  EXPECT_EQ(join(writer), 0);
  EXPECT_TRUE(all) << seen;
  EXPECT_EQ(open()->trials(false).size(), 40u);
}

TEST_P(EveryStudy, TwoProcessesClaimEachTrialOnceAndNumberResultsWithoutGaps) {
  {
    auto study = create();
    Transaction transaction(*study);
    for (int i = 0; i < 60; ++i) {
      const int64_t trial =
          study->add_trial(running("[FC(" + std::to_string(i + 1) + "), SM(10)]"), 0);
      study->add_sample(trial, 1.0);
      study->release_trial(trial, 1);
    }
    transaction.commit();
  }
  const auto work = [&](int status) {
    return start_process([this, status] {
      auto study = open_study(url(), Durability::process);
      const int64_t worker = add_worker(*study);
      for (;;) {
        std::optional<Trial> trial;
        {
          Transaction transaction(*study);
          trial = study->claim_waiting_trial(worker);
          transaction.commit();
        }
        if (!trial) return status;
        trial->origin = "";
        Transaction transaction(*study);
        if (!study->finish_trial(complete(*trial, 0.5), worker)) return 98;
        transaction.commit();
      }
    });
  };
  const pid_t one = work(1), two = work(2);
  EXPECT_EQ(join(one), 1);
  EXPECT_EQ(join(two), 2);
  auto study = open();
  EXPECT_EQ(study->counts().unique_models, 60);
  std::set<int64_t> sequences;
  for (const Sample& sample : study->samples()) sequences.insert(sample.sequence.value_or(0));
  EXPECT_EQ(sequences.size(), 60u);
  EXPECT_EQ(*sequences.begin(), 1);
  EXPECT_EQ(*sequences.rbegin(), 60);
}

TEST_P(EveryStudy, AReaderSeesResultsInTheOrderOfTheirNumbersWhileTwoProcessesWrite) {
  create();
  const auto write = [&](const std::string& name) {
    return start_process([this, name] {
      auto study = open_study(url(), Durability::process);
      const int64_t worker = add_worker(*study);
      for (int i = 0; i < 60; ++i) {
        add_finished(*study, name + std::to_string(i), 0.5, worker);
        Transaction abandoned(*study);  // its number is given again
        const int64_t trial = study->add_trial(running(name + "abandoned"), worker);
        study->add_sample(trial, 1.0);
        study->finish_trial(complete(*study->trial(trial), 0.5), worker);
      }
      return 0;
    });
  };
  const pid_t one = write("one "), two = write("two ");
  auto study = open();
  int64_t last = 0;
  EXPECT_TRUE(tests::eventually([&] {
    for (const SequencedSample& sample : study->sequenced_samples_after(last))
      EXPECT_EQ(sample.sequence, ++last) << "a number became known before the one below it";
    return last == 120;
  })) << last;
  EXPECT_EQ(join(one), 0);
  EXPECT_EQ(join(two), 0);
}

TEST_F(StudyFile, TruncatedAnywhereIsRefusedOrWholeButNeverCrashes) {
  {
    auto study = create();
    fill(*study, 30);
  }
  const std::string whole = read_text(file());
  int refused = 0, lengths = 0;
  for (size_t length = 0; length < whole.size(); length += 512, ++lengths) {
    std::ofstream(file(), std::ios::binary | std::ios::trunc) << whole.substr(0, length);
    std::filesystem::remove(file().string() + "-wal");
    std::filesystem::remove(file().string() + "-shm");
    try {
      auto study = open();
      EXPECT_EQ(study->trials(true).size(), 30u) << length;
    } catch (const DataError& error) {
      ++refused;
      EXPECT_THAT(error.what(), HasSubstr("study")) << length;
    }
  }
  EXPECT_GT(refused, lengths / 2);
}

TEST_F(StudyFile, OfWhichTheJournalIsTruncatedKeepsAllCommitsBeforeThat) {
  std::string whole, journal;
  {
    auto study = create();
    fill(*study, 30);
    whole = read_text(file());
    journal = read_text(file().string() + "-wal");
  }
  ASSERT_FALSE(journal.empty());
  size_t before = 0;
  for (size_t length = 0; length <= journal.size(); length += journal.size() / 50) {
    std::ofstream(file(), std::ios::binary | std::ios::trunc) << whole;
    std::filesystem::remove(file().string() + "-shm");
    std::ofstream(file().string() + "-wal", std::ios::binary | std::ios::trunc)
        << journal.substr(0, length);
    auto study = open();
    const size_t trials = study->trials(true).size();
    EXPECT_GE(trials, before) << length;
    EXPECT_EQ(study->counts().last_sequence, static_cast<int64_t>(trials)) << length;
    before = trials;
  }
  EXPECT_GT(before, 0u);
}

TEST_F(StudyFile, CorruptedAnywhereIsRefusedOrSaneButNeverCrashes) {
  {
    auto study = create();
    fill(*study, 30);
  }
  const std::string whole = read_text(file());
  int refused = 0;
  // Each byte of SQLite's header, for each has a meaning of its own, and then some.
  for (size_t at = 0; at < whole.size(); at += at < 100 ? 1 : 211) {
    std::string corrupt = whole;
    corrupt[at] = static_cast<char>(corrupt[at] ^ 0x5a);
    std::ofstream(file(), std::ios::binary | std::ios::trunc) << corrupt;
    std::filesystem::remove(file().string() + "-wal");
    std::filesystem::remove(file().string() + "-shm");
    try {
      auto study = open();
      for (const Trial& trial : study->trials(true))
        EXPECT_TRUE(!trial.validation_accuracy ||
                    (*trial.validation_accuracy >= 0 && *trial.validation_accuracy <= 1));
      study->samples();
      study->sequenced_samples_after(0);
    } catch (const DataError&) {  // another error would send the user to look elsewhere
      ++refused;
    }
  }
  EXPECT_GT(refused, 0);
}

TEST_P(EveryStudy, LockedByAnotherProgramSaysSoAfterTheTimeout) {
  auto study = create();
  auto other = open();
  Transaction transaction(*study);
  try {
    Transaction second(*other);
    ADD_FAILURE() << "two writers at once";
  } catch (const FailureError& error) {
    EXPECT_THAT(error.what(), HasSubstr("locked by another program"));
  }
  EXPECT_TRUE(other->trials(false).empty()) << "readers do not wait";
}

TEST_F(StudyFile, OfANewerFormatIsRefusedAndNotTouched) {
  create();
  std::string bytes = read_text(file());
  bytes[63] = 4;  // user_version, big-endian at byte 60
  std::ofstream(file(), std::ios::binary | std::ios::trunc) << bytes;
  try {
    open();
    ADD_FAILURE() << "opened";
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), HasSubstr("newer metaqnn (format 4"));
  }
  EXPECT_EQ(read_text(file()), bytes);
  EXPECT_THAT(listing(), ElementsAre("study.db")) << "no journal is left of the reading";
}

TEST_F(StudyFile, ThatIsRefusedKeepsTheJournalThatItHas) {
  create();
  // A writer that dies leaves its journal; the page that says what the study is goes bad.
  ASSERT_EQ(in_a_process([&] {
              auto study = open();
              fill(*study, 3);
              _exit(0);
              return 1;
            }),
            0);
  std::string bytes = read_text(file());
  const std::string journal = read_text(file().string() + "-wal");
  ASSERT_FALSE(journal.empty());
  const size_t page = bytes.rfind("seed = 1\n") / 4096 * 4096;
  std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(page), 4096, '\x5a');
  std::ofstream(file(), std::ios::binary | std::ios::trunc) << bytes;
  const std::set<std::string> before = listing();
  EXPECT_THROW(open(), DataError);
  EXPECT_EQ(read_text(file()), bytes);
  EXPECT_EQ(read_text(file().string() + "-wal"), journal);
  EXPECT_EQ(listing(), before);

  // The same through a link from elsewhere: the journal lies beside the file.
  const tests::Folder elsewhere;
  std::filesystem::create_symlink(file(), elsewhere / "link.db");
  EXPECT_THROW(open_study(elsewhere.url("link.db")), DataError);
  EXPECT_EQ(read_text(file()), bytes);
  EXPECT_EQ(read_text(file().string() + "-wal"), journal);
  EXPECT_EQ(listing(), before);
}

TEST_F(StudyFile, OfAnotherKindIsRefused) {
  EXPECT_THROW(open(), DataError);  // nothing there
  std::ofstream(file())
      << "number,architecture\n1,\"[SM(10)]\"\n and more text, so that it is long enough";
  EXPECT_THROW(open(), DataError);
  EXPECT_THROW(create(), UsageError);  // never written over
  std::ofstream(file(), std::ios::trunc).close();
  EXPECT_THROW(open(), DataError);
  EXPECT_THROW(create(), UsageError);
}

TEST_F(StudyFile, OfAnotherProgramIsRefusedAndNotTouched) {
  create();
  const std::string study = read_text(file());
  std::string without_format = study, other_tables = study;
  without_format[63] = 0;  // user_version, big-endian at byte 60
  const std::string ours = "CREATE TABLE workers", theirs = "CREATE TABLE drivers";
  const size_t at = other_tables.find("workersworkers");  // the name of the table and of its tree
  ASSERT_NE(at, std::string::npos);
  other_tables.replace(at, 14, "driversdrivers");
  other_tables.replace(other_tables.find(ours), ours.size(), theirs);
  for (const std::string& bytes : {without_format, other_tables}) {
    std::ofstream(file(), std::ios::binary | std::ios::trunc) << bytes;
    try {
      open();
      ADD_FAILURE() << "opened";
    } catch (const DataError& error) {
      EXPECT_THAT(error.what(), HasSubstr("an SQLite file but not a study of metaqnn"));
    }
    EXPECT_EQ(read_text(file()), bytes);
    EXPECT_THAT(listing(), ElementsAre("study.db"));
  }
}

TEST_F(StudyFile, MayHaveAStrangeName) {
  for (const char* name : {"with  blanks =and; 'quotes'.db", "%41?mode=ro#part.db",
                           ":memory:", "-leading.db", "file:name.db", "back\\slash\n.db"}) {
    const std::string strange = "sqlite:///" + (folder_ / name).string();
    create_study(strange, {});
    EXPECT_TRUE(std::filesystem::exists(folder_ / name)) << name;
    EXPECT_NO_THROW(open_study(strange)) << name;
    EXPECT_THROW(create_study(strange, {}), UsageError) << name;
  }
  EXPECT_THROW(create_study("sqlite:///" + (folder_ / "a\"b.db").string(), {}), UsageError);
}

TEST_F(StudyFile, InAFolderThatMayNotBeWrittenOrEnteredSaysSo) {
  using std::filesystem::perms;
  const std::filesystem::path folder = file().parent_path();
  constexpr perms kMayEnter = perms::owner_exec | perms::group_exec | perms::others_exec;
  constexpr perms kMayRead = perms::owner_read | perms::group_read | perms::others_read;
  for (const perms allowed : {kMayRead | kMayEnter, kMayRead, perms::none}) {
    std::filesystem::permissions(folder, allowed);
    const int status = in_a_process([&] {
      // Nothing is forbidden to root, who therefore becomes nobody.
      if (getuid() == 0 && setuid(65534) != 0) return 2;
      try {
        create();
      } catch (const FailureError& error) {
        return std::string(error.what()).find("check the permissions") == std::string::npos ? 3 : 7;
      }
      return 0;
    });
    std::filesystem::permissions(folder, perms::owner_all);
    EXPECT_EQ(status, 7) << static_cast<unsigned>(allowed);
    EXPECT_TRUE(std::filesystem::is_empty(folder));
  }
}

TEST_F(StudyFile, IsNotMadeBesideTheJournalOfOneThatIsGone) {
  std::ofstream(file().string() + "-wal") << "what an older study had not yet moved to its file";
  try {
    create();
    ADD_FAILURE() << "made";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("study.db-wal is left from a study that is gone"));
  }
  EXPECT_FALSE(study_exists(url()));
}

TEST_F(StudyFile, SweepsAwayOldDraftsAndNothingElse) {
  const std::filesystem::path old = folder_ / "study.db.new-1-1",
                              old_journal = old.string() + "-wal",
                              young = folder_ / "study.db.new-2-2",
                              other = folder_ / "other.db.new-1";
  for (const auto& path : {old, old_journal, young, other}) std::ofstream(path) << "draft";
  const auto yesterday = std::filesystem::file_time_type::clock::now() - std::chrono::hours(24);
  for (const auto& path : {old, old_journal, other})
    std::filesystem::last_write_time(path, yesterday);
  create();
  EXPECT_FALSE(std::filesystem::exists(old));
  EXPECT_FALSE(std::filesystem::exists(old_journal));
  EXPECT_TRUE(std::filesystem::exists(young)) << "another process may be writing it";
  EXPECT_TRUE(std::filesystem::exists(other)) << "of another study";
  std::filesystem::remove(young);
  std::filesystem::remove(other);
  for (const auto& entry : std::filesystem::directory_iterator(file().parent_path()))
    EXPECT_EQ(entry.path().filename().string().rfind("study.db.new", 0), std::string::npos)
        << entry.path() << " is left of the new study's own draft";
}

TEST_P(EveryStudy, CountsFollowEveryWriterAndEveryRollback) {
  // A study keeps its counts while nobody else writes; a fresh one counts anew.
  create();
  std::vector<std::unique_ptr<Study>> studies;
  studies.push_back(open());
  studies.push_back(open());
  const std::vector<int64_t> workers{add_worker(*studies[0]), add_worker(*studies[1])};
  Random random = Random::stream(1, "counts", 0);
  const auto act = [&](Study& study, int64_t worker, int step) {
    const std::optional<Trial> held = study.held_trial(worker);
    const auto trials = static_cast<uint64_t>(step) + 1;  // or fewer
    const auto walked_onto = static_cast<int64_t>(random.below(trials) + 1);
    if (random.below(3) == 0 && study.trial(walked_onto)) {
      study.add_sample(walked_onto, 1.0);
    } else if (!held && random.below(2) == 0) {
      study.claim_waiting_trial(worker);
    } else if (!held) {
      study.add_sample(
          study.add_trial(running("[FC(" + std::to_string(step + 1) + "), SM(10)]"), worker), 1.0);
    } else if (random.below(3) == 0) {
      study.release_trial(held->number, held->attempts + 1);
    } else {
      Trial result = complete(*held, 0.5);
      if (random.below(2) == 0) result.fail(random.below(2) == 0 ? "not learning" : "timeout");
      ASSERT_TRUE(study.finish_trial(result, worker));
    }
  };
  for (int step = 0; step < 200; ++step) {
    const auto who = static_cast<size_t>(random.below(2));
    {
      Transaction transaction(*studies[who]);
      act(*studies[who], workers[who], step);
      if (random.below(2) == 0) studies[who]->counts();
      if (random.below(4) != 0) transaction.commit();
    }
    const Counts expected = open()->counts();
    for (const auto& study : studies) {
      Counts counts = study->counts();
      std::erase_if(counts.by_state, [](const auto& entry) { return entry.second == 0; });
      ASSERT_EQ(counts.by_state, expected.by_state) << step;
      ASSERT_EQ(counts.unique_models, expected.unique_models) << step;
      ASSERT_EQ(counts.reserved, expected.reserved) << step;
      ASSERT_EQ(counts.samples, expected.samples) << step;
      ASSERT_EQ(counts.repeats, expected.repeats) << step;
      ASSERT_EQ(counts.last_sequence, expected.last_sequence) << step;
    }
  }
}

// Walks onto trials 1, 3, 3, 1, 2, 1, 3: after the fifth, the first onto trial 2, two repeat. (That
// trials are walked onto in another order than that of their numbers happens in an imported log.)
TEST_P(EveryStudy, CountsTheWalksSinceTheLastOntoANewTrial) {
  const auto study = create();
  EXPECT_EQ(study->counts().repeats, 0);
  const int64_t worker = add_worker(*study);
  {
    Transaction transaction(*study);
    for (const char* architecture : {"[SM(1)]", "[SM(2)]", "[SM(3)]"})
      study->add_trial(running(architecture), worker);
    transaction.commit();
  }
  const std::vector<std::pair<int64_t, int64_t>> walks{{1, 0}, {3, 0}, {3, 1}, {1, 2},
                                                       {2, 0}, {1, 1}, {3, 2}};
  for (const auto& [trial, repeats] : walks) {
    {
      Transaction transaction(*study);
      study->add_sample(trial, 1.0);
      transaction.commit();
    }
    EXPECT_EQ(study->counts().repeats, repeats);
    EXPECT_EQ(open()->counts().repeats, repeats) << "of one who reads all of it";
  }
}

TEST_P(EveryStudy, ASnapshotSeesOneStateWhileOthersWrite) {
  auto study = create();
  auto other = open();
  fill(*study, 3);
  {
    const Snapshot snapshot(*study);
    EXPECT_EQ(study->trials(true).size(), 3u);
    add_finished(*other, "[SM(10)]", 0.5, 1);
    EXPECT_EQ(study->samples().size(), 3u);
    EXPECT_EQ(study->counts().unique_models, 3);
    EXPECT_THROW(Transaction{*study}, std::logic_error);
  }
  EXPECT_EQ(study->counts().unique_models, 4);
  EXPECT_EQ(study->samples().size(), 4u);
  add_finished(*study, "[GAP(10), SM(10)]", 0.5, 1);  // and nothing of the old state is left
}

TEST_P(EveryStudy, GivesALogOfAllItsTrialsAndTheirSamples) {
  auto study = create();
  const int64_t worker = add_worker(*study);
  const int64_t first = add_finished(*study, "[SM(10)]", 0.5, worker);
  add_finished(*study, "[GAP(10), SM(10)]", 0.25, worker);
  Transaction transaction(*study);
  study->add_sample(first, 0.9);
  Trial bad = running("[FC(8), SM(10)]");
  bad.number = study->add_trial(bad, worker);
  bad.fail("crashed (signal 11)");
  bad.curve = {{2.5, 0.125, std::nan(""), 0.1}};
  ASSERT_TRUE(study->finish_trial(bad, worker));
  transaction.commit();
  const datasets::Log log = to_log(*study);
  EXPECT_EQ(log.source, url());
  ASSERT_EQ(log.rows.size(), 3u);
  EXPECT_EQ(log.rows[0].value, 0.5);
  EXPECT_EQ(log.rows[0].samples, (std::vector<int64_t>{1, 3}));
  EXPECT_EQ(log.rows[1].samples, (std::vector<int64_t>{2}));
  EXPECT_EQ(log.rows[2].reason, "crashed (signal 11)");
  EXPECT_EQ(log.rows[2].attempts, 1);
  EXPECT_TRUE(log.rows[2].samples.empty());
  ASSERT_EQ(log.rows[2].curve.size(), 1u);
  EXPECT_EQ(log.rows[2].curve[0].training_loss, 2.5);
  EXPECT_TRUE(std::isnan(log.rows[2].curve[0].validation_loss));
}

TEST_P(EveryStudy, IsMadeOnceEvenByTwoProcesses) {
  const auto make = [&] {
    return start_process([this] {
      try {
        create();
        return 1;
      } catch (const UsageError&) {
        return 2;
      }
    });
  };
  const pid_t one = make(), two = make();
  std::vector<int> statuses{join(one), join(two)};
  std::sort(statuses.begin(), statuses.end());
  EXPECT_EQ(statuses, (std::vector<int>{1, 2}));
  EXPECT_EQ(open()->info().configuration, "seed = 1\n");
}

TEST_F(StudyFile, KilledWhileItIsMadeIsNoneOrWhole) {
  const auto start = std::chrono::steady_clock::now();
  create();
  const auto whole = std::chrono::steady_clock::now() - start;
  constexpr int kMoments = 20;
  for (int moment = 1; moment <= kMoments; ++moment) {
    std::filesystem::remove(file());
    const pid_t maker = start_process([&] {
      create();
      return 0;
    });
    std::this_thread::sleep_for(whole * moment / kMoments);
    ::kill(maker, SIGKILL);
    join(maker);
    if (!study_exists(url())) create();  // what is left does not stand in the way
    EXPECT_EQ(open()->info().configuration, "seed = 1\n") << moment;
  }
}

TEST_F(StudyFile, OnAFullDiskFailsAndKeepsWhatWasCommitted) {
  {
    auto study = create();
    fill(*study, 5);
  }
  // A limit on the size of files stands in for the disk.
  const int status = in_a_process([&] {
    signal(SIGXFSZ, SIG_IGN);
    auto study = open();
    const int64_t worker = add_worker(*study);
    const rlimit limit{64 * 1024, 64 * 1024};
    setrlimit(RLIMIT_FSIZE, &limit);
    try {
      for (int i = 0; i < 2000; ++i)
        add_finished(*study, "[FC(" + std::to_string(i + 1) + "), SM(10)]", 0.5, worker);
    } catch (const FailureError& error) {
      return std::string(error.what()).find("space") == std::string::npos ? 3 : 7;
    }
    return 0;
  });
  EXPECT_EQ(status, 7);
  auto study = open();
  EXPECT_GE(study->trials(true).size(), 5u);
  fill(*study, 0);
}

TEST_F(StudyFile, KnowsTheLivingFromTheDead) {
  const Worker self = this_process();
  EXPECT_EQ(is_alive(self), true);
  Worker other_host = self;
  other_host.host = "elsewhere";
  EXPECT_EQ(is_alive(other_host), std::nullopt);
  Worker before_the_reboot = self;
  before_the_reboot.boot_id = "another";
  EXPECT_EQ(is_alive(before_the_reboot), false);
  Worker reused_number = self;
  reused_number.start_time -= 1;
  EXPECT_EQ(is_alive(reused_number), false);
}

TEST_F(StudyFile, KnowsAWorkerThatDiedOnceItsSupervisorHasReapedIt) {
  create();
  int ready[2], end[2];
  ASSERT_EQ(pipe(ready), 0);
  ASSERT_EQ(pipe(end), 0);
  const pid_t pid = start_process([&] {
    close(end[1]);
    add_worker(*open());
    char byte = 0;
    if (write(ready[1], &byte, 1) != 1) return 1;
    return read(end[0], &byte, 1) == 0 ? 0 : 1;  // until the other end is closed
  });
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  const Worker worker = open()->workers().at(0);
  EXPECT_EQ(worker.pid, pid);
  EXPECT_EQ(is_alive(worker), true);
  close(end[1]);
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT), 0);
  EXPECT_EQ(is_alive(worker), true) << "its supervisor may still settle what it held";
  EXPECT_EQ(join(pid), 0);
  EXPECT_EQ(is_alive(worker), false);
  for (int descriptor : {ready[0], ready[1], end[0]}) close(descriptor);
}

TEST_F(StudyFile, KnowsTheLivingWhateverTheyAreCalled) {
  // The kernel shows the name in the line that also holds the start time.
  const int status = in_a_process([] {
    prctl(PR_SET_NAME, ") Z\n1 (x) 2");
    return is_alive(this_process()) == true && this_process().start_time > 0 ? 0 : 1;
  });
  EXPECT_EQ(status, 0);
}

TEST_F(StudyFile, CannotTellWhetherAProcessThatProcHidesIsAlive) {
  // A mount over its folder, in a mount namespace of its own, hides this process from a child.
  const Worker self = this_process();
  Worker nobody = self;
  nobody.pid = std::numeric_limits<pid_t>::max();  // above any that Linux gives
  EXPECT_EQ(is_alive(nobody), false);
  constexpr int kNotAllowed = 77;
  const int status = in_a_process([&] {
    if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return kNotAllowed;
    const std::string folder = "/proc/" + std::to_string(self.pid);
    if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return kNotAllowed;
    if (mount("none", folder.c_str(), "tmpfs", 0, nullptr) != 0) return kNotAllowed;
    return is_alive(self) == std::nullopt ? 0 : 1;
  });
  if (status == kNotAllowed) GTEST_SKIP() << "mount namespaces are not allowed here";
  EXPECT_EQ(status, 0);
}

// A study in a database of its own on the tests' server.
class StudyOnAServer : public StudyFile {
 protected:
  void SetUp() override {
    server_ = tests::PostgresqlServer::shared();
    if (server_ == nullptr) GTEST_SKIP() << tests::PostgresqlServer::kMissing;
    url_ = server_->new_database();
  }
  std::string url() const override { return url_; }
  bool execute(const std::string& sql) { return server_->execute(url_, sql); }

  tests::PostgresqlServer* server_ = nullptr;
  std::string url_;
};

TEST_F(StudyOnAServer, IsThereOnceItWasMade) {
  EXPECT_FALSE(study_exists(url()));
  EXPECT_THAT(tests::message_of<DataError>([&] { open(); }), HasSubstr("there is no study"));
  create();
  EXPECT_TRUE(study_exists(url()));
  EXPECT_THAT(tests::message_of<UsageError>([&] { create(); }), HasSubstr("is there already"));
}

TEST_F(StudyOnAServer, HasAUrlOfAnyKindThatLibpqReads) {
  create();
  for (const char* parameters : {"", "?connect_timeout=5", "?options=-cwork_mem%3D8MB"})
    EXPECT_NO_THROW(open_study(url() + parameters)) << parameters;
  EXPECT_THROW(open_study(url() + "?application_name=two words"), UsageError);
  EXPECT_THROW(open_study(url() + "?no_such_parameter=1"), FailureError);
}

TEST_F(StudyOnAServer, LeavesTablesOfOthersAlone) {
  ASSERT_TRUE(execute("CREATE TABLE trials (mine INTEGER); INSERT INTO trials VALUES (1)"));
  auto study = create();
  fill(*study, 3);
  EXPECT_EQ(study->trials(false).size(), 3u);
  EXPECT_TRUE(execute("SELECT mine FROM public.trials"));
}

TEST_F(StudyOnAServer, OfANewerFormatOrWithoutATableIsRefused) {
  create();
  ASSERT_TRUE(execute("UPDATE metaqnn.study SET value = '4' WHERE key = 'format'"));
  EXPECT_THAT(tests::message_of<DataError>([&] { open(); }), HasSubstr("newer metaqnn (format 4"));
  ASSERT_TRUE(
      execute("UPDATE metaqnn.study SET value = '3' WHERE key = 'format'; "
              "UPDATE metaqnn.counters SET next_sequence = 9"));
  EXPECT_THAT(tests::message_of<DataError>([&] { open(); }), HasSubstr("not 1 to 8"));
  ASSERT_TRUE(execute("DROP TABLE metaqnn.samples"));
  EXPECT_THAT(tests::message_of<DataError>([&] { open(); }), HasSubstr("is damaged"));
}

TEST(HostLockFile, TellsWhoIsPresentAndIsRemovedByTheLastWhoLeaves) {
  const tests::Folder folder;
  const std::filesystem::path file = folder / "study.db-hosts";
  const Worker here = this_process();
  Worker elsewhere = here;
  elsewhere.host += "-elsewhere";
  auto first = std::make_unique<HostLockFile>(file), second = std::make_unique<HostLockFile>(file);
  EXPECT_EQ(first->is_present(here), false) << "nobody has made the file";
  first->announce(here);
  second->announce(elsewhere);
  EXPECT_EQ(first->is_present(here), true);
  EXPECT_EQ(first->is_present(elsewhere), true);
  first.reset();
  EXPECT_TRUE(std::filesystem::exists(file));
  EXPECT_EQ(second->is_present(here), false);
  EXPECT_EQ(second->is_present(elsewhere), true);
  second.reset();
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST(HostLockFile, ForgetsAProcessThatDies) {
  const tests::Folder folder;
  const Worker here = this_process();
  const HostLockFile locks(folder / "study.db-hosts");
  const pid_t child = fork();
  if (child == 0) {
    auto* kept = new HostLockFile(folder / "study.db-hosts");
    kept->announce(here);
    pause();
  }
  EXPECT_TRUE(tests::eventually([&] { return locks.is_present(here) == true; }));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_EQ(locks.is_present(here), false);
}

TEST(StudyUrl, IsShownWithoutItsPassword) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"sqlite:///a:b@c.db", "sqlite:///a:b@c.db"},
      {"postgresql://ann@host:5432/database", "postgresql://ann@host:5432/database"},
      {"postgresql://ann:secret@host/database", "postgresql://ann:***@host/database"},
      {"postgresql://ann:se@cr:et@host/a@b", "postgresql://ann:***@b"},
      {"postgresql://host/database?password=secret&user=ann",
       "postgresql://host/database?password=***&user=ann"},
      {"postgresql://host/d?sslpassword=x&password=secret",
       "postgresql://host/d?sslpassword=***&password=***"},
      {"no url", "no url"}};
  for (const auto& [url, shown] : cases) EXPECT_EQ(shown_url(url), shown);
}

TEST(StudyUrl, IsWhateverBeginsLikeOne) {
  for (const char* url : {"sqlite:///a.db", "sqlite:a.db", "postgresql:host=h password=s3cr3t",
                          "PostgreSQL://h/d", "postgres:host=h", "mysql://me:s3cr3t@host/db"})
    EXPECT_TRUE(is_study_url(url)) << url;
  for (const char* file : {"log.csv", "/tmp/sqlite", "a:b.csv", "postgresql.csv"})
    EXPECT_FALSE(is_study_url(file)) << file;
}

// libpq would quote the piece behind the wrong character.
TEST(StudyUrl, ThatLibpqReadsInAnotherWayThanMeantIsRefusedWithoutAPieceOfThePassword) {
  for (const char* url : {"postgresql://me:pa/s3cr3t@host/db", "postgresql://me:pa?s3cr3t@host/db",
                          "postgresql://me:a@s3cr3t@host/db", "postgresql://me:12/s3cr3t@host/db",
                          "postgresql://me:s3cr3t", "postgresql://me:%s3cr3t@host/db",
                          "postgresql:host=h password=s3cr3t", "postgresql:/me:s3cr3t@host/db",
                          "postgresql://me:s3 cr3t@host/db", "postgres://me:s3cr3t@host/db",
                          "mysql://me:s3cr3t@host/db"}) {
    const std::string message = tests::message_of<UsageError>([&] { open_study(url); });
    EXPECT_THAT(message, ::testing::StartsWith("study '")) << url;
    EXPECT_THAT(message, ::testing::Not(HasSubstr("cr3t"))) << url;
    EXPECT_THAT(message, ::testing::Not(HasSubstr("s3 "))) << url;
  }
}

TEST(StudyUrl, WithParametersThatLibpqDoesNotKnowIsRefusedWithoutTheirPassword) {
  for (const char* url :
       {"postgresql://host/db?pass=s3cr3t", "postgresql://host/db?password%3Ds3cr3t",
        "postgresql://host/db?password=%s3cr3t", "postgresql://host/db?x=1&password=s3cr3t"}) {
    const std::string message = tests::message_of<FailureError>([&] { open_study(url); });
    EXPECT_THAT(message, HasSubstr("what stands behind the ? cannot be read")) << url;
    EXPECT_THAT(message, ::testing::Not(HasSubstr("cr3t"))) << url;
  }
}

TEST_F(StudyOnAServer, ThatDoesNotLetUsInSaysWhyAndKeepsThePasswordToItself) {
  for (const std::string& wrong :
       {server_->url("nowhere"), std::string("postgresql://me:secret@127.0.0.1:1/database"),
        std::string("postgresql://127.0.0.1:1/database?password=secret&user=me")}) {
    const std::string message = tests::message_of<FailureError>([&] { open_study(wrong); });
    EXPECT_THAT(message, HasSubstr("the server does not let us in"));
    EXPECT_THAT(message, ::testing::Not(HasSubstr("secret")));
    EXPECT_THAT(message, ::testing::Not(HasSubstr("\n")));
  }
}

TEST_F(StudyOnAServer, GoesOnWhenTheServerHasRestarted) {
  auto study = create();
  auto other = open_study(url(), Durability::power_loss, std::chrono::seconds(4));
  const int64_t worker = add_worker(*study);
  add_finished(*study, "[SM(10)]", 0.5, worker);
  server_->stop();
  server_->start();
  EXPECT_EQ(other->is_host_present(this_process()), true) << "nobody can be back yet";
  add_finished(*study, "[GAP(10), SM(10)]", 0.5, worker);
  EXPECT_EQ(other->counts().unique_models, 2);
  std::this_thread::sleep_for(std::chrono::seconds(9));  // longer than clients are waited for
  EXPECT_EQ(other->is_host_present(this_process()), true) << "announced again";
}

TEST_F(StudyOnAServer, SaysInATransactionThatTheServerIsGoneAndKeepsWhatWasCommitted) {
  auto study = create();
  const int64_t worker = add_worker(*study);
  add_finished(*study, "[SM(10)]", 0.5, worker);
  {
    Transaction transaction(*study);
    study->add_trial(running("[GAP(10), SM(10)]"), worker);
    server_->stop();
    EXPECT_THAT(tests::message_of<FailureError>([&] { transaction.commit(); }),
                HasSubstr("what was committed is safe"));
    server_->start();
  }
  EXPECT_EQ(study->trials(false).size(), 1u);
  EXPECT_EQ(open()->trials(false).size(), 1u);
}

TEST_P(EveryStudy, KnowsThatAHostIsGoneWhenItsLastProcessIs) {
  create();
  auto study = open();
  const Worker self = this_process();
  const auto becomes = [&](bool present) {
    return tests::eventually([&] { return study->is_host_present(self) == present; });
  };
  EXPECT_TRUE(becomes(false));
  int end[2];
  ASSERT_EQ(pipe(end), 0);
  const auto announce = [&] {
    return start_process([&] {
      close(end[1]);
      auto mine = open();
      mine->announce_host();
      char byte = 0;
      return read(end[0], &byte, 1) == 0 ? 0 : 1;  // until the other end is closed
    });
  };
  const pid_t one = announce(), two = announce();
  EXPECT_TRUE(becomes(true));
  ::kill(one, SIGKILL);
  join(one);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_EQ(study->is_host_present(self), true);
  ::kill(two, SIGKILL);
  join(two);
  EXPECT_TRUE(becomes(false));
  for (int descriptor : end) close(descriptor);
}

TEST_P(EveryStudy, ReleasesWhatAHostThatIsGoneHeld) {
  create();
  auto study = open();
  Worker elsewhere = this_process();
  elsewhere.pid_namespace = "that of a container";
  {
    Transaction transaction(*study);
    study->add_trial(running("[SM(10)]"), study->register_worker(elsewhere));
    transaction.commit();
  }
  EXPECT_EQ(is_alive(elsewhere), std::nullopt);
  EXPECT_TRUE(may_be_alive(*study, this_process()));
  EXPECT_TRUE(tests::eventually([&] { return release_dead_workers(*study) == 1; }));
  EXPECT_EQ(study->trial(1)->state, TrialState::waiting);
  EXPECT_TRUE(study->workers().empty());
}

TEST_P(EveryStudy, LeavesAHostOfTheSameNameAloneWhileSomebodyIsThere) {
  create();
  auto study = open();
  Worker twin = this_process();  // whose process has announced itself under another boot
  const pid_t process = start_process([&] {
    add_worker(*open());
    pause();
    return 0;
  });
  ASSERT_TRUE(tests::eventually([&] { return !study->workers().empty(); }));
  EXPECT_TRUE(may_be_alive(*study, twin));
  twin.boot_id = "another";
  EXPECT_EQ(is_alive(twin), false) << "by its name alone";
  EXPECT_TRUE(tests::eventually([&] { return !may_be_alive(*study, twin); }));
  ::kill(process, SIGKILL);
  join(process);
}

TEST_P(EveryStudy, ReleasesTheTrialOfAWorkerThatIsNotRegistered) {
  auto study = create();
  const int64_t worker = add_worker(*study);
  {
    Transaction transaction(*study);
    study->add_trial(running("[SM(10)]"), worker);
    study->add_trial(running("[GAP(10), SM(10)]"), worker + 1);
    transaction.commit();
  }
  EXPECT_EQ(release_dead_workers(*study), 1);
  EXPECT_EQ(study->trial(1)->state, TrialState::running);
  EXPECT_EQ(study->trial(2)->state, TrialState::waiting);
}

TEST(StudyUrl, IsOneOfTwoForms) {
  for (const char* wrong : {"study.db", "sqlite://study.db", "sqlite:///", "mysql://host/db", ""})
    EXPECT_THROW(study_exists(wrong), UsageError) << wrong;
  EXPECT_EQ(tests::usage_error([] { study_exists("postgres://me:secret@host/db"); }).find("secret"),
            std::string::npos);
  EXPECT_THROW(create_study("sqlite:////no/such/folder/study.db", {}), FailureError);
}

TEST(Failure, IsReadBackFromItsReason) {
  for (Failure failure :
       {Failure::none, Failure::not_learning, Failure::out_of_memory, Failure::not_a_number,
        Failure::crashed, Failure::timeout, Failure::too_large, Failure::error})
    EXPECT_EQ(parse_failure(to_string(failure)), failure);
  EXPECT_EQ(parse_failure("crashed (signal 11)"), Failure::crashed);
  Trial trial;
  trial.fail("crashed (signal 11)");
  EXPECT_EQ(trial.reason(), "crashed (signal 11)");
  trial.fail("");
  EXPECT_EQ(trial.reason(), "error");
}

}  // namespace
}  // namespace metaqnn::search
