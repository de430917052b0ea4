// `ask` and `tell` as programs of others call them, and the page that says how.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "metaqnn/search/study/study.h"
#include "tests/cli/run_program.h"

namespace metaqnn::tests {
namespace {

using nlohmann::json;
using search::Trial;
using search::TrialState;
using testing::AllOf;
using testing::HasSubstr;

class AskAndTell : public testing::Test {
 protected:
  // Of nine strings the schedule wants six.
  AskAndTell() { make("a.toml", "[objective]\nmeasure = \"score\"\n"); }
  std::string make(const std::string& name, const std::string& more) const {
    return folder_
        .write(name,
               "[space]\nkind = \"sequence\"\ntemplate = \"{}{}\"\nalphabet = [\"a\", \"b\", "
               "\"c\"]\n[strategy]\nkind = \"random\"\nschedule = [[1.0, 6]]\n[evaluator]\nkind = "
               "\"told\"\n" +
                   more)
        .string();
  }
  std::string config() const { return (folder_ / "a.toml").string(); }
  std::string url() const { return folder_.url("study.db"); }

  Result command(std::vector<std::string> words) const {
    words.insert(words.begin() + 1, {"--study", url()});
    return run(words);
  }
  json answer(std::vector<std::string> words) const {
    words.insert(words.end(), {"--format", "json"});
    const Result result = command(words);
    EXPECT_EQ(result.status, 0) << result.error;
    return json::parse(result.output);
  }
  // Status 2, and nothing changes.
  void expect_refused(const std::vector<std::string>& words, const std::string& message) const {
    const std::string before = run({"trials", "--study", url(), "--format", "json"}).output;
    const Result result = command(words);
    EXPECT_EQ(result.status, 2) << result.output;
    EXPECT_THAT(result.error, HasSubstr(message));
    EXPECT_EQ(count_lines(result.error), 1) << result.error;
    EXPECT_EQ(run({"trials", "--study", url(), "--format", "json"}).output, before);
  }

  Folder folder_;
};

TEST_F(AskAndTell, GoThroughAStudyFromItsMakingToItsEnd) {
  const json asked = answer({"ask", "--config", config(), "--count", "4"});
  ASSERT_EQ(asked.size(), 4u);
  EXPECT_EQ(asked[0].size(), 2u);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(asked[i]["trial"], i + 1);
  const Result fifth = command({"ask"});
  EXPECT_EQ(fifth.status, 0);
  EXPECT_THAT(fifth.output, testing::MatchesRegex("5 [abc][abc]\n"));
  EXPECT_EQ(answer({"status"})["states"]["running"], 5);

  const Result told = command({"tell", "--trial", "1", "--value", "-7.5", "--measures",
                               "{\"latency_ms\": 3}", "--curve", "[-9, -7.5]"});
  EXPECT_EQ(told.status, 0) << told.error;
  EXPECT_EQ(told.output, "trial 1 complete, score -7.5000\n");
  EXPECT_EQ(command({"tell", "--trial", "2", "--failed", "the board overheated"}).output,
            "trial 2 failed: the board overheated\n");
  EXPECT_EQ(command({"tell", "--trial", "3", "--failed", "not learning"}).status, 0);
  EXPECT_EQ(command({"tell", "--trial", "4", "--value", "2", "--curve",
                     "[{\"epoch\": 1, \"training_loss\": NaN, \"score\": 2}]"})
                .status,
            0);

  const json trials = answer({"trials"});
  EXPECT_EQ(trials[0]["value"], -7.5);
  EXPECT_EQ(trials[0]["measures"], json({{"latency_ms", 3.0}, {"score", -7.5}}));
  EXPECT_EQ(trials[0]["origin"], "ask");
  EXPECT_EQ(trials[0]["architecture"], asked[0]["architecture"]);
  EXPECT_EQ(trials[1]["reason"], "the board overheated");
  EXPECT_EQ(trials[4]["state"], "running");
  const json status = answer({"status"});
  EXPECT_EQ(status["unique_models"], 3);
  EXPECT_EQ(status["best"]["value"], 2.0);
  EXPECT_THAT(command({"status"}).output, HasSubstr("metaqnn ask --study"));
  EXPECT_THAT(command({"export", "--format", "csv"}).output, HasSubstr("value_1,value_2"));
  const std::string page = (folder_ / "report.html").string();
  EXPECT_EQ(command({"report", "-o", page}).status, 0);
  EXPECT_THAT(read_text(page), HasSubstr("told by those who asked for the networks"));

  EXPECT_EQ(answer({"ask", "--count", "9"}).size(), 2u);  // of the schedule's six
  const Result none = command({"ask", "--format", "json"});
  EXPECT_EQ(none.status, 0);
  EXPECT_EQ(json::parse(none.output), json::array());
  EXPECT_THAT(none.error, HasSubstr("nothing else to give out now: 3 networks reserved"));
}

TEST_F(AskAndTell, WhatExpiresIsGivenOutFirst) {
  ASSERT_EQ(answer({"ask", "--config", config(), "--count", "2", "--lease", "1"}).size(), 2u);
  ASSERT_TRUE(eventually([&] {
    return static_cast<double>(std::time(nullptr)) >
           *search::open_study_to_read(url())->trial(2)->leased_until;
  }));
  const json again = answer({"ask", "--count", "3"});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(again[i]["trial"], i + 1);
  EXPECT_EQ(answer({"trials"})[0]["attempts"], 2);
}

TEST_F(AskAndTell, SeveralThatMakeTheStudyAtOnceShareOne) {
  std::vector<std::unique_ptr<Program>> programs;
  for (int i = 0; i < 4; ++i) {
    programs.push_back(std::make_unique<Program>(
        std::vector<std::string>{"ask", "--config", config(), "--study", url()}));
  }
  std::set<std::string> lines;
  for (const auto& program : programs) {
    const Result result = program->wait();
    EXPECT_EQ(result.status, 0) << result.error;
    EXPECT_TRUE(lines.insert(result.output).second) << result.output;
  }
  EXPECT_EQ(search::open_study_to_read(url())->counts().in(TrialState::running), 4);
}

TEST_F(AskAndTell, SearchAndWorkerTrainNothingWhereResultsAreTold) {
  const auto refuses = [&](const std::vector<std::string>& words) {
    const Result result = command(words);
    EXPECT_EQ(result.status, 2) << words[0];
    EXPECT_THAT(result.error, AllOf(HasSubstr("metaqnn ask"), HasSubstr("metaqnn tell")));
  };
  refuses({"search", "--config", config()});
  EXPECT_FALSE(std::filesystem::exists(folder_ / "study.db"));
  const Result made = command({"search", "--config", config(), "--create-only"});
  EXPECT_EQ(made.status, 0) << made.error;
  EXPECT_THAT(made.output, HasSubstr("metaqnn ask --study reserves its networks"));
  refuses({"search"});
  refuses({"search", "--config", config(), "--trials", "9"});
  refuses({"worker"});
  EXPECT_EQ(run({"search", "--config", config(), "--estimate"}).status, 2);
  EXPECT_EQ(answer({"status"})["samples"], 0);
  // A study that is done is told no other: status 2 again.
  for (const json& trial : answer({"ask", "--count", "6"})) {
    const std::string number = trial["trial"].dump();
    EXPECT_EQ(command({"tell", "--trial", number, "--value", "1"}).status, 0);
  }
  refuses({"search"});
}

TEST_F(AskAndTell, RefuseWhatTheyCannotDoAndSayWhere) {
  EXPECT_THAT(command({"ask"}).error, HasSubstr("yet; give --config FILE to make it"));
  EXPECT_EQ(command({"tell", "--trial", "1", "--value", "1"}).status, 3);  // no study
  ASSERT_EQ(answer({"ask", "--config", config()}).size(), 1u);
  const auto tell = [](const std::vector<std::string>& more) {
    std::vector<std::string> words{"tell", "--trial", "1"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  };
  expect_refused(tell({}), "tell either the value or why there is none");
  expect_refused(tell({"--value", "1", "--failed", "crashed"}), "--failed");
  expect_refused(tell({"--failed", "crashed", "--curve", "[1]"}), "--curve requires --value");
  expect_refused(tell({"--value", "nan"}), "score is no finite number");
  expect_refused(tell({"--value", "1", "--measures", "{\"latency\": "}), "--measures");
  expect_refused(tell({"--value", "1", "--measures", "[1]"}),
                 "--measures is no JSON object of numbers");
  expect_refused(tell({"--value", "1", "--measures", "{\"latency\": \"3 ms\"}"}),
                 "--measures: latency is \"3 ms\", not a number");
  expect_refused(tell({"--value", "1", "--measures", "{\"latency\": NaN}"}),
                 "--measures: latency is null or NaN, not a number");
  expect_refused(tell({"--value", "1", "--curve", "{}"}), "--curve is no JSON list of numbers");
  expect_refused(tell({"--value", "1", "--curve", "[1, null]"}),
                 "--curve: epoch 2 is null or NaN, not a number");
  expect_refused(tell({"--value", "1", "--curve", "[1, {\"loss\": 2}]"}),
                 "--curve: epoch 2: 'loss' is no figure of an epoch; there are training_loss, "
                 "training_accuracy, validation_loss, validation_accuracy and score");
  expect_refused(tell({"--value", "1", "--curve", "[{\"validation_accuracy\": 2}]"}),
                 "validation_accuracy of epoch 1 is 2, not within [0, 1]");
  expect_refused({"tell", "--trial", "7", "--value", "1"}, "has no trial 7");
  expect_refused({"tell", "--trial", "0", "--value", "1"}, "--trial");
  expect_refused({"ask", "--lease", "0"}, "--lease");
  EXPECT_EQ(command(tell({"--value", "1"})).status, 0);
  expect_refused(tell({"--value", "2"}), "the first that is told stays, and nothing was changed");
  expect_refused({"ask", "--config", make("b.toml", "[objective]\nmeasure = \"other\"\n")},
                 "the study was made with measure");
}

// ---- The page ----

const std::string kPage = METAQNN_SOURCE_DIR "/docs/ask_tell.md";

// The example of the page that begins with this line.
std::string example(const std::string& first_line) {
  std::string text;
  const std::string indent(4, ' ');
  for (const std::string& line : lines_of(read_text(kPage))) {
    if (text.empty() && line != indent + first_line) continue;
    if (!line.empty() && !line.starts_with(indent)) break;
    text += (line.empty() ? "" : line.substr(indent.size())) + "\n";
  }
  return text;
}

class AskTellPage : public testing::Test {
 protected:
  AskTellPage() { folder_.write("letters.toml", example("# letters.toml")); }

  // Beside the program, which it finds by its name; its trials.
  std::vector<Trial> run_example(const std::string& interpreter,
                                 const std::string& first_line) const {
    const std::string script = folder_.write("loop", example(first_line)).string();
    const std::string programs = std::filesystem::path(METAQNN_PROGRAM).parent_path();
    const std::string command = "cd '" + folder_.path().string() + "' && PATH='" + programs +
                                "':\"$PATH\" " + interpreter + " '" + script + "' >'" + script +
                                ".out' 2>&1";
    EXPECT_EQ(std::system(command.c_str()), 0) << read_text(script + ".out");
    return search::open_study_to_read(folder_.url("letters.db"))->trials(true);
  }

  Folder folder_;
};

double count_a(const std::string& text) {
  return static_cast<double>(std::count(text.begin(), text.end(), 'a'));
}

TEST_F(AskTellPage, HasALoopInShellThatRuns) {
  const std::vector<Trial> trials = run_example("/bin/sh", "#!/bin/sh");
  EXPECT_EQ(trials.size(), 20u);
  for (const Trial& trial : trials) EXPECT_EQ(trial.value, count_a(trial.architecture));
}

TEST_F(AskTellPage, HasALoopInPythonThatRuns) {
  if (std::system("/usr/bin/python3 -c '' >/dev/null 2>&1") != 0) GTEST_SKIP() << "no python3 here";
  const std::vector<Trial> trials = run_example("/usr/bin/python3", "#!/usr/bin/env python3");
  EXPECT_EQ(trials.size(), 20u);
  for (const Trial& trial : trials) {
    EXPECT_EQ(trial.value, count_a(trial.architecture));
    EXPECT_EQ(trial.curve.size(), 3u);
    EXPECT_EQ(trial.measures.at("latency_ms"), 3.1);
  }
}

}  // namespace
}  // namespace metaqnn::tests
