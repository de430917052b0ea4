// Studies that Debian's own Optuna makes (3.1 on Debian 12, 4.1 on Debian 13), in each form that it writes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "datasets/logs/description.h"
#include "metaqnn/search/results.h"
#include "metaqnn/search/search.h"
#include "tests/error_message.h"
#include "tests/folder.h"

namespace metaqnn::search {
namespace {

using datasets::Direction;
using nlohmann::json;
using testing::HasSubstr;

// Two studies, and what Optuna itself says of their trials.
constexpr const char* kMakeStudies = R"python(
import json, math, sys, warnings
import optuna
warnings.filterwarnings("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)
folder = sys.argv[1]

def objective(trial):
    lr = trial.suggest_float("lr", 1e-5, 1e-1, log=True)
    optimizer = trial.suggest_categorical("optimizer", ["sgd", "adam"])
    layers = trial.suggest_int("layers", 1, 4)
    trial.suggest_categorical("batch", [16, 32, 64])
    nesterov = trial.suggest_categorical("nesterov", [True, False])
    schedule = trial.suggest_categorical("schedule", ["step", None])
    momentum = trial.suggest_float("momentum", 0, 0.99) if optimizer == "sgd" else 0
    trial.set_user_attr("note", "a %s" % trial.number)
    if trial.number % 7 == 3:
        trial.report(9.5, 1)
        raise optuna.TrialPruned()
    if trial.number % 11 == 5:
        raise RuntimeError("no memory")
    if trial.number % 13 == 6:
        return math.inf
    return abs(math.log10(lr) + 3) / layers + 0.1 * momentum + (0.01 if nesterov else 0)

def both(trial):
    return trial.suggest_float("x", 0, 1), 10 * trial.suggest_float("y", 0, 1)

try:
    from optuna.storages.journal import JournalFileBackend as JournalFile
except ImportError:
    from optuna.storages import JournalFileStorage as JournalFile
storages = {
    "sqlite": "sqlite:///%s/optuna.db" % folder,
    "journal": optuna.storages.JournalStorage(JournalFile(folder + "/optuna.journal")),
}
for name, storage in storages.items():
    sampler = optuna.samplers.RandomSampler(seed=7)
    study = optuna.create_study(storage=storage, study_name="one", direction="minimize", sampler=sampler)
    study.optimize(objective, n_trials=40, catch=(RuntimeError,))
    study.ask()
    sampler = optuna.samplers.RandomSampler(seed=8)
    two = optuna.create_study(storage=storage, study_name="two", directions=["maximize", "minimize"],
                              sampler=sampler)
    two.optimize(both, n_trials=12)
frame = study.trials_dataframe()
frame.to_csv(folder + "/flat.csv", index=False)
frame.to_csv(folder + "/with_index.csv")
study.trials_dataframe(multi_index=True).to_csv(folder + "/multi.csv")
two.trials_dataframe().to_csv(folder + "/two.csv", index=False)
told = {"version": optuna.__version__, "states": {}, "rows": []}
for trial in study.trials:
    state = trial.state.name
    told["states"][state] = told["states"].get(state, 0) + 1
    if state == "COMPLETE" and math.isfinite(trial.value):
        told["rows"].append({"value": trial.value, "params": trial.params})
told["two"] = [{"values": t.values, "params": t.params} for t in two.trials]
json.dump(told, open(folder + "/told.json", "w"))
)python";

class OptunaStudies : public testing::Test {
 protected:
  void SetUp() override {
    if (std::system("/usr/bin/python3 -c 'import optuna' >/dev/null 2>&1") != 0)
      GTEST_SKIP() << "no python3-optuna here (./bootstrap --tests installs it)";
    const std::string script = folder_.write("make.py", kMakeStudies).string();
    const std::string folder = (folder_ / "").string();
    ASSERT_EQ(std::system(
                  ("/usr/bin/python3 '" + script + "' '" + folder + "' >'" + folder + "said' 2>&1")
                      .c_str()),
              0);
    std::ifstream(folder_ / "told.json") >> told_;
    RecordProperty("optuna", told_["version"].get<std::string>());
  }

  datasets::Log read(const std::string& file, datasets::LogOptions options = {}) const {
    return read_results((folder_ / file).string(), options).log;
  }

  // What columns say of a network, booleans as Python writes them; None as what is not there, which
  // tables cannot tell apart.
  static json params_of(const datasets::LogRow& row, const std::string& prefix) {
    json params = json::object();
    const datasets::Description description = datasets::parse_description(row.architecture);
    for (const auto& [name, value] : description.columns.items()) {
      if (value != "None") params[name.substr(prefix.size())] = value;
    }
    return params;
  }

  static json as_read(const json& params) {
    json read = json::object();
    for (const auto& [name, value] : params.items()) {
      if (value.is_null()) continue;
      read[name] = value.is_boolean() ? json(value.get<bool>() ? "True" : "False") : value;
    }
    return read;
  }

  // The finite rows of "one", in their order.
  void expect_one(const datasets::Log& log, const std::string& prefix) const {
    size_t next = 0;
    std::map<std::string, int> reasons;
    for (const datasets::LogRow& row : log.rows) {
      if (!row.value) {
        ++reasons[row.reason.empty() ? row.state : row.reason];
        continue;
      }
      ASSERT_LT(next, told_["rows"].size());
      const json& expected = told_["rows"][next++];
      EXPECT_EQ(row.value, expected["value"].get<double>());
      EXPECT_EQ(params_of(row, prefix), as_read(expected["params"]));
    }
    EXPECT_EQ(next, told_["rows"].size());
    EXPECT_EQ(reasons["pruned"], told_["states"]["PRUNED"].get<int>());
    EXPECT_EQ(reasons["infinite"], 3);
    EXPECT_FALSE(log.has_strings);
    EXPECT_EQ(log.measure.direction, Direction::minimize);
    EXPECT_EQ(log.features.size(), 7u);
  }

  tests::Folder folder_;
  json told_;
};

TEST_F(OptunaStudies, AreReadInEachFormWithTheSameRows) {
  for (const char* file : {"optuna.db", "optuna.journal"}) {
    SCOPED_TRACE(file);
    EXPECT_THAT(tests::usage_error([&] { read(file); }), HasSubstr("--study-name: one, two"));
    datasets::LogOptions options;
    options.study_name = "one";
    const datasets::Log log = read(file, options);
    EXPECT_EQ(log.measure.name, "value");
    expect_one(log, log.features.at(0).starts_with("params_") ? "params_" : "");
  }
  for (const char* file : {"flat.csv", "with_index.csv", "multi.csv"}) {
    SCOPED_TRACE(file);
    datasets::LogOptions options;
    EXPECT_THAT(tests::usage_error([&] { read(file, options); }),
                HasSubstr("Give --minimize or --maximize"));
    options.direction = Direction::minimize;
    expect_one(read(file, options), "params_");
  }
}

TEST_F(OptunaStudies, AreTablesToSearchIn) {
  // A grid of what was tried, in the order in which a network is called by its columns.
  Configuration configuration;
  configuration.space.kind = "sequence";
  configuration.space.sequence = {R"({"params_x":{},"params_y":{}})", {{"0"}, {"0"}}};
  for (const int column : {0, 1}) {
    std::vector<std::string>& alphabet = configuration.space.sequence.alphabets[column];
    alphabet.clear();
    for (const json& trial : told_["two"])
      alphabet.push_back(trial["params"][column == 0 ? "x" : "y"].dump());
  }
  configuration.strategy.kind = "random";
  configuration.strategy.schedule = {{1.0, 100}};
  configuration.evaluator.kind = "table";
  configuration.evaluator.table.file = folder_ / "two.csv";
  configuration.evaluator.table.target = "values_1";
  configuration.evaluator.objective.direction = Direction::minimize;
  configuration = settled(configuration);
  const auto study = create_study(folder_.url("study.db"), describe_study(configuration));
  EXPECT_EQ(work(*study, {}), SearchEnd::exhausted);
  double least = told_["two"][0]["values"][1];
  for (const json& trial : told_["two"]) least = std::min<double>(least, trial["values"][1]);
  EXPECT_EQ(study->best_trial(Direction::minimize)->value, least);
  EXPECT_EQ(study->counts().in(TrialState::complete), 12);
  EXPECT_EQ(study->counts().in(TrialState::failed), 0);
}

TEST_F(OptunaStudies, OfTwoObjectivesGiveTheOneThatIsNamed) {
  for (const char* file : {"optuna.db", "optuna.journal", "two.csv"}) {
    for (const int objective : {0, 1}) {
      SCOPED_TRACE(file);
      datasets::LogOptions options;
      options.study_name = std::string(file) == "two.csv" ? "" : "two";
      options.target = "values_" + std::to_string(objective);
      const Direction direction = objective == 0 ? Direction::maximize : Direction::minimize;
      if (options.study_name.empty()) options.direction = direction;
      const datasets::Log log = read(file, options);
      EXPECT_EQ(log.measure.direction, direction);
      ASSERT_EQ(log.rows.size(), told_["two"].size());
      for (size_t i = 0; i < log.rows.size(); ++i)
        EXPECT_EQ(log.rows[i].value, told_["two"][i]["values"][objective].get<double>());
    }
  }
}

}  // namespace
}  // namespace metaqnn::search
