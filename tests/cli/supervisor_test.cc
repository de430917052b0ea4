// Workers that die before they have trained anything.
#include "search/supervisor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "architecture/error.h"
#include "search/configuration.h"
#include "search/study/study.h"
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

  int finished = 0;
  std::vector<std::string> deaths;
  std::vector<int> given_up;
};

// A study of three cells, and in place of the program a line of shell, with the worker's options as
// its arguments.
class FailedStarts : public testing::Test {
 protected:
  FailedStarts() {
    folder_.write("cells.csv", "architecture,accuracy\na,0.1\nb,0.2\nc,0.3\n");
    const std::string config = folder_
                                   .write("cells.toml",
                                          "[space]\nkind = \"sequence\"\ntemplate = \"{}\"\n"
                                          "alphabet = [\"a\", \"b\", \"c\"]\n"
                                          "[strategy]\nschedule = [[1.0, 3]]\n"
                                          "[evaluator]\nkind = \"table\"\nfile = \"cells.csv\"\n"
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
              HasSubstr("every worker died before it had trained anything (signal 11, "
                        "Segmentation fault)"));
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

}  // namespace
}  // namespace metaqnn::tests
