// Studies of an older format, what formats 2 and 3 brought, and reading without leaving anything behind.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <ctime>
#include <fstream>
#include <iostream>
#include <set>

#include "metaqnn/base/error.h"
#include "metaqnn/search/search.h"
#include "metaqnn/search/study/study.h"
#include "tests/cli/run_program.h"
#include "tests/error_message.h"
#include "tests/postgresql_server.h"

namespace metaqnn::search {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr std::chrono::seconds kSoon{1};

// A study of eight trials that version 0.1.0 before format 2 wrote, tests/search/format_1.study; and
// the same as the version before format 3 took it to format 2.
class OldStudy {
 protected:
  explicit OldStudy(int format) {
    const std::string name = "/tests/search/format_" + std::to_string(format) + ".study";
    std::filesystem::copy_file(METAQNN_SOURCE_DIR + name, file());
  }
  std::filesystem::path file() const { return folder_ / "study.db"; }
  std::string url() const { return folder_.url("study.db"); }
  int format() const { return tests::read_text(file())[63]; }  // user_version, big-endian at 60

  tests::Folder folder_;
};
class StudyOfFormat1 : public OldStudy, public ::testing::Test {
 protected:
  StudyOfFormat1() : OldStudy(1) {}
};
class StudyOfFormat : public OldStudy, public ::testing::TestWithParam<int> {
 protected:
  StudyOfFormat() : OldStudy(GetParam()) {}
};
INSTANTIATE_TEST_SUITE_P(OfEach, StudyOfFormat, ::testing::Values(1, 2));

void expect_what_format_1_held(Study& study) {
  const std::vector<Trial> trials = study.trials(true);
  ASSERT_EQ(trials.size(), 8u);
  EXPECT_EQ(trials[0].architecture, "aa");
  EXPECT_EQ(trials[0].value, 0.5);
  EXPECT_THAT(trials[0].measures, ElementsAre(Pair("validation_accuracy", 0.5)));
  ASSERT_EQ(trials[0].curve.size(), 2u);
  EXPECT_EQ(trials[0].curve[1].training_loss, 1.25);
  EXPECT_TRUE(std::isnan(trials[0].curve[1].value));
  EXPECT_EQ(trials[0].origin, "import");
  EXPECT_EQ(trials[1].reason(), "not learning");
  EXPECT_EQ(trials[1].value, 0.1);
  EXPECT_EQ(trials[2].reason(), "crashed (signal 11)");
  EXPECT_EQ(trials[2].value, std::nullopt);
  EXPECT_TRUE(trials[2].measures.empty());
  EXPECT_EQ(trials[6].value, 1.0 / 3);
  for (const Trial& trial : trials) {
    EXPECT_EQ(trial.precision, "");
    EXPECT_FALSE(trial.predicted);
    EXPECT_EQ(trial.leased_until, std::nullopt);
  }
  EXPECT_EQ(study.samples().size(), 83u);
  EXPECT_EQ(study.counts().unique_models, 7);
  EXPECT_EQ(study.best_trial()->architecture, "ca");
}

TEST_P(StudyOfFormat, IsReadAsItIs) {
  const std::string before = tests::read_text(file());
  expect_what_format_1_held(*open_study_to_read(url()));
  expect_what_format_1_held(*open_study(url()));
  EXPECT_EQ(tests::read_text(file()), before);
}

TEST_P(StudyOfFormat, IsTakenToThePresentOneWhenItIsFirstWritten) {
  {
    auto study = open_study(url());
    auto reader = open_study_to_read(url());
    transact(*study, [&](bool) { study->set_note("a note", "text"); });
    expect_what_format_1_held(*study);
    expect_what_format_1_held(*reader);
    EXPECT_EQ(reader->note("a note"), "text");
  }
  EXPECT_EQ(format(), 3);
  expect_what_format_1_held(*open_study(url()));
}

TEST_P(StudyOfFormat, IsTakenToThePresentOneByFourProcessesAtOnce) {
  constexpr int kProcesses = 4;
  std::vector<pid_t> processes;
  for (int i = 0; i < kProcesses; ++i) {
    const pid_t process = fork();
    if (process == 0) {
      auto study = open_study(url());
      transact(*study, [&](bool) { study->set_note("note " + std::to_string(i), "text"); });
      _exit(0);
    }
    processes.push_back(process);
  }
  for (const pid_t process : processes) {
    int status = -1;
    waitpid(process, &status, 0);
    EXPECT_EQ(status, 0);
  }
  auto study = open_study(url());
  expect_what_format_1_held(*study);
  for (int i = 0; i < kProcesses; ++i) EXPECT_EQ(study->note("note " + std::to_string(i)), "text");
}

TEST_F(StudyOfFormat1, ThatCannotBeTakenToThePresentOneStaysAsItIs) {
  // A column that format 2 adds as its second is there under the name of another.
  std::string bytes = tests::read_text(file());
  const std::string ours = "attempts INTEGER", theirs = "measures INTEGER";
  bytes.replace(bytes.find(ours), ours.size(), theirs);
  std::ofstream(file(), std::ios::binary | std::ios::trunc) << bytes;
  const std::string message =
      tests::message_of<FailureError>([&] { transact(*open_study(url()), [](bool) {}); });
  EXPECT_THAT(message, HasSubstr("duplicate column name: measures"));
  EXPECT_EQ(tests::read_text(file()), bytes);
}

TEST_P(StudyOfFormat, GoesOnAsASearch) {
  folder_.write("cells.csv",
                "architecture,accuracy\naa,0.5\nbb,0.3\nbc,0.6\nca,0.9\ncb,0.2\ncc,0.1\n");
  const auto study = open_study(url());
  transact(*study, [&](bool) {
    Configuration configuration = stored_configuration(*study);
    configuration.evaluator.table.file = folder_ / "cells.csv";
    configuration.strategy.schedule = {{1.0, 6}, {0.1, 3}};
    study->set_configuration(to_toml(configuration));
  });
  work(*study, {});
  EXPECT_EQ(study->trials(false).size(), 9u);  // all that the space has
}

// ---- What formats 2 and 3 brought ----

class Study2 : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    url_ = folder_.url("study.db");
    if (std::string(GetParam()) != "postgresql") return;
    server_ = tests::PostgresqlServer::shared();
    if (server_ == nullptr) GTEST_SKIP() << tests::PostgresqlServer::kMissing;
    url_ = server_->new_database();
  }
  std::unique_ptr<Study> create() const {
    StudyInfo info;
    info.configuration = "seed = 1\n";
    return create_study(url_, info);
  }
  // A trial that a new worker has finished like this.
  static Trial finish(Study& study, Trial trial) {
    return transact(study, [&](bool) {
      const int64_t worker = study.register_worker(this_process());
      Trial running;
      running.architecture = trial.architecture;
      running.state = TrialState::running;
      running.origin = "search";
      trial.number = study.add_trial(running, worker);
      study.add_sample(trial.number, 1.0);
      EXPECT_TRUE(study.finish_trial(trial, worker));
      return *study.trial(trial.number);
    });
  }

  tests::Folder folder_;
  tests::PostgresqlServer* server_ = nullptr;
  std::string url_;
};
INSTANTIATE_TEST_SUITE_P(InEachForm, Study2, ::testing::Values("sqlite", "postgresql"),
                         [](const auto& parameter) { return parameter.param; });

TEST_P(Study2, KeepsEveryMeasureToTheLastBit) {
  const auto study = create();
  Trial trial;
  trial.architecture = "[SM(10)]";
  trial.state = TrialState::complete;
  trial.value = 1.0 / 3;
  trial.measures = {{"latency \"ms\"", 1.0 / 3}, {"loss", -1e-300}, {"größe", 1e300}};
  trial.precision = "bfloat16";
  finish(*study, trial);
  const Trial stored = *open_study_to_read(url_)->trial(1);
  EXPECT_EQ(stored.value, trial.value);
  EXPECT_EQ(stored.measures, trial.measures);
  EXPECT_EQ(stored.precision, "bfloat16");
  EXPECT_EQ(stored.validation_accuracy, std::nullopt);
}

TEST_P(Study2, HoldsAnAccuracyAsValueAndMeasureToo) {
  const auto study = create();
  Trial trial;
  trial.architecture = "[SM(10)]";
  trial.state = TrialState::complete;
  trial.validation_accuracy = 0.7;
  const Trial stored = finish(*study, trial);
  EXPECT_EQ(stored.value, 0.7);
  EXPECT_THAT(stored.measures, ElementsAre(Pair("validation_accuracy", 0.7)));
}

TEST_P(Study2, CountsAStoppedTrialAndRewardsItsPredictionButNeverCallsItTheBest) {
  const auto study = create();
  Trial trial;
  trial.architecture = "[SM(10)]";
  trial.state = TrialState::stopped;
  trial.validation_accuracy = 0.9;
  trial.predicted = true;
  const Trial stored = finish(*study, trial);
  EXPECT_EQ(stored.state, TrialState::stopped);
  EXPECT_TRUE(stored.predicted);
  EXPECT_EQ(study->counts().unique_models, 1);
  EXPECT_EQ(study->counts().in(TrialState::stopped), 1);
  EXPECT_EQ(study->sequenced_samples_after(0).at(0).reward, 0.9);
  EXPECT_EQ(study->best_trial(), std::nullopt);
}

TEST_P(Study2, HoldsWhatWasSearchedForAfterEachEpoch) {
  const auto study = create();
  Trial trial;
  trial.architecture = "[SM(10)]";
  trial.state = TrialState::complete;
  trial.value = 3.5;
  trial.curve = {{.training_loss = 2,
                  .training_accuracy = 0.5,
                  .validation_loss = 3,
                  .validation_accuracy = 0.25,
                  .value = 1.0 / 3},
                 {1, 1, 1, 1}};
  finish(*study, trial);
  const std::vector<EpochResult> curve = open_study_to_read(url_)->trials(true).at(0).curve;
  ASSERT_EQ(curve.size(), 2u);
  EXPECT_EQ(curve[0].value, 1.0 / 3);
  EXPECT_TRUE(std::isnan(curve[1].value));
}

TEST_P(Study2, StoresNothingThatAReaderWouldRefuse) {
  const auto study = create();
  Trial trial;
  trial.architecture = "[SM(10)]";
  trial.state = TrialState::complete;
  for (const double bad : {std::nan(""), static_cast<double>(INFINITY)}) {
    Trial wrong = trial;
    wrong.measures["loss"] = bad;
    EXPECT_THROW(finish(*study, wrong), std::logic_error);
    wrong = trial;
    wrong.value = bad;
    EXPECT_THROW(finish(*study, wrong), std::logic_error);
  }
  Trial wrong = trial;
  wrong.predicted = true;
  EXPECT_THROW(finish(*study, wrong), std::logic_error);
  EXPECT_TRUE(study->trials(false).empty());
}

TEST_P(Study2, LeavesALeasedTrialAloneUntilItsLeaseEnds) {
  const auto study = create();
  const auto lease = [&](const std::string& architecture, double seconds_from_now) {
    transact(*study, [&](bool) {
      Trial trial;
      trial.architecture = architecture;
      trial.state = TrialState::running;
      trial.leased_until = static_cast<double>(std::time(nullptr)) + seconds_from_now;
      study->add_trial(trial, 0);
    });
  };
  lease("[SM(10)]", 3600);
  lease("[GAP(10), SM(10)]", -1);
  EXPECT_EQ(release_dead_workers(*study), 1);
  EXPECT_EQ(study->trial(1)->state, TrialState::running);
  EXPECT_EQ(study->trial(2)->state, TrialState::waiting);
  EXPECT_EQ(study->trial(2)->leased_until, std::nullopt);
}

TEST_P(Study2, OfFormat1OnAServerIsReadAsItIsAndTakenToThePresentOneWhenItIsWritten) {
  if (server_ == nullptr) GTEST_SKIP() << "SQLite's has a file of its own";
  {
    const auto study = create();
    Trial trial;
    trial.architecture = "[SM(10)]";
    trial.state = TrialState::complete;
    trial.validation_accuracy = 0.7;
    finish(*study, trial);
  }
  for (const char* column : {"value", "measures", "predicted", "precision", "leased_until"})
    ASSERT_TRUE(
        server_->execute(url_, std::string("ALTER TABLE metaqnn.trials DROP COLUMN ") + column));
  ASSERT_TRUE(server_->execute(url_, "ALTER TABLE metaqnn.epochs DROP COLUMN value"));
  ASSERT_TRUE(server_->execute(url_, "UPDATE metaqnn.study SET value = '1' WHERE key = 'format'"));
  EXPECT_EQ(open_study_to_read(url_)->trial(1)->value, 0.7);
  EXPECT_TRUE(server_->execute(url_,
                               "SELECT 1/(value = '1')::int FROM metaqnn.study "
                               "WHERE key = 'format'"));
  const auto study = open_study(url_);
  transact(*study, [&](bool) { study->set_note("a note", ""); });
  EXPECT_TRUE(server_->execute(url_,
                               "SELECT 1/(value = '3')::int FROM metaqnn.study "
                               "WHERE key = 'format'"));
  EXPECT_EQ(study->trial(1)->value, 0.7);
  EXPECT_EQ(open_study(url_)->trial(1)->value, 0.7);
}

TEST_P(Study2, ThatWasOpenedToReadRefusesTransactions) {
  create();
  const auto study = open_study_to_read(url_);
  EXPECT_THROW(Transaction{*study}, std::logic_error);
}

// ---- Readers leave nothing behind ----

constexpr uid_t kNobody = 65534;

class Guest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (getuid() != 0) GTEST_SKIP() << "becoming another user takes root";
    std::filesystem::permissions(folder_.path(), std::filesystem::perms::all);
    StudyInfo info;
    info.configuration = "seed = 1\n";
    create_study(url(), info);
    add("[SM(10)]");
  }
  std::string url() const { return folder_.url("study.db"); }
  std::filesystem::path file() const { return folder_ / "study.db"; }

  void add(const std::string& architecture) { add(*open_study(url()), architecture); }
  static void add(Study& study, const std::string& architecture) {
    transact(study, [&](bool) {
      Trial trial;
      trial.architecture = architecture;
      trial.state = TrialState::complete;
      trial.validation_accuracy = 0.5;
      study.add_sample(study.add_trial(trial, 0), 1.0);
    });
  }
  std::set<std::string> listing() const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path()))
      names.insert(entry.path().filename().string());
    return names;
  }
  // What `action` returns as another user: an exit status; 99 where it throws.
  template <typename Action>
  static int as_nobody(Action action) {
    const pid_t process = fork();
    if (process == 0) {
      if (setgroups(0, nullptr) != 0 || setgid(kNobody) != 0 || setuid(kNobody) != 0) _exit(98);
      try {
        _exit(action());
      } catch (const std::exception& error) {
        std::cerr << error.what() << "\n";
        _exit(99);
      }
    }
    int status = 0;
    waitpid(process, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  int trials_as_nobody() const {
    return as_nobody(
        [&] { return static_cast<int>(open_study_to_read(url())->trials(true).size()); });
  }

  tests::Folder folder_;
};

TEST_F(Guest, ReadsAStudyOnWhichNobodyWorks) {
  EXPECT_EQ(trials_as_nobody(), 1);
  EXPECT_THAT(listing(), ElementsAre("study.db"));
  add("[GAP(10), SM(10)]");  // its owner can go on
  EXPECT_EQ(trials_as_nobody(), 2);
  EXPECT_THAT(listing(), ElementsAre("study.db"));
}

TEST_F(Guest, ReadsTheNewestOfAStudyThatIsBeingWritten) {
  auto study = open_study(url());
  for (int i = 1; i <= 3; ++i) {
    add(*study, "[FC(" + std::to_string(i) + "), SM(10)]");
    EXPECT_EQ(trials_as_nobody(), 1 + i);
  }
  study.reset();
  EXPECT_THAT(listing(), ElementsAre("study.db"));
}

TEST_F(Guest, ThatStaysLongerThanTheWriterLeavesNothingThatStopsTheNext) {
  int ready[2], end[2];
  ASSERT_EQ(pipe(ready), 0);
  ASSERT_EQ(pipe(end), 0);
  auto study = open_study(url());
  add(*study, "[FC(1), SM(10)]");
  const pid_t guest = fork();
  if (guest == 0) {
    close(end[1]);
    char byte = 0;
    if (setgid(kNobody) != 0 || setuid(kNobody) != 0) _exit(98);
    const auto read_study = open_study_to_read(url());
    const bool whole = read_study->trials(false).size() == 2;
    if (write(ready[1], &byte, 1) != 1) _exit(97);
    const bool ended = read(end[0], &byte, 1) == 0;
    _exit(whole && ended && read_study->trials(false).size() == 2 ? 0 : 1);
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  study.reset();
  close(end[1]);
  int status = -1;
  waitpid(guest, &status, 0);
  EXPECT_EQ(status, 0);
  add("[FC(2), SM(10)]");
  EXPECT_THAT(listing(), ElementsAre("study.db"));
  for (int descriptor : {ready[0], ready[1], end[0]}) close(descriptor);
}

TEST_F(Guest, ReadsWhatAKilledWriterHasLeft) {
  const pid_t writer = fork();
  if (writer == 0) {
    auto study = open_study(url());
    add(*study, "[FC(1), SM(10)]");
    ::kill(getpid(), SIGKILL);
  }
  waitpid(writer, nullptr, 0);
  const std::set<std::string> before = listing();
  EXPECT_TRUE(before.contains("study.db-wal"));
  EXPECT_EQ(trials_as_nobody(), 2);
  EXPECT_EQ(listing(), before);
  std::filesystem::remove(folder_ / "study.db-shm");
  EXPECT_EQ(as_nobody([&] {
              const std::string message =
                  tests::message_of<FailureError>([&] { open_study_to_read(url()); });
              return message.find("its owner does so with metaqnn status") == std::string::npos;
            }),
            0);
  EXPECT_EQ(open_study_to_read(url())->trials(false).size(), 2u);
  EXPECT_THAT(listing(), ElementsAre("study.db"));
}

TEST_F(Guest, ReadsInAFolderAndOnAMountThatMayNotBeWritten) {
  // The owner himself, in a folder that he may not write.
  ASSERT_EQ(chown(file().c_str(), kNobody, kNobody), 0);
  using std::filesystem::perms;
  std::filesystem::permissions(folder_.path(), perms::others_read | perms::others_exec);
  EXPECT_EQ(trials_as_nobody(), 1);
  std::filesystem::permissions(folder_.path(), perms::all);
  EXPECT_THAT(listing(), ElementsAre("study.db"));

  constexpr int kNotAllowed = 77;
  const pid_t process = fork();
  if (process == 0) {
    const std::string folder = folder_.path().string();
    if (unshare(CLONE_NEWNS) != 0 ||
        mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount(folder.c_str(), folder.c_str(), nullptr, MS_BIND, nullptr) != 0 ||
        mount(nullptr, folder.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) != 0)
      _exit(kNotAllowed);
    try {
      _exit(static_cast<int>(open_study_to_read(url())->trials(true).size()));
    } catch (const std::exception&) {
      _exit(99);
    }
  }
  int status = 0;
  waitpid(process, &status, 0);
  if (WEXITSTATUS(status) == kNotAllowed) GTEST_SKIP() << "mounts are not allowed here";
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_THAT(listing(), ElementsAre("study.db"));
}

TEST_F(Guest, ReadsAFileWithAStrangeName) {
  for (const char* name : {"with  blanks =and; 'quotes'.db", "%41?mode=rw#part.db", "ä\n.db"}) {
    std::filesystem::copy_file(file(), folder_ / name);
    EXPECT_EQ(
        as_nobody([&] {
          return static_cast<int>(open_study_to_read(folder_.url(name))->trials(false).size());
        }),
        1)
        << name;
  }
}

TEST_F(Guest, IsToldWhichRightIsMissing) {
  const auto message = [&](auto open) {
    const std::string told = folder_ / "told";
    std::filesystem::remove(told);
    EXPECT_EQ(as_nobody([&] {
                std::ofstream(told) << tests::message_of<FailureError>([&] { open(url()); });
                return 0;
              }),
              0);
    return tests::read_text(told);
  };
  const auto to_work = [](const std::string& url) { open_study(url); };
  const auto to_read = [](const std::string& url) { open_study_to_read(url); };
  EXPECT_THAT(message(to_work), HasSubstr("may not write " + file().string()));
  chmod(file().c_str(), 0600);
  EXPECT_THAT(message(to_read), HasSubstr("may not read " + file().string()));
  EXPECT_THAT(message(to_work), HasSubstr("may not read " + file().string()));
  chmod(file().c_str(), 0666);
  chmod(folder_.path().c_str(), 0755);
  EXPECT_EQ(as_nobody([&] {
              return tests::message_of<FailureError>([&] {
                       open_study(url());
                     }).find("may not make files in") == std::string::npos
                         ? 1
                         : 0;
            }),
            0);
  chmod(folder_.path().c_str(), 0777);
}

// ---- A file that is not there any more ----

class LostFile : public ::testing::Test {
 protected:
  LostFile() {
    StudyInfo info;
    info.configuration = "seed = 1\n";
    create_study(folder_.url("study.db"), info);
    study_ = open_study(folder_.url("study.db"));
  }
  std::string write() {
    return tests::message_of<DataError>(
        [&] { transact(*study_, [&](bool) { study_->set_note("a note", ""); }); });
  }

  tests::Folder folder_;
  std::unique_ptr<Study> study_;
};

TEST_F(LostFile, ByRemovalIsNotWrittenAndNotRead) {
  std::filesystem::remove(folder_ / "study.db");
  EXPECT_THAT(write(), HasSubstr("was removed, moved or replaced"));
  EXPECT_THROW(study_->counts(), DataError);
}

TEST_F(LostFile, ByRenamingIsNotWritten) {
  std::filesystem::rename(folder_ / "study.db", folder_ / "other.db");
  EXPECT_THAT(write(), HasSubstr("was removed, moved or replaced"));
}

TEST_F(LostFile, ByAnotherInItsPlaceIsNotWritten) {
  create_study(folder_.url("new.db"), {});
  std::filesystem::rename(folder_ / "new.db", folder_ / "study.db");
  EXPECT_THAT(write(), HasSubstr("was removed, moved or replaced"));
}

TEST_F(LostFile, ByItsFolderIsNotWritten) {
  std::filesystem::create_directory(folder_ / "deep");
  create_study(folder_.url("deep/study.db"), {});
  study_ = open_study(folder_.url("deep/study.db"));
  std::filesystem::rename(folder_ / "deep", folder_ / "elsewhere");
  EXPECT_THAT(write(), HasSubstr("was removed, moved or replaced"));
}

// ---- Rights on a server ----

class Rights : public ::testing::Test {
 protected:
  void SetUp() override {
    server_ = tests::PostgresqlServer::shared();
    if (server_ == nullptr) GTEST_SKIP() << tests::PostgresqlServer::kMissing;
    url_ = server_->new_database();
    create_study(url_, {});
    user_ = "user" + std::to_string(++users_);
    ASSERT_TRUE(execute("CREATE ROLE " + user_ + " LOGIN"));
    guest_url_ = url_;
    guest_url_.replace(guest_url_.find("metaqnn@"), 8, user_ + "@");
  }
  void TearDown() override {
    if (server_ != nullptr) execute("DROP OWNED BY " + user_ + "; DROP ROLE " + user_);
  }
  bool execute(const std::string& sql) { return server_->execute(url_, sql); }
  bool grant(const std::string& right) { return execute("GRANT " + right + " TO " + user_); }
  std::string refusal_to_work() {
    return tests::message_of<FailureError>([&] { open_study(guest_url_); });
  }

  static int users_;
  tests::PostgresqlServer* server_ = nullptr;
  std::string url_, guest_url_, user_;
};
int Rights::users_ = 0;

TEST_F(Rights, ThatAreMissingAreNamed) {
  EXPECT_THAT(tests::message_of<FailureError>([&] { open_study_to_read(guest_url_); }),
              HasSubstr("no right to USAGE on the schema metaqnn"));
  ASSERT_TRUE(grant("USAGE ON SCHEMA metaqnn"));
  EXPECT_THAT(tests::message_of<FailureError>([&] { open_study_to_read(guest_url_); }),
              HasSubstr("SELECT on metaqnn.study, SELECT on metaqnn.counters"));
  ASSERT_TRUE(grant("SELECT ON ALL TABLES IN SCHEMA metaqnn"));
  EXPECT_EQ(open_study_to_read(guest_url_)->counts().samples, 0);
  EXPECT_THAT(refusal_to_work(), HasSubstr("no right to INSERT on metaqnn.study, UPDATE on"));
  ASSERT_TRUE(grant("INSERT, UPDATE ON ALL TABLES IN SCHEMA metaqnn"));
  EXPECT_THAT(refusal_to_work(),
              HasSubstr("no right to DELETE on metaqnn.epochs, DELETE on metaqnn.workers"));
}

// The lines of docs/study.md.
TEST_F(Rights, OfAWorkerAreThoseOfThePage) {
  ASSERT_TRUE(grant("USAGE ON SCHEMA metaqnn"));
  ASSERT_TRUE(grant("SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA metaqnn"));
  const auto study = open_study(guest_url_);
  const int64_t worker =
      transact(*study, [&](bool) { return study->register_worker(this_process()); });
  transact(*study, [&](bool) {
    Trial trial;
    trial.architecture = "[SM(10)]";
    trial.state = TrialState::running;
    trial.number = study->add_trial(trial, worker);
    study->add_sample(trial.number, 1.0);
    trial.state = TrialState::complete;
    trial.validation_accuracy = 0.5;
    trial.curve = {{1, 1, 1, 0.5}};
    EXPECT_TRUE(study->finish_trial(trial, worker));
    study->remove_worker(worker);
    study->set_note("a note", "text");
  });
  EXPECT_EQ(open_study_to_read(url_)->counts().unique_models, 1);
}

TEST_F(Rights, ToMakeAStudyAreNamedWhereTheyAreMissing) {
  const std::string empty = server_->new_database();
  std::string guest = empty;
  guest.replace(guest.find("metaqnn@"), 8, user_ + "@");
  EXPECT_THAT(tests::message_of<FailureError>([&] { create_study(guest, {}); }),
              HasSubstr("permission denied for database"));
}

}  // namespace
}  // namespace metaqnn::search
