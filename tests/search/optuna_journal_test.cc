// What Debian's own Optuna (3.1 on Debian 12, 4.1 on Debian 13) makes of an exported study, and what we do.
#include "search/optuna_journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "metaqnn/search/search.h"
#include "search/results.h"
#include "tests/cli/run_program.h"

namespace metaqnn::search {
namespace {

using nlohmann::json;
using tests::read_text;
using tests::run;

constexpr double kNotKnown = std::numeric_limits<double>::quiet_NaN();

constexpr const char* kAskOptuna = R"python(
import json, sys, warnings
import optuna
warnings.filterwarnings("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)
try:
    from optuna.storages.journal import JournalFileBackend as JournalFile
except ImportError:
    from optuna.storages import JournalFileStorage as JournalFile
storage = optuna.storages.JournalStorage(JournalFile(sys.argv[1]))
study = optuna.load_study(study_name=None, storage=storage)
assert len(study.trials_dataframe()) == len(study.trials)
said = {"name": study.study_name, "direction": study.direction.name, "best": study.best_value,
        "best_architecture": study.best_trial.user_attrs["architecture"], "trials": []}
for trial in study.trials:
    said["trials"].append({
        "number": trial.number, "state": trial.state.name, "value": trial.value, "params": trial.params,
        "user_attrs": trial.user_attrs, "curve": trial.intermediate_values,
        "choices": {name: d.choices for name, d in trial.distributions.items()},
        "seconds": trial.duration.total_seconds() if trial.duration is not None else None,
        "complete": trial.datetime_complete and trial.datetime_complete.isoformat()})
said["next"] = study.ask().number  # Optuna can go on with it
print(json.dumps(said))
)python";

class OptunaJournal : public testing::Test {
 protected:
  void SetUp() override {
    if (std::system("/usr/bin/python3 -c 'import optuna' >/dev/null 2>&1") != 0)
      GTEST_SKIP() << "no python3-optuna here (./bootstrap --tests installs it)";
  }

  std::unique_ptr<Study> create(const std::string& configuration,
                                const std::vector<Trial>& trials) const {
    const std::string file = folder_.write("configuration.toml", configuration);
    auto study = create_study(url(), describe_study(read_configuration(file)));
    transact(*study, [&](bool) {
      for (const Trial& trial : trials) study->add_trial(trial, 0);
    });
    return study;
  }

  std::string url() const { return folder_.url("letters.db"); }
  std::string journal() const { return folder_ / "exported.journal"; }

  // What Optuna says of the study as the program exports it.
  json ask_optuna() const {
    const tests::Result exported =
        run({"export", "--study", url(), "--format", "optuna-journal", "-o", journal()});
    EXPECT_EQ(exported.status, 0) << exported.error;
    const std::string script = folder_.write("ask.py", kAskOptuna);
    const std::string said = folder_ / "said", copy = folder_ / "copy.journal";
    std::filesystem::copy_file(journal(), copy);
    const std::string command =
        "/usr/bin/python3 '" + script + "' '" + copy + "' >'" + said + "' 2>&1";
    EXPECT_EQ(std::system(command.c_str()), 0) << read_text(said);
    return json::parse(read_text(said), nullptr, false);
  }

  json our_trials() const {
    return json::parse(run({"trials", "--study", url(), "--format", "json"}).output);
  }

  tests::Folder folder_;
};

Trial trial_of(const std::string& architecture, TrialState state,
               std::optional<double> value = {}) {
  Trial trial;
  trial.architecture = architecture;
  trial.state = state;
  trial.value = value;
  trial.origin = "search";
  return trial;
}

constexpr const char* kImages = R"(
[space]
kind = "cnn"
input = "1x28x28"
classes = 10
depth_limit = 3
[strategy]
schedule = [[1.0, 10]]
)";

std::vector<Trial> image_trials() {
  std::vector<Trial> trials{
      trial_of("[C(64,3,1), P(2,2), SM(10)]", TrialState::complete, 0.75),
      trial_of("[C(128,5,1), SM(10)]", TrialState::complete, 0.5),
      trial_of("[C(64,3,1), FC(128), SM(10)]", TrialState::failed),
      trial_of("[C(64,1,1), SM(10)]", TrialState::stopped, 0.625),
      trial_of("[C(64,3,1), C(64,3,1), P(2,2), SM(10)]", TrialState::running),
      trial_of("[SM(10)]", TrialState::waiting),
  };
  for (Trial& trial : trials) trial.validation_accuracy = trial.value;
  trials[0].curve = {{1, 0.5, 1, 0.25}, {1, 0.5, 1, 0.75}};
  trials[0].parameters = 1234;
  trials[0].seconds = 61.0;
  trials[0].measures = {{"validation_accuracy", 0.75}, {"latency_ms", 3.5}};
  trials[2].fail("out of memory (\"CUDA\"\n)");
  trials[3].predicted = true;
  trials[3].curve = {{1, 0.5, kNotKnown, kNotKnown}, {1, 0.5, 1, 0.375}};
  return trials;
}

TEST_F(OptunaJournal, ShowsValuesDirectionStatesAndBestOfTheStudy) {
  create(kImages, image_trials());
  const json said = ask_optuna(), ours = our_trials();
  EXPECT_EQ(said["name"], "letters");
  EXPECT_EQ(said["direction"], "MAXIMIZE");
  EXPECT_EQ(said["best"], 0.75);
  EXPECT_EQ(said["best_architecture"], "[C(64,3,1), P(2,2), SM(10)]");
  EXPECT_EQ(said["next"], 5);  // what waits comes first
  const std::map<std::string, std::string> states{{"complete", "COMPLETE"},
                                                  {"failed", "FAIL"},
                                                  {"stopped", "PRUNED"},
                                                  {"running", "RUNNING"},
                                                  {"waiting", "WAITING"}};
  ASSERT_EQ(said["trials"].size(), ours.size());
  for (size_t i = 0; i < ours.size(); ++i) {
    const json &theirs = said["trials"][i], &mine = ours[i];
    EXPECT_EQ(theirs["state"], states.at(mine["state"]));
    EXPECT_EQ(theirs["user_attrs"]["trial"], mine["number"]);
    EXPECT_EQ(theirs["user_attrs"]["architecture"], mine["architecture"]);
    if (mine["state"] == "complete") {
      EXPECT_EQ(theirs["value"], mine["value"]);
    }
  }
}

TEST_F(OptunaJournal, ShowsLayersAsParametersAndAllElseAsAttributes) {
  const auto study = create(kImages, image_trials());
  const json trials = ask_optuna()["trials"];
  EXPECT_EQ(trials[0]["params"], json({{"layer 1", "C(64,3,1)"}, {"layer 2", "P(2,2)"}}));
  EXPECT_EQ(trials[5]["params"], json::object());
  // By hand: what stands first in any of the six, sorted as texts; what stands second likewise.
  EXPECT_EQ(trials[1]["choices"], json({{"layer 1", {"C(128,5,1)", "C(64,1,1)", "C(64,3,1)"}}}));
  EXPECT_EQ(trials[0]["choices"]["layer 2"], json({"C(64,3,1)", "FC(128)", "P(2,2)"}));
  const json& first = trials[0]["user_attrs"];
  EXPECT_EQ(first["parameters"], 1234);
  EXPECT_EQ(first["depth"], 2);
  EXPECT_EQ(first["latency_ms"], 3.5);
  EXPECT_EQ(trials[0]["curve"], json({{"1", 0.25}, {"2", 0.75}}));
  EXPECT_EQ(trials[0]["seconds"], 61);
  EXPECT_EQ(trials[0]["complete"].get<std::string>() + "Z", study->trials(false)[0].finished_at);
  EXPECT_EQ(trials[2]["user_attrs"]["reason"], study->trials(false)[2].reason());
  EXPECT_EQ(trials[2]["value"], nullptr);
  // Stopped after an epoch of 0.375: that is its value, and what was predicted an attribute.
  EXPECT_EQ(trials[3]["value"], 0.375);
  EXPECT_EQ(trials[3]["user_attrs"]["prediction"], 0.625);
  EXPECT_EQ(trials[3]["curve"], json({{"2", 0.375}}));
  EXPECT_EQ(trials[4]["complete"], nullptr);
}

constexpr const char* kCells = R"(
[space]
kind = "sequence"
template = "|{}~0|+|{}~0|"
alphabet = ["none", "conv", "pool"]
[evaluator]
kind = "told"
[objective]
measure = "latency_ms"
direction = "minimize"
[strategy]
kind = "random"
schedule = [[1.0, 9]]
)";

std::vector<Trial> cell_trials() {
  std::vector<Trial> trials{trial_of("|conv~0|+|pool~0|", TrialState::complete, 3.5),
                            trial_of("|none~0|+|pool~0|", TrialState::complete, 1.25)};
  for (Trial& trial : trials) trial.measures = {{"latency_ms", *trial.value}};
  trials[0].curve = {{kNotKnown, kNotKnown, kNotKnown, kNotKnown, 4.5},
                     {kNotKnown, kNotKnown, kNotKnown, kNotKnown, 3.5}};
  return trials;
}

TEST_F(OptunaJournal, OfAnotherMeasureAndAlphabetShowsSlotsAndDirection) {
  create(kCells, cell_trials());
  const json said = ask_optuna();
  EXPECT_EQ(said["direction"], "MINIMIZE");
  EXPECT_EQ(said["best"], 1.25);
  EXPECT_EQ(said["trials"][0]["params"], json({{"slot 1", "conv"}, {"slot 2", "pool"}}));
  EXPECT_EQ(said["trials"][0]["choices"]["slot 1"], json({"conv", "none"}));
  EXPECT_EQ(said["trials"][0]["curve"], json({{"1", 4.5}, {"2", 3.5}}));
}

// Without Optuna: what is written is what we read of Optuna's own.
TEST(OptunaJournalRead, GivesTheValuesAndTheDirectionAgain) {
  const tests::Folder folder;
  const std::string configuration = folder.write("cells.toml", kCells);
  auto study =
      create_study(folder.url("cells.db"), describe_study(read_configuration(configuration)));
  transact(*study, [&](bool) {
    for (const Trial& trial : cell_trials()) study->add_trial(trial, 0);
  });
  const std::string journal = folder.write("cells.journal", to_optuna_journal(*study));
  const datasets::Log log = read_results(journal, {}).log;
  EXPECT_EQ(log.measure.direction, datasets::Direction::minimize);
  ASSERT_EQ(log.rows.size(), 2u);
  EXPECT_EQ(log.rows[0].value, 3.5);
  EXPECT_EQ(log.rows[1].value, 1.25);
  EXPECT_THAT(log.rows[0].architecture, testing::HasSubstr("conv"));
}

}  // namespace
}  // namespace metaqnn::search
