// Workers that die before they have trained anything, and devices that fault.
#include "search/supervisor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "metaqnn/base/error.h"
#include "metaqnn/search/configuration.h"
#include "metaqnn/search/study/study.h"
#include "tests/cli/run_program.h"
#include "tests/error_message.h"

namespace metaqnn::tests {
namespace {

using search::SearchEnd;
using search::Supervisor;
using search::SupervisorOptions;
using search::Trial;
using testing::ElementsAre;
using testing::HasSubstr;

class Notes : public search::SearchObserver {
 public:
  void trial_finished(const Trial&) override { ++finished; }
  void worker_died(const std::string& how, const Trial* held) override {
    deaths.push_back(held == nullptr ? how : held->architecture);
  }
  void worker_given_up(int left) override { given_up.push_back(left); }
  void device_left(const std::string& device, const std::string& fault) override {
    devices_left.push_back(device + ": " + fault);
  }

  int finished = 0;
  std::vector<std::string> deaths;
  std::vector<int> given_up;
  std::vector<std::string> devices_left;
};

// A study of so many cells, a, b, c ..., and in place of the program a line of shell, with the
// worker's options as its arguments.
class FailedStarts : public testing::Test {
 protected:
  explicit FailedStarts(int cells = 3) {
    std::string table = "architecture,accuracy\n", alphabet;
    for (char cell = 'a'; cell < 'a' + cells; ++cell) {
      table += std::string(1, cell) + ",0.5\n";
      alphabet += std::string(alphabet.empty() ? "\"" : ", \"") + cell + "\"";
    }
    folder_.write("cells.csv", table);
    const std::string config =
        folder_
            .write("cells.toml", "[space]\nkind = \"sequence\"\ntemplate = \"{}\"\nalphabet = [" +
                                     alphabet + "]\n[strategy]\nschedule = [[1.0, " +
                                     std::to_string(cells) +
                                     "]]\n[evaluator]\nkind = \"table\"\nfile = \"cells.csv\"\n"
                                     "target = \"accuracy\"\n")
            .string();
    const search::Configuration configuration = search::read_configuration(config);
    search::create_study(folder_.url("cells.db"), search::describe_study(configuration));
  }

  SupervisorOptions options(const std::string& line) const {
    SupervisorOptions options;
    options.study_url = folder_.url("cells.db");
    options.program = "/bin/sh";
    options.program_arguments = {"-c", line, METAQNN_PROGRAM};
    return options;
  }

  Folder folder_;
  Notes notes_;
};

TEST_F(FailedStarts, OfEveryWorkerEndTheSearch) {
  EXPECT_THAT(message_of<FailureError>([&] { Supervisor(options("kill -SEGV $$"), notes_).run(); }),
              HasSubstr("no worker is left: every one died before it had trained anything "
                        "(signal 11, Segmentation fault)"));
  EXPECT_EQ(notes_.deaths.size(), 3u);
  EXPECT_THAT(notes_.given_up, ElementsAre(0));
  EXPECT_EQ(notes_.finished, 0);
}

TEST_F(FailedStarts, OfOneWorkerLeaveTheSearchToTheOther) {
  const std::string first = (folder_ / "first").string();
  SupervisorOptions options = this->options("mkdir " + first + " 2>/dev/null || kill -9 $$\n" +
                                            "sleep 2; exec \"$0\" worker \"$@\"");
  options.workers = 2;
  EXPECT_EQ(Supervisor(options, notes_).run(), SearchEnd::done);
  EXPECT_EQ(notes_.deaths.size(), 3u);
  EXPECT_THAT(notes_.given_up, ElementsAre(1));
  EXPECT_EQ(notes_.finished, 3);
}

constexpr const char* kFault = "CUDA error: an illegal memory access was encountered";

// Its study has more networks than a fault may cost.
class FaultyDevice : public FailedStarts {
 protected:
  FaultyDevice() : FailedStarts(20) {}
  SupervisorOptions options(const std::string& where, std::vector<std::string> devices,
                            int workers = 1) const {
    SupervisorOptions options;
    options.study_url = folder_.url("cells.db");
    options.program = METAQNN_FAULTY_WORKER;
    options.program_arguments = {where};
    options.devices = std::move(devices);
    options.workers = workers;
    return options;
  }
  std::string run(const SupervisorOptions& options) {
    return message_of<FailureError>([&] { Supervisor(options, notes_).run(); });
  }
  std::vector<Trial> trials() const {
    return search::open_study_to_read(folder_.url("cells.db"))->trials(false);
  }
  // Networks that a fault has cost something.
  int64_t charged() const {
    const std::vector<Trial> all = trials();
    return std::count_if(all.begin(), all.end(), [](const Trial& trial) {
      return trial.state == search::TrialState::failed || trial.attempts > 1;
    });
  }
};

TEST_F(FaultyDevice, EndsTheSearchWithItsTextAndCostsFewNetworks) {
  const std::string message = run(options("cuda:0", {"cuda:0"}));
  EXPECT_THAT(message, HasSubstr("no worker is left: device cuda:0 faults"));
  EXPECT_THAT(message, HasSubstr(kFault));
  EXPECT_THAT(notes_.devices_left, ElementsAre(std::string("cuda:0: ") + kFault));
  EXPECT_LE(charged(), 3);
  EXPECT_EQ(trials().at(0).reason(), std::string("crashed (") + kFault + ")");
  EXPECT_EQ(trials().back().state, search::TrialState::waiting) << "at no cost";
  EXPECT_EQ(trials().back().reason(), kFault);
}

TEST_F(FaultyDevice, OfSeveralWorkersCostsFewNetworksToo) {
  EXPECT_THAT(run(options("cuda:0", {"cuda:0"}, 3)), HasSubstr(kFault));
  EXPECT_LE(charged(), 3);
}

// They have trained something when the device breaks.
TEST_F(FaultyDevice, ThatBreaksUnderManyWorkersIsOneFault) {
  EXPECT_THAT(run(options((folder_ / "broken").string(), {"cuda:0"}, 6)), HasSubstr(kFault));
  EXPECT_GT(notes_.finished, 0);
  EXPECT_LE(charged(), 3);
  EXPECT_EQ(notes_.devices_left.size(), 1u);
}

TEST_F(FaultyDevice, LeavesTheSearchToTheOthers) {
  const SearchEnd end = Supervisor(options("cuda:0", {"cuda:0", "cuda:1"}), notes_).run();
  const auto study = search::open_study_to_read(folder_.url("cells.db"));
  const int64_t complete = study->counts().in(search::TrialState::complete);
  EXPECT_GE(complete, 19) << "one may have met the faulty device three times";
  EXPECT_EQ(end, complete == 20 ? SearchEnd::done : SearchEnd::exhausted);
  EXPECT_LE(charged(), 3);
}

TEST_F(FaultyDevice, IsNotLeftForOneNetworkThatFaultsEverywhere) {
  Supervisor(options("b", {"cuda:0"}), notes_).run();
  EXPECT_TRUE(notes_.devices_left.empty());
  const auto study = search::open_study_to_read(folder_.url("cells.db"));
  EXPECT_EQ(study->find_trial("b")->reason(), std::string("crashed (") + kFault + ")");
  EXPECT_EQ(study->find_trial("b")->attempts, 3);
  EXPECT_EQ(study->counts().in(search::TrialState::complete), 19);
}

}  // namespace
}  // namespace metaqnn::tests
