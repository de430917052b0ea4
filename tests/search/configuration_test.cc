#include "metaqnn/search/configuration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "metaqnn/base/error.h"
#include "tests/error_message.h"
#include "tests/folder.h"

namespace metaqnn::search {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

Configuration parse(const std::string& text) { return parse_configuration(text, "test.toml", "/"); }

std::string refusal(const std::string& text) {
  try {
    parse(text);
  } catch (const UsageError& error) {
    EXPECT_EQ(error.status(), ExitStatus::usage);
    return error.what();
  }
  return "accepted";
}

// "section.key" (or "key") to the text after the equals sign.
std::map<std::string, std::string> written_keys(const std::string& toml) {
  std::map<std::string, std::string> keys;
  std::istringstream in(toml);
  std::string section;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    if (line[0] == '[') {
      section = line.substr(1, line.size() - 2) + ".";
      continue;
    }
    const size_t equals = line.find(" = ");
    keys[section + line.substr(0, equals)] = line.substr(equals + 3);
  }
  return keys;
}

// Another value than the default for every key, in the form in which it is written back.
const std::map<std::string, std::string> kOtherValues{
    {"seed", "9223372036854775807"},
    {"workers", "3"},
    {"device", "\"cuda:0,cuda:2\""},
    {"data.name", "\"mnist\""},
    {"data.path", "\"/images\""},
    {"data.training_images", "3000"},
    {"data.validation_images", "2000"},
    {"data.input", "\"3x48x64\""},
    {"data.fit", "\"crop\""},
    {"data.class_names", "[\"bolt\", \"nut\"]"},
    {"data.test_share", "0.1"},
    {"data.test_seed", "2"},
    {"data.preprocessing", "\"local_contrast\""},
    {"data.mirror", "true"},
    {"data.translation", "5"},
    {"space.kind", "\"sequence\""},
    {"space.input", "\"1x28x28\""},
    {"space.classes", "7"},
    {"space.depth_limit", "12"},
    {"space.convolution_filters", "[8, 16]"},
    {"space.convolution_strides", "[1, 2]"},
    {"space.size_bins", "[9, 5, 1]"},
    {"space.convolution_fields", "[[1, 3], [1], []]"},
    {"space.pooling", "[[[2, 2]], [], []]"},
    {"space.fully_connected", "[true, false, true]"},
    {"space.fully_connected_neurons", "[64]"},
    {"space.fully_connected_in_a_row", "1"},
    {"space.fully_connected_may_grow", "true"},
    {"space.global_average_pooling", "false"},
    {"space.pooling_first", "true"},
    {"space.pooling_after_pooling", "true"},
    {"space.average_pooling", "true"},
    {"space.mixed_pooling", "true"},
    {"space.depthwise_convolution", "true"},
    {"space.batch_normalization", "true"},
    {"space.residual_layers", "2"},
    {"space.residual_filters", "[16]"},
    {"space.split_branches", "3"},
    {"space.split_layers", "2"},
    {"space.split_filters", "[8, 16]"},
    {"space.nested_lists", "true"},
    {"space.template", "\"{}-{}\""},
    {"space.alphabet", "[[\"a\", \"b\"], [\"c\"]]"},
    {"strategy.kind", "\"random\""},
    {"strategy.alpha", "0.1"},
    {"strategy.gamma", "0.9"},
    {"strategy.initial_q", "0.0"},
    {"strategy.replay", "128"},
    {"strategy.population", "7"},
    {"strategy.tournament", "3"},
    {"strategy.initial_models", "5"},
    {"strategy.exploration", "1.5"},
    {"strategy.candidates", "30"},
    {"strategy.schedule", "[[1.0, 32], [0.1, 8]]"},
    {"objective.measure", "\"latency_ms\""},
    {"objective.direction", "\"minimize\""},
    {"objective.measures", "[\"latency_ms\", \"f1\"]"},
    {"objective.directions", "[\"minimize\", \"maximize\"]"},
    {"objective.reference", "[25.0, 0.5]"},
    {"objective.reward_range", "[20.5, 2.0]"},
    {"objective.limits", "{ latency_ms = 25.0, \"peak memory\" = 1000000.0 }"},
    {"evaluator.kind", "\"table\""},
    {"evaluator.epochs", "4"},
    {"evaluator.batch_size", "64"},
    {"evaluator.learning_rate", "0.002"},
    {"evaluator.learning_rate_factor", "0.5"},
    {"evaluator.learning_rate_every", "2"},
    {"evaluator.adam_beta1", "0.8"},
    {"evaluator.adam_beta2", "0.99"},
    {"evaluator.adam_epsilon", "1e-07"},
    {"evaluator.weight_decay", "0.0005"},
    {"evaluator.batch_normalization", "true"},
    {"evaluator.dropout", "false"},
    {"evaluator.class_weights", "\"balanced\""},
    {"evaluator.chance_epochs", "5"},
    {"evaluator.learning_rates", "3"},
    {"evaluator.restart_factor", "0.3"},
    {"evaluator.chance_margin", "0.1"},
    {"evaluator.max_seconds", "60.5"},
    {"evaluator.max_parameters", "1000000"},
    {"evaluator.max_memory", "4000000000"},
    {"evaluator.precision", "\"bfloat16\""},
    {"evaluator.file", "\"/tables/results.csv\""},
    {"evaluator.latency_device", "\"cuda:0\""},
    {"evaluator.architecture_column", "\"net\""},
    {"evaluator.target", "\"cifar10_valid\""},
    {"evaluator.features", "[\"params\", \"proxy_*\"]"},
    {"evaluator.seconds_per_trial", "0.25"},
    {"evaluator.command", "[\"python3\", \"train.py\"]"},
    {"evaluator.folder", "\"/trainers\""},
    {"evaluator.grace_seconds", "1.5"},
    {"evaluator.result", "\"best\""},
    {"evaluator.keep", "true"},
    {"stopping.kind", "\"prediction\""},
    {"stopping.after", "2"},
    {"stopping.chance", "0.1"},
    {"stopping.top", "5"},
    {"stopping.initial", "8"},
    {"stopping.pause", "true"},
    {"stopping.max_checkpoints_bytes", "1000000.0"},
    {"final.optimizer", "\"adam\""},
    {"final.momentum", "0.8"},
    {"final.weight_decay", "0.0009"},
    {"final.schedule", "[[0.001, 2], [0.0001, 1]]"},
    {"final.translation", "2"},
    {"final.preprocessing", "\"mean\""},
    {"final.extra_images", "true"},
    {"final.training_images", "1000"},
    {"final.validation_images", "500"},
};

// Keys that belong together (tests/search/objectives_test.cc).
const std::set<std::string> kOfSeveralMeasures{"objective.measures", "objective.directions",
                                               "objective.reference"};

std::string as_toml(const std::string& key, const std::string& value) {
  const size_t dot = key.find('.');
  if (dot == std::string::npos) return key + " = " + value + "\n";
  return "[" + key.substr(0, dot) + "]\n" + key.substr(dot + 1) + " = " + value + "\n";
}

TEST(Configuration, EveryKeyCanBeSetAndChangesNothingElse) {
  const auto defaults = written_keys(to_toml({}));
  for (const auto& [key, value] : defaults)
    EXPECT_TRUE(kOtherValues.contains(key)) << key << " is missing in this test";
  for (const auto& [key, value] : kOtherValues) {
    auto expected = defaults;
    ASSERT_TRUE(expected.contains(key)) << key;
    if (kOfSeveralMeasures.contains(key)) continue;
    EXPECT_NE(expected[key], value) << key << " would be its default";
    expected[key] = value;
    EXPECT_EQ(written_keys(to_toml(parse(as_toml(key, value)))), expected) << key;
  }
}

TEST(Configuration, IsReadBackEqualFromWhatItWrites) {
  std::map<std::string, std::string> sections;  // text of each
  for (const auto& [key, value] : kOtherValues) {
    const size_t dot = key.find('.');
    sections[dot == std::string::npos ? "" : key.substr(0, dot)] +=
        key.substr(dot == std::string::npos ? 0 : dot + 1) + " = " + value + "\n";
  }
  std::string text;
  for (const auto& [section, keys] : sections)
    text += (section.empty() ? "" : "[" + section + "]\n") + keys;
  for (const Configuration& configuration : {Configuration(), parse(text)}) {
    const std::string plain = to_toml(configuration);
    EXPECT_EQ(to_toml(parse(plain)), plain);
    EXPECT_EQ(to_toml(parse(commented_toml(configuration))), plain);
  }
}

TEST(Configuration, HasACommandRunInTheFolderOfItsFile) {
  const auto folder = [](const std::string& keys, const fs::path& of_file) {
    return parse_configuration("[evaluator]\nkind = \"command\"\n" + keys, "test.toml", of_file)
        .evaluator.command.folder;
  };
  EXPECT_EQ(folder("", "/searches/one"), "/searches/one");
  EXPECT_EQ(folder("folder = \"../two\"", "/searches/one"), "/searches/two");
  EXPECT_EQ(folder("folder = \"/three/\"", "/searches/one"), "/three");
  EXPECT_EQ(folder("", ""), fs::current_path());
  const std::string stored =
      to_toml(parse_configuration("[evaluator]\nkind = \"command\"\n", "test.toml", "/one"));
  EXPECT_EQ(to_toml(parse(stored)), stored) << "also where a study is read";
}

TEST(Configuration, RefusesLimitsThatAreNoNumbersByName) {
  EXPECT_THAT(refusal("[objective]\nlimits = [1, 2]\n"),
              HasSubstr("objective.limits must be numbers by name, such as { latency_ms = 25.0 }"));
  EXPECT_THAT(refusal("[objective]\nlimits = { a = \"x\" }\n"), HasSubstr("must be a number"));
  EXPECT_THAT(refusal("[objective]\nlimits = { a = inf }\n"), HasSubstr("must be finite numbers"));
}

TEST(Configuration, WritesTextsWithQuotesAndLineBreaksSoThatTheyReadBack) {
  Configuration configuration;
  configuration.space.sequence.pattern = "a \"quoted\" \\ '{}'\n\t{}";
  configuration.space.sequence.alphabets = {{"x\"y", "'", "\\"}};
  const std::string plain = to_toml(configuration);
  const Configuration again = parse(plain);
  EXPECT_EQ(again.space.sequence.pattern, configuration.space.sequence.pattern);
  EXPECT_EQ(again.space.sequence.alphabets, configuration.space.sequence.alphabets);
  EXPECT_EQ(to_toml(again), plain);
}

TEST(Configuration, HasACommentAboveEachKey) {
  std::istringstream in(commented_toml({}));
  std::string before;
  for (std::string line; std::getline(in, line); before = line) {
    if (line.empty() || line[0] == '#' || line[0] == '[') continue;
    EXPECT_THAT(before, StartsWith("# ")) << line;
  }
}

TEST(Configuration, OfAnEmptyTextIsTheDefaults) {
  EXPECT_EQ(to_toml(parse("")), to_toml({}));
  EXPECT_EQ(to_toml(parse("# nothing\n\n[strategy]\n")), to_toml({}));
}

// ---- Types and ranges ----

TEST(Configuration, TakesAWholeNumberWhereARealOneIsWanted) {
  EXPECT_EQ(parse("[strategy]\nalpha = 1\n").strategy.alpha, 1.0);
  EXPECT_EQ(parse("[strategy]\nschedule = [[1, 5]]\n").strategy.schedule, (Schedule{{1.0, 5}}));
}

TEST(Configuration, RefusesTheWrongTypeWithItsPlace) {
  EXPECT_EQ(refusal("seed = 1\nworkers = \"two\"\n"),
            "test.toml:2:11: workers must be a whole number");
  EXPECT_EQ(refusal("workers = 1.5\n"), "test.toml:1:11: workers must be a whole number");
  EXPECT_EQ(refusal("device = 3\n"), "test.toml:1:10: device must be a text in quotes");
  EXPECT_EQ(refusal("[data]\nmirror = 1\n"), "test.toml:2:10: data.mirror must be true or false");
  EXPECT_EQ(refusal("[strategy]\nalpha = \"0.1\"\n"),
            "test.toml:2:9: strategy.alpha must be a number");
  EXPECT_EQ(refusal("[space]\nconvolution_filters = 64\n"),
            "test.toml:2:23: space.convolution_filters must be a list");
  EXPECT_EQ(refusal("[strategy]\nschedule = [[1.0, 5, 3]]\n"),
            "test.toml:2:12: strategy.schedule must be a pair such as [1.0, 1500]");
  EXPECT_EQ(refusal("[space]\nalphabet = [[\"a\"], \"b\"]\n"),
            "test.toml:2:12: space.alphabet must be a list");
  EXPECT_EQ(refusal("space = 3\n"), "test.toml:1:9: space is a section: write [space]");
  EXPECT_EQ(refusal("[[space]]\nclasses = 3\n"),
            "test.toml:1:1: space is a section: write [space]");
  EXPECT_THAT(refusal("[seed]\nvalue = 3\n"), HasSubstr("seed must be a whole number"));
  EXPECT_THAT(refusal("seed = 2026-11-24\n"), HasSubstr("seed must be a whole number"));
}

TEST(Configuration, RefusesValuesOutOfRangeWithPlaceRuleAndValue) {
  EXPECT_EQ(refusal("workers = 0\n"),
            "test.toml:1:11: workers must be at least 1 and at most 1024, not 0");
  EXPECT_EQ(refusal("\n\n[data]\ntranslation = 65\n"),
            "test.toml:4:15: data.translation must be at least 0 and at most 64, not 65");
  EXPECT_EQ(refusal("[evaluator]\nlearning_rate = 0\n"),
            "test.toml:2:17: evaluator.learning_rate must be above 0, not 0.0");
  EXPECT_EQ(refusal("[evaluator]\nadam_beta1 = 1.0\n"),
            "test.toml:2:14: evaluator.adam_beta1 must be at least 0 and below 1, not 1.0");
  EXPECT_EQ(refusal("[strategy]\nalpha = -0.5\n"),
            "test.toml:2:9: strategy.alpha must be at least 0 and at most 1, not -0.5");
  for (const char* number : {"nan", "inf", "-inf"}) {
    for (const char* key :
         {"[strategy]\nalpha", "[strategy]\ngamma", "[strategy]\ninitial_q",
          "[evaluator]\nlearning_rate", "[evaluator]\nlearning_rate_factor",
          "[evaluator]\nadam_beta1", "[evaluator]\nadam_beta2", "[evaluator]\nadam_epsilon",
          "[evaluator]\nweight_decay", "[evaluator]\nrestart_factor", "[evaluator]\nchance_margin",
          "[evaluator]\nmax_seconds", "[evaluator]\nseconds_per_trial"}) {
      EXPECT_THAT(refusal(std::string(key) + " = " + number + "\n"), HasSubstr(" must be "))
          << key << " = " << number;
    }
  }
}

TEST(Configuration, TakesADirectionByItsNameAndARangeFromWorstToBest) {
  const auto error = [](const std::string& lines) {
    return tests::usage_error([&] { parse("[objective]\n" + lines); });
  };
  EXPECT_THAT(error("direction = \"down\""), HasSubstr("objective.direction must be maximize or "
                                                       "minimize, not \"down\""));
  for (const char* range : {"[1.0]", "[1.0, 2.0, 3.0]", "[2.0, 2.0]", "[0.0, inf]"})
    EXPECT_THAT(error(std::string("reward_range = ") + range),
                HasSubstr("objective.reward_range must be the worst and the best value"));
  const Objective& objective =
      parse("[objective]\nmeasure = \"loss\"\ndirection = \"minimize\"\nreward_range = [3, 0.5]")
          .evaluator.objective;
  EXPECT_EQ(objective, (Objective{"loss", datasets::Direction::minimize, std::pair(3.0, 0.5)}));
}

TEST(Configuration, RefusesHugeNumbers) {
  EXPECT_EQ(refusal("workers = 2147483648\n"),
            "test.toml:1:11: workers must be a whole number from -2147483648 to 2147483647");
  EXPECT_EQ(refusal("seed = -1\n"),
            "test.toml:1:8: seed must be a whole number from 0 to 9223372036854775807");
  EXPECT_THAT(refusal("seed = 9223372036854775808\n"), StartsWith("test.toml:1:"));
  EXPECT_THAT(refusal("[evaluator]\nlearning_rate = 1e999\n"), StartsWith("test.toml:2:"));
}

TEST(Configuration, RefusesCountsBeyondAnyUseWithTheirRange) {
  const std::map<std::string, std::string> largest{{"workers", "1024"},
                                                   {"data.training_images", "100000000"},
                                                   {"data.validation_images", "100000000"},
                                                   {"space.classes", "65536"},
                                                   {"strategy.replay", "10000000"},
                                                   {"strategy.population", "10000000"},
                                                   {"strategy.tournament", "10000000"},
                                                   {"strategy.initial_models", "10000000"},
                                                   {"strategy.candidates", "10000000"},
                                                   {"evaluator.epochs", "1000000"},
                                                   {"evaluator.batch_size", "100000000"},
                                                   {"evaluator.learning_rate_every", "1000000"},
                                                   {"evaluator.learning_rates", "1000"},
                                                   {"final.training_images", "100000000"},
                                                   {"final.validation_images", "100000000"}};
  for (const auto& [key, most] : largest) {
    EXPECT_EQ(refusal(as_toml(key, most)), "accepted") << key;
    EXPECT_THAT(refusal(as_toml(key, std::to_string(std::stoll(most) + 1))),
                HasSubstr(key + " must be at least "));
    EXPECT_THAT(refusal(as_toml(key, "2000000000")), HasSubstr("and at most " + most + ", not "));
    EXPECT_THAT(refusal(as_toml(key, "99999999999999999999")), StartsWith("test.toml:"));
  }
  EXPECT_THAT(refusal("[final]\nschedule = [[0.1, 1000001]]\n"), HasSubstr("at most a million"));
}

TEST(Configuration, RefusesUnknownChoicesWithTheValidOnes) {
  EXPECT_EQ(refusal("[space]\nkind = \"rnn\"\n"),
            "test.toml:2:8: space.kind must be cnn or sequence, not \"rnn\"");
  EXPECT_THAT(refusal("[strategy]\nkind = \"greedy\"\n"), HasSubstr("q_learning"));
  EXPECT_THAT(refusal("[evaluator]\nkind = \"oracle\"\n"),
              HasSubstr("train, table, command or told"));
  EXPECT_THAT(refusal("[evaluator]\nprecision = \"float16\"\n"), HasSubstr("float32"));
  EXPECT_THAT(refusal("[data]\npreprocessing = \"whiten\"\n"), HasSubstr("standardize"));
}

TEST(Configuration, RefusesAPathWithAPasswordAndDoesNotRepeatIt) {
  for (const char* key : {"[data]\npath", "[evaluator]\nfile"}) {
    const std::string message =
        refusal(std::string(key) + " = \"postgresql://me:s3cr3t@host/db\"\n");
    EXPECT_THAT(message, HasSubstr("must be a path without a password"));
    EXPECT_THAT(message, testing::Not(HasSubstr("s3cr3t")));
  }
}

TEST(Configuration, RefusesDeepNestingWithItsLine) {
  std::string dots = "a";
  for (int i = 0; i < 50000; ++i) dots += ".a";
  const std::string open(100000, '[');
  for (const std::string& deep : {"[" + dots + "]", open + "a", dots + " = 1", "a = " + open,
                                  "a = [{b = " + open, "a = \"\"\"\n\"\"\"\"\"\nb = " + open}) {
    EXPECT_THAT(refusal("seed = 1\n\n" + deep),
                testing::MatchesRegex("test.toml:[35]: brackets or dotted keys are nested .*"))
        << deep.substr(0, 20);
  }
  // What is quoted or behind a # is no nesting.
  EXPECT_EQ(refusal("[space]\ntemplate = \"" + open + "{}\"  # " + open + "\n"), "accepted");
}

TEST(Configuration, QuotesOfAMegabyteOnlyItsBeginning) {
  const std::string megabyte(1000000, 'x');
  for (const std::string& text :
       {"[space]\nkind = \"" + megabyte + "\"\n", megabyte + " = 1\n",
        "[" + megabyte + "]\na = 1\n", "[data]\npreprocessing = \"" + megabyte + "\"\n"}) {
    const std::string message = refusal(text);
    EXPECT_LT(message.size(), 500u);
    EXPECT_THAT(message, HasSubstr("xxx..."));
  }
}

// ---- Names ----

TEST(Configuration, RefusesUnknownKeysWithTheNearestName) {
  EXPECT_EQ(refusal("sead = 1\n"), "test.toml:1:8: unknown key sead; did you mean seed?");
  EXPECT_EQ(refusal("[strategy]\n\nalhpa = 0.1\n"),
            "test.toml:3:9: unknown key strategy.alhpa; did you mean strategy.alpha?");
  EXPECT_THAT(refusal("[evaluater]\nkind = \"table\"\n"),
              HasSubstr("unknown key evaluater; did you mean evaluator?"));
  // A key of another section is not valid here.
  EXPECT_THAT(refusal("[data]\nalpha = 0.1\n"), HasSubstr("unknown key data.alpha"));
  EXPECT_THAT(refusal("alpha = 0.1\n"), HasSubstr("unknown key alpha"));
}

TEST(Configuration, RefusesMalformedTomlWithFileLineAndColumn) {
  const std::string message = refusal("seed = 1\nworkers = = 2\n");
  EXPECT_THAT(message, StartsWith("test.toml:2:"));
  EXPECT_EQ(message.find('\n'), std::string::npos);
  EXPECT_THAT(refusal("[space\n"), StartsWith("test.toml:1:"));
  EXPECT_THAT(refusal("seed = 1\nseed = 2\n"), StartsWith("test.toml:2:"));
  EXPECT_THAT(refusal(std::string("seed = 1\n\0\n", 11)), StartsWith("test.toml:2:"));
  EXPECT_THAT(refusal("device = \"\xff\"\n"), StartsWith("test.toml:1:"));
}

// ---- The bins and the alphabets ----

TEST(Configuration, ListsOverBinsMustBeAsLongAsSizeBins) {
  const std::string expected = "must be a list of 3 values, one for each of size_bins";
  EXPECT_THAT(refusal("[space]\nconvolution_fields = [[1], [1]]\n"), HasSubstr(expected));
  EXPECT_THAT(refusal("[space]\npooling = [[], [], [], []]\n"), HasSubstr(expected));
  EXPECT_THAT(refusal("[space]\nfully_connected = true\n"), HasSubstr(expected));
  EXPECT_THAT(refusal("[space]\nsize_bins = [4, 1]\nfully_connected = [true, true, true]\n"),
              HasSubstr("must be a list of 2 values"));
}

TEST(Configuration, ReadsSizeBinsBeforeTheListsOverThem) {
  const auto& bins = parse(
                         "[space]\nfully_connected = [false, true]\npooling = [[[2, 2]], []]\n"
                         "convolution_fields = [[3], []]\nsize_bins = [6, 1]\n")
                         .space.cnn.bins;
  ASSERT_EQ(bins.size(), 2u);
  EXPECT_EQ(bins[0].smallest, 6);
  EXPECT_EQ(bins[0].convolution_fields, (std::vector<int>{3}));
  EXPECT_EQ(bins[0].pooling, (std::vector<Pooling>{{2, 2}}));
  EXPECT_FALSE(bins[0].fully_connected);
  EXPECT_TRUE(bins[1].fully_connected);
}

TEST(Configuration, TakesOneAlphabetForAllSlotsOrAListOfLists) {
  using Alphabets = std::vector<std::vector<std::string>>;
  EXPECT_EQ(parse("[space]\nalphabet = [\"a\", \"b\"]\n").space.sequence.alphabets,
            (Alphabets{{"a", "b"}}));
  EXPECT_EQ(parse("[space]\nalphabet = [[\"a\", \"b\"]]\n").space.sequence.alphabets,
            (Alphabets{{"a", "b"}}));
  EXPECT_EQ(parse("[space]\nalphabet = [[\"a\"], [\"b\", \"c\"]]\n").space.sequence.alphabets,
            (Alphabets{{"a"}, {"b", "c"}}));
  EXPECT_EQ(parse("[space]\nalphabet = []\n").space.sequence.alphabets, (Alphabets{}));
}

// ---- Files ----

class ConfigurationFile : public testing::Test {
 protected:
  ConfigurationFile()
      : folder_(fs::path(testing::TempDir()) /
                ("metaqnn_configuration_test_" + std::to_string(getpid()))) {
    fs::create_directories(folder_);
  }
  ~ConfigurationFile() override { fs::remove_all(folder_); }

  fs::path write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return folder_ / name;
  }

  fs::path folder_;
};

TEST_F(ConfigurationFile, ThatIsEmptyIsTheDefaults) {
  EXPECT_EQ(to_toml(read_configuration(write("empty.toml", ""))), to_toml({}));
}

TEST_F(ConfigurationFile, TakesRelativePathsFromItsOwnFolder) {
  const std::string text = "[data]\npath = \"images\"\n[evaluator]\nfile = \"../table.csv\"\n";
  const Configuration configuration = read_configuration(write("search.toml", text));
  EXPECT_EQ(configuration.data.path, folder_ / "images");
  EXPECT_EQ(configuration.evaluator.table.file, folder_.parent_path() / "table.csv");
  // Neither the current folder nor another one changes what is written back.
  const std::string plain = to_toml(configuration);
  EXPECT_EQ(to_toml(parse_configuration(plain, "again", "/elsewhere")), plain);
}

TEST_F(ConfigurationFile, LeavesAbsoluteAndEmptyPathsAlone) {
  const Configuration configuration =
      read_configuration(write("search.toml", "[evaluator]\nfile = \"/tables/x.csv\"\n"));
  EXPECT_EQ(configuration.data.path, "");
  EXPECT_EQ(configuration.evaluator.table.file, "/tables/x.csv");
}

TEST_F(ConfigurationFile, IsNamedInEveryError) {
  const fs::path file = write("search.toml", "seed = 1\nworker = 2\n");
  try {
    read_configuration(file);
    FAIL() << "accepted";
  } catch (const UsageError& error) {
    EXPECT_EQ(error.what(), file.string() + ":2:10: unknown key worker; did you mean workers?");
  }
}

TEST_F(ConfigurationFile, ThatIsMissingOrAFolderIsAUsageError) {
  EXPECT_THROW(read_configuration(folder_ / "none.toml"), UsageError);
  EXPECT_THROW(read_configuration(folder_), UsageError);
}

TEST_F(ConfigurationFile, OfEachRecipeIsReadAndBuildsItsSpace) {
  int recipes = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(METAQNN_SOURCE_DIR) / "experiments")) {
    if (entry.path().extension() != ".toml") continue;
    SCOPED_TRACE(entry.path());
    ++recipes;
    Configuration configuration = read_configuration(entry.path());
    if (configuration.data.name == "folder") configuration.data.class_names = {"bolt", "nut"};
    const Space space = build_space(configuration);
    EXPECT_GT(space.transitions(), 0);
    EXPECT_NO_THROW(make_strategy(configuration.strategy, space, configuration.seed));
    EXPECT_EQ(to_toml(parse(to_toml(configuration))), to_toml(configuration));
  }
  EXPECT_GT(recipes, 0);
}

// ---- What is left open ----

// A folder with so many pictures of each of two classes, none of which need be one: nothing but
// their names is looked at where the input is told.
Configuration of_pictures(const tests::Folder& folder, int of_each, const std::string& more = "") {
  for (const std::string name : {"bolt", "nut"}) {
    fs::create_directories(folder / name);
    for (int i = 0; i < of_each; ++i) folder.write(name + "/" + std::to_string(i) + ".png", "");
  }
  return parse("[data]\nname = \"folder\"\npath = \"" + folder.path().string() +
               "\"\ninput = \"3x8x8\"\n" + more);
}

TEST(SettledConfiguration, HasItsClassesAndSizesFromTheFolder) {
  const tests::Folder folder;
  const Configuration configuration = settled(of_pictures(folder, 1000));
  EXPECT_THAT(configuration.data.class_names, testing::ElementsAre("bolt", "nut"));
  EXPECT_EQ(configuration.data.input, "3x8x8");
  EXPECT_EQ(configuration.data.validation_images, 320);  // 2000, less a fifth to test with, a fifth
  const TrainingSettings& training = configuration.evaluator.training;
  EXPECT_EQ(training.batch_size, 32);  // 1280 / 64 = 20 steps would be fewer than 30
  EXPECT_EQ(training.epochs, 30);      // of 40 steps, 1200 in all
  EXPECT_EQ(training.learning_rate_every, 10);
  EXPECT_EQ(training.chance_epochs, 8);  // 300 steps
  EXPECT_TRUE(training.batch_normalization);
  EXPECT_FALSE(training.dropout);
  EXPECT_EQ(build_space(configuration).classes(), 2);
  EXPECT_EQ(to_toml(settled(configuration)), to_toml(configuration));
}

TEST(SettledConfiguration, KeepsWhatItIsToldAndIsResumedAsItWas) {
  const tests::Folder folder;
  const Configuration given =
      of_pictures(folder, 100, "validation_images = 7\n[evaluator]\nbatch_size = 5\nepochs = 3\n");
  const Configuration stored = settled(given);
  EXPECT_EQ(stored.data.validation_images, 7);
  EXPECT_EQ(stored.evaluator.training.batch_size, 5);
  EXPECT_EQ(stored.evaluator.training.epochs, 3);
  fs::remove_all(folder / "nut");  // what the folder has become is not asked
  EXPECT_EQ(to_toml(settled_as(given, stored)), to_toml(stored));
}

TEST(SettledConfiguration, NamesTheKeyOfAnInputThatIsNone) {
  const tests::Folder folder;
  Configuration configuration = of_pictures(folder, 5);
  const auto refused = [&](const std::string& input) {
    configuration.data.input = input;
    return tests::usage_error([&] { settled(configuration); });
  };
  EXPECT_EQ(refused("3x32"),
            "data.input: shape '3x32': expected CHANNELSxHEIGHTxWIDTH, for example 3x32x32, each "
            "from 1 to 65536");
  EXPECT_EQ(refused("2x8x8"),
            "data.input: 2x8x8 has 2 channels; pictures become images of 1 (grey) or 3 (colours)");
}

TEST(SettledConfiguration, OfAKnownSetLeavesThePapersSettingsAlone) {
  const Configuration configuration = parse("[data]\nname = \"cifar10\"\n");
  EXPECT_EQ(to_toml(settled(configuration)), to_toml(configuration));
  EXPECT_EQ(configuration.evaluator.training.batch_size, 128);
  const Configuration open = parse("[data]\nname = \"mnist\"\nvalidation_images = 0\n");
  EXPECT_EQ(settled(open).data.validation_images, 12000);
}

// ---- The space of a configuration ----

TEST(BuildSpace, TakesInputAndClassesFromTheDataSetUnlessTheyAreGiven) {
  const Space of_data = build_space(parse("[data]\nname = \"mnist\"\n[space]\ndepth_limit = 2\n"));
  EXPECT_EQ(of_data.input(), (Shape{1, 28, 28}));
  EXPECT_EQ(of_data.classes(), 10);
  const Space given =
      build_space(parse("[space]\ndepth_limit = 2\ninput = \"3x16x16\"\nclasses = 4\n"));
  EXPECT_EQ(given.input(), (Shape{3, 16, 16}));
  EXPECT_EQ(given.classes(), 4);
  const Space mixed = build_space(
      parse("[data]\nname = \"mnist\"\n[space]\ndepth_limit = 2\ninput = \"1x14x14\"\n"));
  EXPECT_EQ(mixed.input(), (Shape{1, 14, 14}));
  EXPECT_EQ(mixed.classes(), 10);
}

TEST(BuildSpace, SaysWhatIsMissing) {
  EXPECT_THROW(build_space(parse("")), UsageError);
  EXPECT_THROW(build_space(parse("[space]\ninput = \"3x32x32\"\n")), UsageError);
  EXPECT_THROW(build_space(parse("[data]\nname = \"minst\"\n")), UsageError);
  EXPECT_THROW(build_space(parse("[space]\nkind = \"sequence\"\n")), UsageError);
}

TEST(BuildSpace, BuildsASequenceSpaceWithoutADataSet) {
  const Space space =
      build_space(parse("[space]\nkind = \"sequence\"\ntemplate = \"{}-{}\"\nalphabet = [[\"a\", "
                        "\"b\"], [\"c\"]]\n"));
  EXPECT_EQ(space.architectures(), "2");
  EXPECT_EQ(space.input(), std::nullopt);
}

}  // namespace
}  // namespace metaqnn::search
