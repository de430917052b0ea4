// Streams that are closed or full, readers that have gone, limits of the system, texts of others
// and numbers beyond any use.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "metaqnn/search/study/study.h"
#include "tests/cli/run_program.h"
#include "tests/postgresql_server.h"

namespace metaqnn::tests {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr int kFewModels = 60;

// A search of 60 models that are looked up.
class Surroundings : public testing::Test {
 protected:
  Surroundings() {
    std::string table = "architecture,accuracy\n", alphabet;
    for (int i = 0; i < 80; ++i) {
      const std::string token = "t" + std::to_string(100 + i);
      table += token + ",0." + std::to_string(100 + i) + "\n";
      alphabet += (i == 0 ? "\"" : ", \"") + token + "\"";
    }
    folder_.write("table.csv", table);
    folder_.write("search.toml", recipe(alphabet));
  }

  static std::string recipe(const std::string& alphabet) {
    return "[space]\nkind = \"sequence\"\ntemplate = \"{}\"\nalphabet = [" + alphabet +
           "]\n[strategy]\nschedule = [[1.0, " + std::to_string(kFewModels) +
           "]]\n[evaluator]\nkind = \"table\"\nfile = \"table.csv\"\ntarget = \"accuracy\"\n";
  }

  std::string search(const std::string& url) const {
    return "search --config '" + (folder_ / "search.toml").string() + "' --study '" + url + "'";
  }
  std::string url() const { return folder_.url("study.db"); }
  static int64_t models(const std::string& url) {
    return search::open_study(url)->counts().unique_models;
  }

  // By a shell; `redirections` stand behind the command and `before` in front of it.
  static int shell(const std::string& arguments, const std::string& redirections,
                   const std::string& before = "") {
    const std::string line = before + "'" METAQNN_PROGRAM "' " + arguments + " " + redirections;
    const int status = std::system(line.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  std::string file(const std::string& name) const { return "'" + (folder_ / name).string() + "'"; }

  // The status of the program in a pipe to a reader that reads one line.
  int status_before_head(const std::string& arguments, const std::string& redirections) const {
    std::system(("{ '" METAQNN_PROGRAM "' " + arguments + "; echo $? >" + file("status") + "; } " +
                 redirections + " | head -n 1 >" + file("head"))
                    .c_str());
    return std::stoi(read_text(folder_ / "status"));
  }

  // Standard output, and error too where `both`, is a pipe that nobody reads any more.
  Result unread(const std::vector<std::string>& arguments, bool both = false) const {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    close(ends[0]);
    const std::string error = folder_ / "error";
    std::vector<std::string> words{METAQNN_PROGRAM};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, ends[1], 1);
    posix_spawn_file_actions_addopen(&files, 2, error.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (both) posix_spawn_file_actions_adddup2(&files, ends[1], 2);
    pid_t pid = 0;
    EXPECT_EQ(posix_spawn(&pid, METAQNN_PROGRAM, &files, nullptr, pointers.data(), environ), 0);
    posix_spawn_file_actions_destroy(&files);
    close(ends[1]);
    int status = 0;
    waitpid(pid, &status, 0);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), "", read_text(error)};
  }

  Folder folder_;
};

// ---- Streams ----

TEST_F(Surroundings, ASearchNeedsNoStream) {
  int count = 0;
  for (const char* closed :
       {">/dev/null 2>&-", "2>/dev/null >&-", ">/dev/null 2>&1 <&-", ">&- 2>&-", "<&- >&- 2>&-"}) {
    const std::string url = folder_.url("study" + std::to_string(++count) + ".db");
    EXPECT_EQ(shell(search(url), closed), 0) << closed;
    EXPECT_EQ(models(url), kFewModels) << closed;
  }
}

TEST_F(Surroundings, WithoutStandardErrorNoMessageGoesToTheServer) {
  PostgresqlServer* server = PostgresqlServer::shared();
  if (server == nullptr) GTEST_SKIP() << PostgresqlServer::kMissing;
  for (const char* closed : {">/dev/null 2>&-", "<&- >&- 2>&-"}) {
    const std::string url = server->new_database();
    EXPECT_EQ(shell(search(url), closed), 0) << closed;
    EXPECT_EQ(models(url), kFewModels);
    EXPECT_EQ(shell("status --study '" + url + "'", closed), 0);
  }
}

TEST_F(Surroundings, AnErrorWithoutStandardErrorHasItsStatus) {
  EXPECT_EQ(shell("describe x", "2>&-"), 2);
  EXPECT_EQ(shell("describe x", "<&- >&- 2>&-"), 2);
  EXPECT_EQ(shell("describe x", "2>/dev/full"), 2);
  EXPECT_EQ(shell(search(url()), ">/dev/null 2>/dev/full"), 0);
  EXPECT_EQ(models(url()), kFewModels);
}

TEST_F(Surroundings, AFullDiskIsNoReaderThatHasGone) {
  EXPECT_EQ(shell(search(url()), ">/dev/full 2>" + file("error")), 1);
  EXPECT_THAT(read_text(folder_ / "error"), HasSubstr("No space left on device"));
  EXPECT_EQ(shell("--help", ">/dev/full 2>/dev/null"), 1);
}

TEST_F(Surroundings, ASearchGoesOnWithoutItsReader) {
  EXPECT_EQ(status_before_head(search(folder_.url("a.db")), "2>/dev/null"), 0);
  EXPECT_EQ(models(folder_.url("a.db")), kFewModels);
  EXPECT_EQ(status_before_head(search(folder_.url("b.db")), "2>&1"), 0);
  EXPECT_EQ(models(folder_.url("b.db")), kFewModels);
}

TEST_F(Surroundings, WhatDoesMoreThanPrintGoesOnSilentlyWithoutItsReader) {
  const std::string config = (folder_ / "search.toml").string();
  const std::string table = (folder_ / "table.csv").string();
  const std::string model = folder_ / "m.model", page = folder_ / "page.html";
  const std::vector<std::vector<std::string>> commands{
      {"import", table, "--target", "accuracy", "--config", config, "--study", url()},
      {"search", "--study", url(), "--config", config},
      {"worker", "--study", url()},
      {"fit", "--log", url(), "--method", "mean", "-o", model},
      {"screen", "--study", url(), "--no-train", "--method", "mean", "--candidates", "1"},
      {"report", "--study", url(), "-o", page}};
  for (const auto& command : commands) {
    const bool leaves_nothing_to_screen = command[0] == "screen";
    const int expected = leaves_nothing_to_screen ? 1 : 0;
    EXPECT_EQ(unread(command, true).status, expected) << command[0];
  }
  EXPECT_TRUE(std::filesystem::exists(model));
  EXPECT_TRUE(std::filesystem::exists(page));
}

TEST_F(Surroundings, WhatOnlyPrintsEndsAtOnceAndSilentlyWithoutItsReader) {
  ASSERT_EQ(shell(search(url()), ">/dev/null 2>&1"), 0);
  const std::string config = (folder_ / "search.toml").string();
  const std::vector<std::vector<std::string>> commands{
      {"trials", "--study", url()},
      {"trials", "--study", url(), "--format", "csv"},
      {"trials", "--study", url(), "--format", "json"},
      {"export", "--study", url()},
      {"status", "--study", url()},
      {"sample", "--config", config, "--count", "3"},
      {"config", "--defaults"},
      {"describe", "[SM(10)]"},
      {"--help"}};
  for (const bool ignored : {false, true}) {  // as some parents leave it to their children
    if (ignored) signal(SIGPIPE, SIG_IGN);
    for (const auto& command : commands) {
      const Result result = unread(command);
      EXPECT_NE(result.status, 0) << command[0];
      EXPECT_EQ(result.error, "") << command[0];
    }
  }
  signal(SIGPIPE, SIG_DFL);
}

// ---- Limits of the system ----

TEST_F(Surroundings, ALimitOnTheSizeOfFilesEndsASearchWithAnErrorAndCostsNoTrialARetry) {
  // Room for the study, but not for the journal of all its commits.
  EXPECT_EQ(shell(search(url()), "2>" + file("error"), "ulimit -f 200; "), 1);
  const std::string error = read_text(folder_ / "error");
  EXPECT_THAT(error, AllOf(HasSubstr("limit on the size of files (ulimit -f)"),
                           Not(HasSubstr("died (signal"))));
  EXPECT_EQ(shell(search(url()), ">/dev/null 2>&1"), 0);
  EXPECT_EQ(models(url()), kFewModels);
  for (const search::Trial& trial : search::open_study(url())->trials(false)) {
    EXPECT_EQ(trial.state, search::TrialState::complete);
    EXPECT_EQ(trial.attempts, 1);
  }
}

// ---- Texts of others ----

TEST_F(Surroundings, NoTextOfOthersIsObeyedByATerminal) {
  folder_.write("table.csv", "architecture,accuracy\n\x1b[2J,0.5\n\xc2\x9b,0.25\n");
  folder_.write("search.toml", recipe("\"\\u001b[2J\", \"\\u009b\""));
  const std::string config = (folder_ / "search.toml").string();
  ASSERT_EQ(run({"import", (folder_ / "table.csv").string(), "--target", "accuracy", "--config",
                 config, "--study", url()})
                .status,
            0);
  const std::string table = run({"trials", "--study", url()}).output;
  EXPECT_THAT(table, AllOf(HasSubstr("\\x1b[2J\n"), HasSubstr("\\u009b\n")));
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
           {"trials", "--study", url()},
           {"status", "--study", url()},
           {"trials", "--study", url(), "--format", "json"},
           {"config", "--study", url()},
           {"\x1b[2J"},
           {"--\x1b[2J"},
           {"describe", "\x1b[2J"},
           {"describe", "[SM(10)]", "--input", "\x1b[2J"},
           {"describe", "[SM(10)]", "--format", "\x1b[2J"},
           {"status", "--study", "sqlite:///\x1b[2J\xc2\x9b.db"},
           {"status", "--study", "\x1b[2J"},
           {"fit", "--log", "\xe2\x80\xae\x1b[2J.csv", "-o", "x"},
           {"config", "--config", "\x1b[2J\x7f.toml"},
           {"evaluate", "--log", (folder_ / "table.csv").string(), "--target", "\x1b[2J"}}) {
    const Result result = run(command);
    for (const std::string& text : {result.output, result.error}) {
      EXPECT_THAT(text, Not(HasSubstr("\x1b"))) << command[0];
      EXPECT_THAT(text, Not(HasSubstr("\x7f"))) << command[0];
      EXPECT_THAT(text, Not(HasSubstr("\xc2\x9b"))) << command[0];
      EXPECT_THAT(text, Not(HasSubstr("\xe2\x80\xae"))) << command[0];
    }
  }
  // The letters themselves come back where a program reads them.
  const auto document =
      nlohmann::json::parse(run({"trials", "--study", url(), "--format", "json"}).output);
  EXPECT_EQ(document[0]["architecture"], "\x1b[2J");
  EXPECT_EQ(document[1]["architecture"], "\xc2\x9b");
  EXPECT_THAT(run({"trials", "--study", url(), "--format", "csv"}).output, HasSubstr("\x1b[2J,"));
}

TEST_F(Surroundings, JsonReplacesWhatIsNoUtf8) {
  folder_.write("log.csv",
                "architecture,state,reason,validation_accuracy\nt100,failed,error (\xff),\n");
  ASSERT_EQ(run({"import", (folder_ / "log.csv").string(), "--config",
                 (folder_ / "search.toml").string(), "--study", url()})
                .status,
            0);
  const Result result = run({"trials", "--study", url(), "--format", "json"});
  EXPECT_EQ(result.status, 0) << result.error;
  EXPECT_EQ(nlohmann::json::parse(result.output)[0]["reason"], "error (\xef\xbf\xbd)");
}

TEST_F(Surroundings, MessagesQuoteWholeCharactersAndNotMuchOfAMegabyte) {
  const std::string accents = run({"describe", "\xc3\xa9[SM(10)]"}).error;
  EXPECT_THAT(accents, HasSubstr("found '\xc3\xa9'"));
  const std::string long_text(100000, 'x');  // arguments end at 128 kB
  folder_.write("long.toml", "device = 3\n" + std::string(1000000, 'k') + " = 1\n");
  folder_.write("long.csv", std::string(1000000, 'c') + ",y\nv,1\n");
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
           {long_text},
           {"--" + long_text},
           {"status", "--" + long_text},
           {"status", "--study", long_text},
           {"status", "--study", "sqlite:///" + long_text},
           {"describe", long_text},
           {"describe", "[SM(10)]", "--input", long_text},
           {"sample", "--count", long_text, "--config", "x"},
           {"fit", "--log", long_text, "-o", "x"},
           {"fit", "--log", (folder_ / "table.csv").string(), "--target", long_text, "-o", "x"},
           {"fit", "--log", (folder_ / "long.csv").string(), "-o", "x"},
           {"config", "--config", (folder_ / "long.toml").string()}}) {
    const Result result = run(command);
    EXPECT_NE(result.status, 0);
    EXPECT_LT(result.status, 128);
    EXPECT_LT(result.error.size(), 5000u) << command[0];
    EXPECT_EQ(count_lines(result.error), 1) << result.error;
  }
}

// ---- Numbers and depths beyond any use ----

TEST_F(Surroundings, CountsBeyondAnyUseAreRefusedWithTheirRange) {
  const std::string config = (folder_ / "search.toml").string();
  const std::vector<std::vector<std::string>> commands{
      {"sample", "--config", config, "--count"},
      {"rank", "--model", "x", "--config", config, "--count"},
      {"rank", "--model", "x", "--config", config, "--top"},
      {"screen", "--study", url(), "--candidates"},
      {"screen", "--study", url(), "--top"},
      {"screen", "--study", url(), "--workers"},
      {"screen", "--study", url(), "--threads"},
      {"trials", "--study", url(), "--top"},
      {"finetune", "--study", url(), "-o", "x", "--top"},
      {"ensemble", "--models", "x", "--top"},
      {"predict-image", "--model", "x", "a.png", "--top"},
      {"evaluate", "--log", "x", "--folds"},
      {"evaluate", "--log", "x", "--train-size"},
      {"evaluate", "--log", "x", "--folds", "2", "--repeats"},
      {"evaluate", "--log", "x", "--folds", "2", "--threads"},
      {"search", "--study", url(), "--config", config, "--workers"},
      {"search", "--study", url(), "--config", config, "--trials"},
      {"search", "--estimate", "--config", config, "--sample"},
      {"worker", "--study", url(), "--threads"}};
  for (std::vector<std::string> command : commands) {
    command.emplace_back();
    for (const char* count : {"4000000000", "99999999999999999999", "-1", "0", "1.5", "1e9", "0x10",
                              "010", " 1", "", "ten"}) {
      command.back() = count;
      const Result result = run(command);
      EXPECT_EQ(result.status, 2) << command[0] << " " << count;
      EXPECT_THAT(result.error, HasSubstr(command[command.size() - 2])) << count;
    }
    command.back() = "4000000000";
    EXPECT_THAT(run(command).error, HasSubstr("expected a whole number from 1 to "));
  }
}

TEST_F(Surroundings, DeepNestingIsAnErrorAndNoCrash) {
  std::string dots = "a";
  for (int i = 0; i < 50000; ++i) dots += ".a";
  folder_.write("deep.toml", "[" + dots + "]\n");
  const Result configuration = run({"config", "--config", (folder_ / "deep.toml").string()});
  EXPECT_EQ(configuration.status, 2);
  EXPECT_THAT(configuration.error, HasSubstr("deep.toml:1: "));
  folder_.write("list.txt", "t100\n");
  const std::string open(200000, '['), close(200000, ']');
  for (const std::string& text :
       {open, open + close,
        R"({"format": "metaqnn model", "version": 1, "x": )" + open + close + "}"}) {
    folder_.write("deep.model", text);
    const Result model = run({"predict", "--model", (folder_ / "deep.model").string(),
                              "--architectures", (folder_ / "list.txt").string()});
    EXPECT_EQ(model.status, 3) << model.error;
  }
  folder_.write("deep.checkpoint", "metaqnn checkpoint\n{\"version\": " + open + close + "}\n");
  EXPECT_EQ(
      run({"predict-image", "--model", (folder_ / "deep.checkpoint").string(), "a.png"}).status, 3);
}

}  // namespace
}  // namespace metaqnn::tests
