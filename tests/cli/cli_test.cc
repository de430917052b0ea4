// The contract of the command line: what goes in, what comes out where, and with which exit status.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "metaqnn/architecture/architecture.h"
#include "metaqnn/architecture/shapes.h"
#include "metaqnn/base/random.h"
#include "metaqnn/search/agent/strategy.h"
#include "metaqnn/search/search.h"
#include "metaqnn/search/study/study.h"
#include "tests/cli/run_program.h"

namespace metaqnn::tests {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

const std::vector<std::string> kCommands{
    "describe",     "space",  "sample",   "search",   "worker",   "ask",
    "tell",         "status", "trials",   "q-values", "import",   "export",
    "config",       "screen", "finetune", "ensemble", "transfer", "predict-image",
    "export-model", "report", "fit",      "predict",  "evaluate", "rank"};

// Standard output is one JSON document and nothing else.
json json_of(const std::vector<std::string>& arguments) {
  const Result result = run(arguments);
  EXPECT_EQ(result.status, 0) << result.error;
  EXPECT_EQ(result.error, "");
  json document = json::parse(result.output, nullptr, false);
  EXPECT_FALSE(document.is_discarded()) << result.output;
  return document;
}

// The message, after checking that it is one line on standard error and nothing is printed.
std::string error_of(const std::vector<std::string>& arguments, int status) {
  const Result result = run(arguments);
  EXPECT_EQ(result.status, status) << result.error;
  EXPECT_EQ(result.output, "");
  EXPECT_EQ(count_lines(result.error), 1) << result.error;
  EXPECT_THAT(result.error, StartsWith("metaqnn: "));
  return result.error;
}

// A sequence space of 27 strings with a table of their accuracies.
class Cli : public testing::Test {
 protected:
  Cli() {
    std::string table = "architecture,accuracy\n";
    for (const char* first : {"a", "b", "c"}) {
      for (const char* second : {"a", "b", "c"}) {
        for (const char* third : {"a", "b", "c"}) {
          const std::string text = std::string(first) + "-" + second + "-" + third;
          table += text + "," + std::to_string(accuracy_of(text)) + "\n";
        }
      }
    }
    folder_.write("table.csv", table);
    folder_.write("search.toml", recipe("[[1.0, 8], [0.1, 4]]"));
  }

  static double accuracy_of(const std::string& text) {
    return static_cast<double>(stable_hash(text) % 1000) / 1000;
  }

  static std::string recipe(const std::string& schedule, const std::string& more = "",
                            const std::string& strategy = "") {
    return "seed = 2\n"
           "[space]\nkind = \"sequence\"\ntemplate = \"{}-{}-{}\"\n"
           "alphabet = [\"a\", \"b\", \"c\"]\n"
           "[strategy]\n" +
           strategy + "schedule = " + schedule +
           "\n[evaluator]\nkind = \"table\"\nfile = \"table.csv\"\ntarget = \"accuracy\"\n" + more;
  }

  std::string config() const { return (folder_ / "search.toml").string(); }
  std::string url() const { return folder_.url("study.db"); }

  Result search(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments{"search", "--config", config(), "--study", url()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  }

  // A study without trials.
  void make_empty_study() const {
    search::create_study(url(), search::describe_study(search::read_configuration(config())));
  }

  Folder folder_;
};

// ---- The program itself ----

TEST(Program, HelpOfEachCommandHasAnExampleThatNamesIt) {
  for (const std::string& command : kCommands) {
    const Result result = run({command, "--help"});
    EXPECT_EQ(result.status, 0) << command;
    EXPECT_EQ(result.error, "") << command;
    EXPECT_THAT(result.output, HasSubstr("Example:\n  metaqnn " + command + " "));
  }
}

TEST(Program, HelpFits80Columns) {
  std::string help = run({"--help"}).output;
  for (const std::string& command : kCommands) help += run({command, "--help"}).output;
  for (const std::string& line : lines_of(help)) EXPECT_LE(line.size(), 80u) << line;
}

// Every place in a text that calls the program: after "metaqnn " at the begin of a line of code, of
// a code span, or behind a folder.
std::vector<std::string> calls_in(const std::string& text) {
  std::vector<std::string> calls;
  for (const std::string& line : lines_of(text)) {
    const std::string name = "metaqnn ";
    for (size_t at = line.find(name); at != std::string::npos; at = line.find(name, at + 1)) {
      const bool is_code = at >= 4 && line.find_first_not_of(' ') == at;
      if (!is_code && (at == 0 || (line[at - 1] != '`' && line[at - 1] != '/'))) continue;
      const std::string call = line.substr(at + name.size());
      calls.push_back(call.substr(0, call.find_first_of("`#|(")));
    }
  }
  return calls;
}

TEST(Program, HasEveryCommandAndOptionThatADocumentNames) {
  std::map<std::string, std::string> helps;
  for (const std::string& command : kCommands) helps[command] = run({command, "--help"}).output;
  const std::filesystem::path root = METAQNN_SOURCE_DIR;
  std::vector<std::filesystem::path> files{root / "README.md", root / "CONTRIBUTING.md",
                                           root / "quickstart", root / "experiments/README.md"};
  for (const auto& file : std::filesystem::recursive_directory_iterator(root / "docs"))
    if (file.path().extension() == ".md") files.push_back(file.path());
  int checked = 0;
  for (const std::filesystem::path& file : files) {
    for (const std::string& call : calls_in(read_text(file))) {
      SCOPED_TRACE(file.string() + ": metaqnn " + call);
      std::istringstream words(call);
      std::string word;
      words >> word;
      if (word.empty() || word[0] == '-' || std::isupper(word[0])) continue;
      ASSERT_TRUE(helps.contains(word));
      const std::string& help = helps[word];
      for (++checked; words >> word;) {
        const std::string option = word.substr(0, word.find_first_of("=,;.)`"));
        if (option.rfind("--", 0) != 0) continue;
        EXPECT_THAT(help, HasSubstr(option));
      }
    }
  }
  EXPECT_GT(checked, 40);
}

TEST(Program, HelpListsTheCommands) {
  const Result result = run({"--help"});
  EXPECT_EQ(result.status, 0);
  for (const std::string& command : kCommands)
    EXPECT_THAT(result.output, HasSubstr("\n  " + command + " "));
}

TEST(Program, VersionNamesTheLibrariesAndSimd) {
  const Result result = run({"--version"});
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.output, StartsWith("metaqnn "));
  EXPECT_THAT(result.output, AllOf(HasSubstr("LibTorch"), HasSubstr("SIMD")));
}

TEST(Program, WrongUsageExitsWith2AndOneLineThatHelps) {
  EXPECT_THAT(error_of({}, 2), HasSubstr("--help"));
  EXPECT_THAT(error_of({"serach"}, 2), HasSubstr("did you mean search?"));
  EXPECT_THAT(error_of({"search", "--stduy", "sqlite:///x.db"}, 2),
              HasSubstr("search has no option --stduy; did you mean --study?"));
  EXPECT_THAT(error_of({"search", "--study=x", "--trails=3"}, 2),
              HasSubstr("search has no option --trails; did you mean --trials?"));
  EXPECT_THAT(error_of({"describe"}, 2), HasSubstr("ARCHITECTURE is required"));
  EXPECT_THAT(error_of({"describe", "[SM(10)]", "[SM(10)]"}, 2), HasSubstr("not expected"));
  EXPECT_THAT(error_of({"search"}, 2), HasSubstr("--study is required"));
  EXPECT_THAT(error_of({"search", "--study", "sqlite:///x.db", "--trials", "0"}, 2),
              HasSubstr("--trials"));
  EXPECT_THAT(error_of({"search", "--study", "sqlite:///x.db", "--seed", "9223372036854775808"}, 2),
              HasSubstr("--seed"));
  EXPECT_THAT(error_of({"status", "--study", "sqlite:///x.db", "--format", "yaml"}, 2),
              HasSubstr("json"));
}

TEST(Program, OutputThatCannotBeWrittenIsAFailure) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  const std::vector<std::string> commands{"config --defaults", "describe '[SM(10)]' --format json",
                                          "sample --count 2 --config '" METAQNN_SOURCE_DIR
                                          "/experiments/nasbench201_table.toml'"};
  for (const std::string& arguments : commands) {
    const int status =
        std::system(("'" METAQNN_PROGRAM "' " + arguments + " >/dev/full 2>/dev/null").c_str());
    EXPECT_EQ(WEXITSTATUS(status), 1) << arguments;
  }
}

// ---- describe ----

TEST(Describe, GivesTheFieldsOfTheContractAsJson) {
  const json document = json_of({"describe", "[C(64,3,1),P(2,2), FC(128),D(1,1),SM(10)]", "--input",
                                 "1x28x28", "--format", "json"});
  // C: 64 * 9 weights, 64 biases, 28 * 28 places; FC: 64 * 14 * 14 * 128 and 128; SM: 1280 and 10.
  EXPECT_EQ(document["architecture"], "[C(64,3,1), P(2,2), FC(128), D(1,1), SM(10)]");
  EXPECT_EQ(document["identity"], "[C(64,3,1), P(2,2), FC(128), SM(10)]");
  EXPECT_EQ(document["depth"], 3);
  EXPECT_EQ(document["hidden_weights"], 576 + 1605632);
  EXPECT_EQ(document["parameters"], 576 + 64 + 1605632 + 128 + 1280 + 10);
  EXPECT_EQ(document["macs"], 576 * 784 + 1605632 + 1280);
  EXPECT_GT(document["memory_bytes"], 0);
  ASSERT_EQ(document["layers"].size(), 5u);
  EXPECT_EQ(document["layers"][1]["layer"], "P(2,2)");
  EXPECT_EQ(document["layers"][1]["output"], "64x14x14");
  EXPECT_FALSE(document.contains("allowed"));
}

TEST(Describe, TakesColourImagesOfSize32ByDefault) {
  const json document = json_of({"describe", "[SM(10)]", "--format", "json"});
  EXPECT_EQ(document["input"], "3x32x32");
  EXPECT_EQ(document["parameters"], 30730);
}

TEST(Describe, PrintsATable) {
  const Result result = run({"describe", "[C(64,3,1), SM(10)]"});
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.output, AllOf(StartsWith("[C(64,3,1), SM(10)]\n"), HasSubstr("64x32x32"),
                                   HasSubstr("hidden weights   1,728")));
}

TEST(Describe, SaysWhetherTheSpaceOfAConfigurationAllowsIt) {
  const std::string config = METAQNN_SOURCE_DIR "/experiments/fashion_mnist_quick.toml";
  const json allowed =
      json_of({"describe", "[C(8,3,1), SM(10)]", "--config", config, "--format", "json"});
  EXPECT_EQ(allowed["allowed"], true);
  EXPECT_EQ(allowed["input"], "1x28x28");
  const json refused =
      json_of({"describe", "[P(2,2), SM(10)]", "--config", config, "--format", "json"});
  EXPECT_EQ(refused["allowed"], false);
  EXPECT_THAT(refused["refusal"].get<std::string>(), HasSubstr("no pooling at the start"));
}

// "batch_size = 32" and 3,000 + 500 images of 28 x 28 bytes, twice as many as 16-bit floats.
TEST(Describe, EstimatesTheMemoryThatATrialOfAConfigurationWouldBeGiven) {
  const Folder folder;
  const auto memory = [&](const std::string& data, const std::string& evaluator) {
    const std::string config =
        folder
            .write("memory.toml", "device = \"cpu\"\n[data]\nname = \"fashion_mnist\"\n" + data +
                                      "[evaluator]\nkind = \"train\"\nbatch_size = 32\n" +
                                      evaluator)
            .string();
    return json_of({"describe", "[C(8,3,1), SM(10)]", "--config", config, "--format", "json"});
  };
  const std::string sizes = "training_images = 3000\nvalidation_images = 500\n";
  const std::string float32 = "precision = \"float32\"\n", bfloat16 = "precision = \"bfloat16\"\n";
  const json one = memory(sizes, float32);
  EXPECT_EQ(one["memory_basis"], (json{{"batch_size", 32},
                                       {"precision", "float32"},
                                       {"images", 3500},
                                       {"device", "cpu"},
                                       {"device_is_here", true}}));
  const int64_t bytes = one["memory_bytes"];
  EXPECT_EQ(memory("training_images = 3001\nvalidation_images = 500\n", float32)["memory_bytes"],
            bytes + 28 * 28);
  EXPECT_EQ(memory(sizes + "preprocessing = \"local_contrast\"\n", float32)["memory_bytes"],
            bytes + 3500 * 28 * 28);
  EXPECT_LT(memory(sizes, bfloat16)["memory_bytes"], bytes);
  EXPECT_EQ(memory("", float32)["memory_basis"]["images"], 60000);
  EXPECT_THAT(memory(sizes, "")["memory_basis"]["precision"],
              testing::AnyOf("float32", "bfloat16"));

  const std::string config = (folder / "memory.toml").string();
  EXPECT_THAT(
      run({"describe", "[C(8,3,1), SM(10)]", "--config", config}).output,
      AllOf(HasSubstr(" (batch 32, "), HasSubstr("float"), HasSubstr(", 3,500 images, on cpu)")));
  EXPECT_THAT(run({"describe", "[SM(10)]"}).output,
              HasSubstr(" (batch 128, float32, 0 images, on cpu)"));
}

// A recipe for a GPU can be looked at on a laptop.
TEST(Describe, TakesAGpuThatIsNotHereAtItsWord) {
  const json basis =
      json_of({"describe", "[SM(10)]", "--config", METAQNN_SOURCE_DIR "/experiments/cifar10.toml",
               "--format", "json"})["memory_basis"];
  if (basis["device_is_here"]) GTEST_SKIP() << "there is a GPU";
  EXPECT_EQ(basis["device"], "cuda");
  EXPECT_EQ(basis["precision"], "float32");
  EXPECT_EQ(basis["images"], 50000);
}

TEST(Describe, OfAMalformedStringOrAnImpossibleShapeExitsWith2) {
  EXPECT_THAT(error_of({"describe", "[C(64,3,1)"}, 2), HasSubstr("column 11"));
  EXPECT_THAT(error_of({"describe", "[P(5,3), SM(10)]", "--input", "1x4x4"}, 2),
              HasSubstr("layer 1, P(5,3)"));
  EXPECT_THAT(error_of({"describe", "[SM(10)]", "--input", "32x32"}, 2), HasSubstr("3x32x32"));
  EXPECT_THAT(error_of({"describe", "[SM(10)]", "--config", "/none.toml"}, 2),
              HasSubstr("/none.toml"));
}

// ---- space, config ----

TEST_F(Cli, SpaceCountsStatesTransitionsAndArchitectures) {
  const json document = json_of({"space", "--config", config(), "--format", "json"});
  EXPECT_EQ(document["states"], 1 + 3 + 3);
  EXPECT_EQ(document["transitions"], 3 * 7);
  EXPECT_EQ(document["architectures"], "27");
  const Result table = run({"space", "--config", config()});
  EXPECT_EQ(table.status, 0);
  EXPECT_THAT(table.output, HasSubstr("architectures  27\n"));
}

TEST_F(Cli, AnUnknownConfigurationKeyExitsWith2AndNamesPlaceAndNearest) {
  const std::string file = folder_.write("wrong.toml", "[strategy]\nalhpa = 0.1\n").string();
  const std::string expected =
      "metaqnn: " + file + ":2:9: unknown key strategy.alhpa; did you mean strategy.alpha?\n";
  EXPECT_EQ(error_of({"space", "--config", file}, 2), expected);
  EXPECT_EQ(error_of({"search", "--config", file, "--study", url()}, 2), expected);
  EXPECT_EQ(error_of({"sample", "--config", file, "--count", "1"}, 2), expected);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "study.db"));
}

TEST_F(Cli, ConfigPrintsWhatItReads) {
  const Result defaults = run({"config", "--defaults"});
  EXPECT_EQ(defaults.status, 0);
  const std::string file = folder_.write("defaults.toml", defaults.output).string();
  const Result whole = run({"config", "--config", file});
  EXPECT_EQ(whole.status, 0) << whole.error;
  const std::string again = folder_.write("again.toml", whole.output).string();
  EXPECT_EQ(run({"config", "--config", again}).output, whole.output);
  error_of({"config"}, 2);
}

// ---- sample ----

TEST_F(Cli, SampleGivesDistinctArchitecturesAndTheSameForTheSameSeed) {
  const std::vector<std::string> arguments{"sample", "--config", config(), "--count",
                                           "20",     "--seed",   "4"};
  const Result first = run(arguments);
  EXPECT_EQ(first.status, 0) << first.error;
  const auto lines = lines_of(first.output);
  EXPECT_EQ(lines.size(), 20u);
  EXPECT_EQ(std::set<std::string>(lines.begin(), lines.end()).size(), 20u);
  EXPECT_EQ(run(arguments).output, first.output);
  auto other = arguments;
  other.back() = "5";
  EXPECT_NE(run(other).output, first.output);
  auto to_file = arguments;
  const std::string file = (folder_ / "drawn.txt").string();
  to_file.insert(to_file.end(), {"-o", file});
  const Result written = run(to_file);
  EXPECT_EQ(written.status, 0);
  EXPECT_EQ(written.output, "");
  EXPECT_EQ(read_text(file), first.output);
}

TEST_F(Cli, SampleFindsAllOfASmallSpaceAndSaysWhereItHasNoMore) {
  EXPECT_EQ(count_lines(run({"sample", "--config", config(), "--count", "27"}).output), 27);
  EXPECT_THAT(error_of({"sample", "--config", config(), "--count", "28"}, 1),
              HasSubstr("only 27 distinct architectures"));
}

TEST_F(Cli, SampleOfAStudyLeavesOutWhatItHasSeen) {
  ASSERT_EQ(search().status, 0);
  std::set<std::string> seen;
  for (const auto& trial : search::open_study(url())->trials(false))
    seen.insert(trial.architecture);
  for (const char* epsilon : {"0.1", "1"}) {
    const Result result = run({"sample", "--study", url(), "--epsilon", epsilon, "--count", "10"});
    EXPECT_EQ(result.status, 0) << result.error;
    const auto lines = lines_of(result.output);
    const std::set<std::string> drawn(lines.begin(), lines.end());
    EXPECT_EQ(drawn.size(), 10u);
    for (const std::string& architecture : drawn) EXPECT_FALSE(seen.contains(architecture));
    EXPECT_EQ(run({"sample", "--study", url(), "--epsilon", epsilon, "--count", "10"}).output,
              result.output);
  }
  error_of({"sample", "--study", url(), "--config", config(), "--count", "1"}, 2);
  error_of({"sample", "--count", "1"}, 2);
  error_of({"sample", "--study", url(), "--count", "1", "--epsilon", "1.5"}, 2);
}

// ---- search ----

TEST_F(Cli, EstimateOfATableIsItsSecondsForEachModel) {
  folder_.write("slow.toml", recipe("[[1.0, 8], [0.1, 4]]", "seconds_per_trial = 90\n"));
  const std::string slow = (folder_ / "slow.toml").string();
  const json document =
      json_of({"search", "--config", slow, "--estimate", "--workers", "2", "--format", "json"});
  EXPECT_EQ(document["evaluator"], "table");
  EXPECT_EQ(document["models"], 12);
  EXPECT_EQ(document["sample"], json::array());
  EXPECT_NEAR(document["hours"].get<double>(), 12 * 90.0 / 2 / 3600, 1e-12);
  const Result result = run({"search", "--config", slow, "--estimate", "--trials", "2"});
  EXPECT_EQ(result.status, 0) << result.error;
  EXPECT_THAT(result.output, AllOf(HasSubstr("Nothing is trained"), HasSubstr("3 min 00 s")));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "study.db"));
}

TEST_F(Cli, SearchRunsToTheEndOfTheScheduleAndThenSaysThatItIsDone) {
  const Result first = search();
  EXPECT_EQ(first.status, 0) << first.error;
  EXPECT_THAT(first.error, HasSubstr("12 models done"));
  const auto best = search::open_study(url())->best_trial();
  ASSERT_TRUE(best);
  EXPECT_THAT(first.output, AllOf(StartsWith("best 0."), HasSubstr(best->architecture)));
  EXPECT_EQ(best->validation_accuracy, accuracy_of(best->architecture));
  const auto samples = search::open_study(url())->counts().samples;

  const Result again = search();
  EXPECT_EQ(again.status, 0) << again.error;
  EXPECT_EQ(again.error, "12 models done\n");
  EXPECT_EQ(again.output, first.output);
  EXPECT_EQ(search::open_study(url())->counts().samples, samples);
}

TEST_F(Cli, SearchStopsAtExactlyTheNumberOfTrialsAskedFor) {
  for (const char* workers : {"1", "2"}) {
    SCOPED_TRACE(workers);
    const std::string study = folder_.url(std::string("study") + workers + ".db");
    for (int trials : {1, 7, 12}) {
      const Result result = run({"search", "--config", config(), "--study", study, "--trials",
                                 std::to_string(trials), "--workers", workers});
      EXPECT_EQ(result.status, 0) << result.error;
      const auto counts = search::open_study(study)->counts();
      EXPECT_EQ(counts.unique_models, trials);
      EXPECT_EQ(counts.reserved, 0);
    }
  }
}

TEST_F(Cli, SearchByEachStrategyTrainsEveryNetworkOnceWhateverTheNumberOfWorkers) {
  for (const std::string& kind : search::strategy_kinds()) {
    for (const char* workers : {"1", "2"}) {
      SCOPED_TRACE(kind + ", workers: " + workers);
      const std::string name = kind + workers;
      folder_.write("search.toml",
                    recipe("[[1.0, 15]]", "",
                           "kind = \"" + kind + "\"\ninitial_models = 5\npopulation = 5\n"));
      const Result result = run({"search", "--config", config(), "--study",
                                 folder_.url(name + ".db"), "--workers", workers});
      EXPECT_EQ(result.status, 0) << result.error;
      // Shown where it means something, and nowhere else.
      const std::string status = run({"status", "--study", folder_.url(name + ".db")}).output;
      for (const std::string& shown : {result.error, status})
        EXPECT_EQ(shown.find("epsilon") != std::string::npos, search::heeds_epsilon(kind)) << shown;
      EXPECT_EQ(search::open_study(folder_.url(name + ".db"))->counts().unique_models, 15);
    }
  }
}

TEST_F(Cli, SearchOfASpaceThatIsExhaustedEndsWithAMessage) {
  folder_.write("search.toml", recipe("[[1.0, 100]]"));
  const Result result = search({"--workers", "2"});
  EXPECT_EQ(result.status, 0) << result.error;
  EXPECT_THAT(result.error, HasSubstr("the space is exhausted: no new architecture was found"));
  EXPECT_THAT(result.error, HasSubstr("27 models done"));
  EXPECT_EQ(search::open_study(url())->counts().unique_models, 27);
}

TEST_F(Cli, SearchThatFoundNothingNewForTooLongDoesNotStartAgain) {
  // Without exploration the first network, better than the Q-values begin, is walked onto for ever.
  std::string table = "architecture,accuracy\n";
  for (char first : {'a', 'b', 'c'}) {
    for (char second : {'a', 'b', 'c'}) {
      for (char third : {'a', 'b', 'c'})
        table += std::string{first, '-', second, '-', third} + ",0.9\n";
    }
  }
  folder_.write("table.csv", table);
  folder_.write("search.toml", recipe("[[0.0, 20]]"));
  for (int start = 0; start < 2; ++start) {
    const Result result = search();
    EXPECT_EQ(result.status, 0) << result.error;
    EXPECT_THAT(result.error, HasSubstr("the space is exhausted: no new architecture was found"));
    const auto counts = search::open_study(url())->counts();
    EXPECT_EQ(counts.unique_models, 1);
    EXPECT_EQ(counts.samples, 10001);
    EXPECT_EQ(counts.repeats, 10000);
  }
}

TEST_F(Cli, SearchRefusesAStudyMadeWithAnotherConfiguration) {
  ASSERT_EQ(search({"--trials", "3"}).status, 0);
  folder_.write("other.toml", recipe("[[1.0, 7], [0.1, 5]]"));
  EXPECT_THAT(
      error_of({"search", "--config", (folder_ / "other.toml").string(), "--study", url()}, 2),
      AllOf(HasSubstr("[[1.0, 8], [0.1, 4]]"), HasSubstr("[[1.0, 7], [0.1, 5]]")));
  EXPECT_THAT(error_of({"search", "--config", config(), "--study", url(), "--seed", "9"}, 2),
              HasSubstr("seed"));
  EXPECT_THAT(error_of({"search", "--study", url(), "--seed", "9"}, 2),
              HasSubstr("the study's seed is 2"));
  EXPECT_EQ(search::open_study(url())->counts().unique_models, 3);
  // How many work on it, and where, decides no result.
  EXPECT_EQ(search({"--workers", "2", "--device", "cpu"}).status, 0);
}

TEST_F(Cli, SearchResumesWithoutItsConfiguration) {
  ASSERT_EQ(search({"--trials", "3"}).status, 0);
  std::filesystem::remove(config());
  const Result result = run({"search", "--study", url()});
  EXPECT_EQ(result.status, 0) << result.error;
  EXPECT_EQ(search::open_study(url())->counts().unique_models, 12);
}

TEST_F(Cli, SearchMakesNoStudyOutOfAConfigurationThatCannotWork) {
  const auto refuse = [&](const std::string& text, int status) {
    folder_.write("search.toml", text);
    const std::string message =
        error_of({"search", "--config", config(), "--study", url()}, status);
    EXPECT_FALSE(search::study_exists(url())) << message;
    return message;
  };
  const std::string good = recipe("[[1.0, 8]]");
  EXPECT_THAT(refuse(recipe("[[1.0, 0]]"), 2), HasSubstr("strategy.schedule"));
  EXPECT_THAT(refuse(recipe("[[1.0, 8]]", "architecture_column = \"cell\"\n"), 2),
              HasSubstr("no column 'cell'"));
  folder_.write("table.csv", "architecture,accuracy\n");
  EXPECT_THAT(refuse(good, 3), HasSubstr("no usable row"));
  std::filesystem::remove(folder_ / "table.csv");
  EXPECT_THAT(refuse(good, 3), HasSubstr("there is no such file"));
  EXPECT_THAT(error_of({"search", "--study", url()}, 2), HasSubstr("--config"));
}

TEST_F(Cli, WhatIsDoneNeedsNeitherTableNorImages) {
  ASSERT_EQ(search().status, 0);
  std::filesystem::remove(folder_ / "table.csv");
  const Result again = run({"search", "--study", url()});
  EXPECT_EQ(again.status, 0) << again.error;
  EXPECT_THAT(again.output, StartsWith("best "));
  EXPECT_EQ(run({"worker", "--study", url()}).status, 0);
  EXPECT_EQ(run({"search", "--study", url(), "--trials", "20"}).status, 3) << "has work to do";
}

TEST_F(Cli, SampleOfAStudyKeepsItsLimits) {
  folder_.write("log.csv", "architecture,state,validation_accuracy\n\"[SM(10)]\",complete,0.5\n");
  const std::string small =
      folder_
          .write("small.toml",
                 "[data]\nname = \"mnist\"\n[space]\ndepth_limit = 3\n[evaluator]\nkind = "
                 "\"train\"\nmax_parameters = 60000\n")
          .string();
  ASSERT_EQ(
      run({"import", (folder_ / "log.csv").string(), "--study", url(), "--config", small}).status,
      0);
  const Result drawn = run({"sample", "--study", url(), "--epsilon", "1", "--count", "20"});
  ASSERT_EQ(drawn.status, 0) << drawn.error;
  const std::vector<std::string> all = lines_of(drawn.output);
  EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), 20u);
  for (const std::string& text : all)
    EXPECT_LE(analyse(parse_architecture(text), {1, 28, 28}).parameters, 60000) << text;
}

TEST_F(Cli, TrialsShowThePrecisionWhereItDiffers) {
  ASSERT_EQ(run({"search", "--config", config(), "--study", url(), "--create-only"}).status, 0);
  const auto study = search::open_study(url());
  const int64_t worker = search::transact(
      *study, [&](bool) { return study->register_worker(search::this_process()); });
  const auto add = [&](const std::string& architecture, const std::string& precision) {
    search::transact(*study, [&](bool) {
      search::Trial trial;
      trial.architecture = architecture;
      trial.state = search::TrialState::running;
      trial = study->add_trial(trial, worker) > 0 ? *study->held_trial(worker) : trial;
      trial.state = search::TrialState::complete;
      trial.validation_accuracy = 0.5;
      trial.precision = precision;
      EXPECT_TRUE(study->finish_trial(trial, worker));
    });
  };
  add("a-a-a", "float32");
  EXPECT_THAT(run({"trials", "--study", url()}).output, Not(HasSubstr("precision")));
  add("a-a-b", "bfloat16");
  EXPECT_THAT(run({"trials", "--study", url()}).output,
              AllOf(HasSubstr("precision"), HasSubstr("float32"), HasSubstr("bfloat16")));
}

TEST_F(Cli, SecondsPerTrialImitatesSlowTraining) {
  folder_.write("search.toml", recipe("[[1.0, 8]]", "seconds_per_trial = 0.1\n"));
  ASSERT_EQ(search({"--trials", "2"}).status, 0);
  for (const auto& trial : search::open_study(url())->trials(false))
    EXPECT_GE(trial.seconds.value(), 0.1);
}

TEST_F(Cli, WorkerWorksOnAStudyThatExists) {
  ASSERT_EQ(search({"--trials", "3"}).status, 0);
  const Result result = run({"worker", "--study", url(), "--trials", "5"});
  EXPECT_EQ(result.status, 0) << result.error;
  EXPECT_EQ(result.output, "");
  EXPECT_EQ(search::open_study(url())->counts().unique_models, 5);
}

// ---- status, trials ----

TEST_F(Cli, StatusOfAStudyWithoutTrialsHasNullsForWhatIsUndefined) {
  make_empty_study();
  const json document = json_of({"status", "--study", url(), "--format", "json"});
  EXPECT_EQ(document["states"],
            (json{{"complete", 0}, {"failed", 0}, {"running", 0}, {"waiting", 0}, {"stopped", 0}}));
  EXPECT_EQ(document["unique_models"], 0);
  EXPECT_EQ(document["samples"], 0);
  EXPECT_EQ(document["epsilon"], 1.0);
  EXPECT_TRUE(document["best"].is_null());
  EXPECT_TRUE(document["models_per_hour"].is_null());
  EXPECT_TRUE(document["seconds_left"].is_null());
  EXPECT_EQ(json_of({"trials", "--study", url(), "--format", "json"}), json::array());
  EXPECT_EQ(run({"status", "--study", url()}).status, 0);
  EXPECT_EQ(run({"trials", "--study", url()}).status, 0);
}

TEST_F(Cli, StatusFollowsTheSearch) {
  ASSERT_EQ(search({"--trials", "9"}).status, 0);
  const auto study = search::open_study(url());
  const json halfway = json_of({"status", "--study", url(), "--format", "json"});
  EXPECT_EQ(halfway["states"]["complete"], 9);
  EXPECT_EQ(halfway["unique_models"], 9);
  EXPECT_EQ(halfway["samples"], study->counts().samples);
  EXPECT_EQ(halfway["epsilon"], 0.1);
  EXPECT_EQ(halfway["best"]["architecture"], study->best_trial()->architecture);
  EXPECT_EQ(halfway["best"]["validation_accuracy"], study->best_trial()->validation_accuracy);
  EXPECT_THAT(run({"status", "--study", url()}).output,
              AllOf(HasSubstr("models    9 of 12"), HasSubstr("metaqnn search --study " + url())));

  ASSERT_EQ(search().status, 0);
  const json done = json_of({"status", "--study", url(), "--format", "json"});
  EXPECT_EQ(done["unique_models"], 12);
  EXPECT_TRUE(done["epsilon"].is_null());
  EXPECT_EQ(done["seconds_left"], 0.0);
}

// Two models in 10 + 20 + 30 seconds; the time-out is no model. That is 120 an hour.
TEST_F(Cli, StatusCountsTheTimeOfFailuresButNotAsModels) {
  folder_.write("log.csv",
                "architecture,state,reason,validation_accuracy,seconds\n"
                "a-a-a,complete,,0.5,10\nb-b-b,failed,timeout,,30\nc-c-c,complete,,0.6,20\n");
  const Result imported =
      run({"import", (folder_ / "log.csv").string(), "--config", config(), "--study", url()});
  ASSERT_EQ(imported.status, 0) << imported.error;
  const auto status = [&] { return json_of({"status", "--study", url(), "--format", "json"}); };
  EXPECT_EQ(status()["states"]["failed"], 1);
  EXPECT_TRUE(status()["models_per_hour"].is_null()) << "nobody works on it";
  const auto study = search::open_study(url());
  for (int workers = 1; workers <= 2; ++workers) {
    search::transact(*study, [&](bool) { study->register_worker(search::this_process()); });
    EXPECT_DOUBLE_EQ(status()["models_per_hour"], 120 * workers);
  }
}

TEST_F(Cli, StatusTellsModelsBeyondTheSchedule) {
  ASSERT_EQ(search().status, 0);
  const auto study = search::open_study(url());
  search::transact(*study, [&](bool) {
    search::Trial trial;
    trial.architecture = "of-a-screening";
    trial.state = search::TrialState::complete;
    trial.validation_accuracy = 0.5;
    trial.origin = "screen";
    study->add_sample(study->add_trial(trial, 0), 0);
  });
  EXPECT_THAT(run({"status", "--study", url()}).output,
              HasSubstr("models    13; the 12 of the schedule are done"));
  const json trials = json_of({"trials", "--study", url(), "--format", "json"});
  EXPECT_TRUE(trials.back()["epsilon"].is_null()) << "no walk led to it";
  EXPECT_TRUE(json_of({"trials", "--samples", "--study", url(), "--format", "json"})
                  .back()["epsilon"]
                  .is_null());
}

TEST_F(Cli, SearchOnlyMakesTheStudyWhereThatIsAskedFor) {
  EXPECT_EQ(search({"--create-only"}).status, 0);
  EXPECT_EQ(search::open_study(url())->counts().samples, 0);
  EXPECT_EQ(search({"--create-only"}).status, 0) << "it is there already";
  EXPECT_EQ(search().status, 0);
  EXPECT_EQ(search::open_study(url())->counts().unique_models, 12);
}

TEST_F(Cli, SearchThatIsDoneGoesOnWithMoreTrialsOrALongerSchedule) {
  ASSERT_EQ(search({"--trials", "20"}).status, 0);
  EXPECT_EQ(search::open_study(url())->counts().unique_models, 12) << "the schedule ended first";
  const Result more = search({"--trials", "14"});
  EXPECT_EQ(more.status, 0) << more.error;
  EXPECT_THAT(more.error, HasSubstr("the schedule has 14 models now"));
  EXPECT_EQ(search::open_study(url())->counts().unique_models, 14);
  EXPECT_EQ(search().status, 0) << "the configuration that it was made with still fits";
  const auto schedule = [&] {
    return search::stored_configuration(*search::open_study(url())).strategy.schedule;
  };
  EXPECT_EQ(schedule(), (search::Schedule{{1.0, 8}, {0.1, 6}}));
  folder_.write("longer.toml", recipe("[[1.0, 8], [0.1, 7], [0.05, 2]]"));
  const Result longer =
      run({"search", "--config", (folder_ / "longer.toml").string(), "--study", url()});
  EXPECT_EQ(longer.status, 0) << longer.error;
  EXPECT_EQ(search::open_study(url())->counts().unique_models, 17);
  EXPECT_EQ(schedule(), (search::Schedule{{1.0, 8}, {0.1, 7}, {0.05, 2}}));
}

TEST_F(Cli, SearchStartedSixTimesAtOnceIsOneSearch) {
  constexpr int kSearches = 6;
  std::vector<std::unique_ptr<Program>> searches;
  for (int i = 0; i < kSearches; ++i) {
    searches.push_back(std::make_unique<Program>(
        std::vector<std::string>{"search", "--config", config(), "--study", url()}));
  }
  for (const auto& search : searches) {
    const Result result = search->wait();
    EXPECT_EQ(result.status, 0) << result.error;
  }
  const auto study = search::open_study(url());
  EXPECT_EQ(study->counts().unique_models, 12);
  EXPECT_EQ(study->trials(false).size(), 12u);
  EXPECT_TRUE(study->workers().empty());
}

TEST_F(Cli, SearchThatFindsNoNetworkThatLearnsFails) {
  std::string table = "architecture,state,reason,validation_accuracy\n";
  for (char first : {'a', 'b', 'c'}) {
    for (char second : {'a', 'b', 'c'}) {
      for (char third : {'a', 'b', 'c'})
        table += std::string{first, '-', second, '-', third} + ",failed,not learning,0.1\n";
    }
  }
  folder_.write("table.csv", table);
  std::string recipe_text = read_text(config());
  recipe_text.replace(recipe_text.find("\"accuracy\""), 10, "\"validation_accuracy\"");
  folder_.write("search.toml", recipe_text);
  const Result result = search();
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.error, HasSubstr("no network was found that learns: all 12 failed"));
}

TEST_F(Cli, SearchOfWhichTheStudyIsRemovedEnds) {
  folder_.write("search.toml", recipe("[[1.0, 20]]", "seconds_per_trial = 1\n"));
  Program search({"search", "--config", config(), "--study", url()});
  ASSERT_TRUE(eventually([&] {
    return search::study_exists(url()) &&
           search::open_study_to_read(url())->counts().unique_models > 0;
  }));
  std::filesystem::remove(folder_ / "study.db");
  const Result result = search.wait();
  EXPECT_EQ(result.status, 3);
  EXPECT_THAT(result.error, HasSubstr("was removed, moved or replaced while it was in use"));
  EXPECT_FALSE(search::study_exists(url()));
}

TEST_F(Cli, TrialsListsThemInOrderOrTheBest) {
  ASSERT_EQ(search().status, 0);
  const json all = json_of({"trials", "--study", url(), "--format", "json"});
  ASSERT_EQ(all.size(), 12u);
  std::vector<double> accuracies;
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i]["number"], i + 1);
    EXPECT_EQ(all[i]["state"], "complete");
    EXPECT_EQ(all[i]["epsilon"], i < 8 ? 1.0 : 0.1);
    EXPECT_EQ(all[i]["validation_accuracy"], accuracy_of(all[i]["architecture"]));
    EXPECT_TRUE(all[i]["parameters"].is_null());
    EXPECT_GE(all[i]["seconds"], 0.0);
    EXPECT_EQ(all[i]["reason"], "");
    EXPECT_EQ(all[i]["attempts"], 1);
    accuracies.push_back(all[i]["validation_accuracy"]);
  }
  std::sort(accuracies.rbegin(), accuracies.rend());
  const json best = json_of({"trials", "--study", url(), "--top", "3", "--format", "json"});
  ASSERT_EQ(best.size(), 3u);
  for (size_t i = 0; i < best.size(); ++i) EXPECT_EQ(best[i]["validation_accuracy"], accuracies[i]);

  const auto csv = lines_of(run({"trials", "--study", url(), "--format", "csv"}).output);
  ASSERT_EQ(csv.size(), 13u);
  EXPECT_THAT(csv[0], StartsWith("number,architecture,state,validation_accuracy,epsilon,"));
  EXPECT_THAT(csv[1], StartsWith("1," + all[0]["architecture"].get<std::string>() + ",complete,"));
  EXPECT_EQ(count_lines(run({"trials", "--study", url()}).output), 13);
  EXPECT_EQ(json_of({"trials", "--study", url(), "--state", "failed", "--format", "json"}),
            json::array());
  error_of({"trials", "--study", url(), "--state", "done"}, 2);
}

TEST_F(Cli, TopLeavesOutTrialsWithoutAnAccuracy) {
  folder_.write("table.csv",
                "architecture,state,reason,validation_accuracy\n"
                "a-a-a,complete,,0.5\nb-b-b,failed,not learning,0.1\n"
                "c-c-c,failed,out of memory,\n");
  std::string text = recipe("[[1.0, 3]]");
  text.erase(text.find("target = \"accuracy\"\n"), 20);
  folder_.write("search.toml", text);
  ASSERT_EQ(search().status, 0);  // exhausted: 24 of the 27 are not in the table
  const json best = json_of({"trials", "--study", url(), "--top", "10", "--format", "json"});
  ASSERT_EQ(best.size(), 2u);
  EXPECT_EQ(best[0]["architecture"], "a-a-a");
  EXPECT_EQ(best[1]["reason"], "not learning");
  const json failed =
      json_of({"trials", "--study", url(), "--state", "failed", "--format", "json"});
  EXPECT_EQ(failed.size(), 2u);
  EXPECT_EQ(json_of({"status", "--study", url(), "--format", "json"})["unique_models"], 2);
}

TEST_F(Cli, SamplesListsEveryWalk) {
  folder_.write("search.toml", recipe("[[1.0, 20]]"));
  ASSERT_EQ(search().status, 0);
  const json samples = json_of({"trials", "--samples", "--study", url(), "--format", "json"});
  EXPECT_EQ(static_cast<int64_t>(samples.size()), search::open_study(url())->counts().samples);
  EXPECT_GT(samples.size(), 20u);  // some walks met an architecture that was known
  for (size_t i = 0; i < samples.size(); ++i) {
    EXPECT_EQ(samples[i]["number"], i + 1);
    EXPECT_EQ(samples[i]["sequence"], i + 1);  // with one worker
    EXPECT_EQ(samples[i]["proposed_at"], i);
    EXPECT_EQ(samples[i]["validation_accuracy"], accuracy_of(samples[i]["architecture"]));
  }
  EXPECT_EQ(
      lines_of(run({"trials", "--samples", "--study", url(), "--format", "csv"}).output).size(),
      samples.size() + 1);
}

// ---- export, import ----

TEST_F(Cli, ExportAndImportGoAroundWithoutLoss) {
  folder_.write("search.toml", recipe("[[1.0, 20]]"));
  ASSERT_EQ(search().status, 0);
  const std::string csv = (folder_ / "export.csv").string();
  EXPECT_EQ(run({"export", "--study", url(), "-o", csv}).status, 0);
  EXPECT_EQ(run({"export", "--study", url()}).output, read_text(csv));
  const std::string copy = folder_.url("copy.db");
  const Result imported = run({"import", csv, "--study", copy, "--config", config()});
  EXPECT_EQ(imported.status, 0) << imported.error;
  const auto samples = search::open_study(url())->counts().samples;
  EXPECT_EQ(imported.output, "20 trials and " + std::to_string(samples) + " samples imported\n");
  EXPECT_EQ(run({"export", "--study", copy}).output, read_text(csv));
  // And straight from the study.
  const std::string direct = folder_.url("direct.db");
  ASSERT_EQ(run({"import", url(), "--study", direct, "--config", config()}).status, 0);
  EXPECT_EQ(run({"export", "--study", direct}).output, read_text(csv));
}

TEST_F(Cli, ExportWritesTheReplayForm) {
  ASSERT_EQ(search({"--trials", "4"}).status, 0);
  const Result result = run({"export", "--study", url(), "--format", "replay"});
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.output, StartsWith("net,accuracy_best_val,iter_best_val,"));
  EXPECT_EQ(count_lines(result.output),
            static_cast<int>(search::open_study(url())->counts().samples) + 1);
}

TEST_F(Cli, ImportShowsAtMostFiveProblemsAndThenACount) {
  std::string log = "architecture,accuracy\na-a-a,0.5\n";
  for (int i = 0; i < 8; ++i) log += "z-z-" + std::to_string(i) + ",0.5\n";
  folder_.write("log.csv", log);
  const Result result = run({"import", (folder_ / "log.csv").string(), "--target", "accuracy",
                             "--study", url(), "--config", config()});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.output, "1 trials and 1 samples imported, 8 rows left out\n");
  EXPECT_EQ(count_lines(result.error), 6);
  EXPECT_THAT(result.error, HasSubstr("log.csv:3: not in the space"));
  EXPECT_THAT(result.error, HasSubstr("3 more"));
}

TEST_F(Cli, ImportNeedsAConfigurationForANewStudyAndNoneForAnOldOne) {
  folder_.write("log.csv", "architecture,accuracy\na-a-a,0.5\n");
  const std::string log = (folder_ / "log.csv").string();
  EXPECT_THAT(error_of({"import", log, "--target", "accuracy", "--study", url()}, 2),
              HasSubstr("--config"));
  make_empty_study();
  EXPECT_THAT(
      error_of({"import", log, "--target", "accuracy", "--study", url(), "--config", config()}, 2),
      HasSubstr("leave --config out"));
  EXPECT_EQ(run({"import", log, "--target", "accuracy", "--study", url()}).status, 0);
  EXPECT_THAT(error_of({"import", log, "--target", "acuracy", "--study", url()}, 2),
              HasSubstr("did you mean 'accuracy'?"));
  error_of({"import", (folder_ / "none.csv").string(), "--study", url()}, 3);
}

// ---- Studies that cannot be read ----

const std::vector<std::vector<std::string>> kReadingCommands{
    {"status"}, {"trials"}, {"export"}, {"worker"}, {"sample", "--count", "1"}};

void expect_data_errors(const std::string& url, const std::string& expected) {
  for (auto arguments : kReadingCommands) {
    arguments.insert(arguments.end(), {"--study", url});
    EXPECT_THAT(error_of(arguments, 3), HasSubstr(expected)) << arguments[0];
  }
}

TEST_F(Cli, AMissingStudyExitsWith3) { expect_data_errors(url(), "there is no study"); }

TEST_F(Cli, AFileThatIsNoStudyExitsWith3) {
  const std::string text(5000, 'x');
  const auto file = folder_.write("study.db", text);
  expect_data_errors(url(), "study.db");
  error_of({"search", "--study", url()}, 3);
  EXPECT_EQ(read_text(file), text);  // and stays as it is
}

TEST_F(Cli, ADamagedStudyExitsWith3) {
  ASSERT_EQ(search().status, 0);
  const auto file = folder_ / "study.db";
  std::string bytes = read_text(file);
  std::fill(bytes.begin() + 4096, bytes.end(), '\x5a');
  folder_.write("study.db", bytes);
  expect_data_errors(url(), "damaged");
  error_of({"search", "--study", url()}, 3);
}

TEST_F(Cli, AStudyOfANewerFormatExitsWith3AndIsLeftAlone) {
  ASSERT_EQ(search({"--trials", "1"}).status, 0);
  const auto file = folder_ / "study.db";
  std::string bytes = read_text(file);
  bytes[63] = 99;  // the last byte of SQLite's user_version
  folder_.write("study.db", bytes);
  expect_data_errors(url(), "newer metaqnn (format 99");
  error_of({"search", "--study", url()}, 3);
  EXPECT_EQ(read_text(file), bytes);
}

TEST(StudyUrl, ThatIsMalformedExitsWith2) {
  for (const char* url : {"study.db", "sqlite:/study.db", "sqlite:///", "mysql://host/study"})
    EXPECT_THAT(error_of({"status", "--study", url}, 2), HasSubstr("sqlite:///")) << url;
}

}  // namespace
}  // namespace metaqnn::tests
