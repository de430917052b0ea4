// fit, predict, evaluate and rank as a user calls them, on the project's own search log.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/cli/run_program.h"

namespace metaqnn::tests {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const std::string kLog = METAQNN_SOURCE_DIR "/experiments/results/fashion_mnist_log.csv";
const std::string kQuick = METAQNN_SOURCE_DIR "/experiments/fashion_mnist_quick.toml";

json evaluate(std::vector<std::string> options) {
  std::vector<std::string> words{"evaluate", "--format", "json"};
  words.insert(words.end(), options.begin(), options.end());
  const Result result = run(words);
  EXPECT_EQ(result.status, 0) << result.error;
  return json::parse(result.output);
}

TEST(Evaluate, PrintsEveryMethodAndBaselineWithItsFigures) {
  const json result = evaluate({"--log", kLog, "--train-size", "60", "--repeats", "2"});
  EXPECT_EQ(result["train"], 60);
  EXPECT_GT(result["test"], 900);
  EXPECT_GT(result["test_variance"], 0);
  EXPECT_EQ(result["not_learning"], 114);
  std::vector<std::string> names;
  for (const json& method : result["methods"]) {
    names.push_back(method["method"]);
    for (const char* key : {"l2_loss", "r2", "kendall_tau", "spearman", "r2_std", "fit_seconds",
                            "predict_seconds", "hyperparameters"})
      EXPECT_TRUE(method.contains(key)) << key;
    for (const char* key : {"mean_accuracy", "best_true_rank", "regret"})
      EXPECT_TRUE(method["top10"].contains(key)) << key;
  }
  EXPECT_THAT(names, ElementsAre("lls", "rbf-ls", "ed-ls", "rbf-mr", "ed-mr", "combined", "mean",
                                 "depth", "log-parameters", "nearest"));
  EXPECT_GT(result["methods"][5]["r2"], 0.8);                  // combined
  EXPECT_TRUE(result["methods"][6]["kendall_tau"].is_null());  // mean
}

TEST(Evaluate, FitsAnEightyColumnTerminal) {
  const Folder folder;  // a short path: the first line has it
  std::filesystem::copy_file(kLog, folder / "log.csv");
  const Result result = run(
      {"evaluate", "--log", (folder / "log.csv").string(), "--train-size", "60", "--repeats", "2"});
  ASSERT_EQ(result.status, 0) << result.error;
  const auto starts_a_letter = [](char byte) { return (byte & 0xC0) != 0x80; };
  for (const std::string& line : lines_of(result.output))
    EXPECT_LE(std::count_if(line.begin(), line.end(), starts_a_letter), 80) << line;
  EXPECT_THAT(result.output, HasSubstr("±"));
}

TEST(Evaluate, ComparesSeveralSizesOfTrainingSets) {
  const json result = evaluate(
      {"--log", kLog, "--train-size", "30,60", "--repeats", "3", "--method", "lls", "--seed", "4"});
  EXPECT_FALSE(result.contains("methods"));
  ASSERT_EQ(result["sizes"].size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    const std::string size = i == 0 ? "30" : "60";
    const json alone = evaluate(
        {"--log", kLog, "--train-size", size, "--repeats", "3", "--method", "lls", "--seed", "4"});
    EXPECT_EQ(result["sizes"][i]["train"], alone["train"]);
    EXPECT_EQ(result["sizes"][i]["methods"][0]["kendall_tau"], alone["methods"][0]["kendall_tau"]);
    const double hits = alone["methods"][0]["top10"]["hits_best"];
    EXPECT_NEAR(3 * hits, std::round(3 * hits), 1e-12) << "a share of three repeats";
    EXPECT_TRUE(alone["methods"][0]["kendall_tau_learned"].is_number()) << "114 did not learn";
  }
}

TEST(Evaluate, DrawsWhatMoreNetworksAreWorth) {
  const Folder folder;
  const std::string file = (folder / "sizes.svg").string();
  const Result result = run({"evaluate", "--log", kLog, "--train-size", "20,50", "--repeats", "2",
                             "--method", "lls,ed-ls", "--svg", file});
  EXPECT_EQ(result.status, 0) << result.error;
  const std::string picture = read_text(file);
  EXPECT_THAT(picture, testing::StartsWith("<svg xmlns=\"http://www.w3.org/2000/svg\""));
  for (const char* text : {">lls<", ">ed-ls<", ">20<", ">50<", "<style>", "</svg>"})
    EXPECT_THAT(picture, HasSubstr(text));
  EXPECT_THAT(picture, Not(HasSubstr(">depth<"))) << "a baseline";
  const Result no_folder = run({"evaluate", "--log", kLog, "--train-size", "20", "--svg",
                                (folder / "none" / "sizes.svg").string()});
  EXPECT_NE(no_folder.status, 0);
  EXPECT_EQ(no_folder.output, "") << "before anything is fitted";
}

// Figures can be computed from it again, on the same splits.
TEST(Evaluate, WritesEveryPredictionWithItsSplit) {
  const Folder folder;
  const std::string file = (folder / "predictions.csv").string();
  const json result = evaluate({"--log", kLog, "--folds", "3", "--repeats", "2", "--method", "lls",
                                "--failures", "exclude", "--predictions", file});
  EXPECT_FALSE(result["methods"][0].contains("kendall_tau_learned")) << "all learned";
  const std::vector<std::string> lines = lines_of(read_text(file));
  EXPECT_EQ(lines[0], "repeat,split,method,row,architecture,target,prediction,deviation");
  std::map<std::string, std::pair<double, int>> squares;  // of each repeat of lls
  std::set<std::string> rows, splits;
  for (size_t i = 1; i < lines.size(); ++i) {
    const std::string& line = lines[i];
    const std::string from_row = line.substr(line.find(",lls,") + 5);
    if (line.find(",lls,") == std::string::npos) continue;
    const std::string numbers = line.substr(line.rfind('"') + 2);
    std::istringstream in(numbers);
    double target = 0, prediction = 0, deviation = 0;
    char comma = 0;
    ASSERT_TRUE(in >> target >> comma >> prediction >> comma >> deviation) << line;
    EXPECT_GT(deviation, 0);
    auto& [sum, count] = squares[line.substr(0, line.find(','))];
    sum += (target - prediction) * (target - prediction);
    ++count;
    rows.insert(from_row.substr(0, from_row.find(',')));
    splits.insert(line.substr(0, line.find(",lls,")));
  }
  EXPECT_EQ(splits, (std::set<std::string>{"1,1", "1,2", "1,3", "2,1", "2,2", "2,3"}));
  EXPECT_EQ(rows.size(), result["test"].get<size_t>());
  double mean = 0;
  for (const auto& [repeat, sum] : squares) mean += sum.first / sum.second / 2;
  EXPECT_NEAR(mean, result["methods"][0]["l2_loss"].get<double>(), 1e-12);
}

TEST(Evaluate, GivesTheSameFiguresForTheSameSeed) {
  const auto r2 = [&](const char* seed) {
    return evaluate({"--log", kLog, "--train-size", "40", "--method", "combined", "--threads", "1",
                     "--seed", seed})["methods"][0]["r2"];
  };
  EXPECT_EQ(r2("3"), r2("3"));
  EXPECT_NE(r2("3"), r2("4"));
}

TEST(Evaluate, TrainAndTestFilesShareNoArchitecture) {
  const Folder folder;
  const std::string train = folder
                                .write("train.csv",
                                       "net,score\n\"[C(64,3,1), SM(10)]\",0.5\n"
                                       "\"[C(128,3,1), SM(10)]\",0.6\n"
                                       "\"[C(256,3,1), SM(10)]\",0.7\n")
                                .string();
  const std::string test = folder
                               .write("test.csv",
                                      "net,score\n\"[C(64,3,1), D(1,1), SM(10)]\",0.5\n"
                                      "\"[C(512,3,1), SM(10)]\",0.8\n"
                                      "\"[C(64,5,1), SN(10)]\",0.7\n"
                                      "\"[C(64,1,1), SM(10)]\",0.4\n")
                               .string();
  const Result result = run({"evaluate", "--train", train, "--test", test, "--target", "score",
                             "--method", "lls", "--format", "json"});
  ASSERT_EQ(result.status, 0) << result.error;
  const json parsed = json::parse(result.output);
  EXPECT_EQ(parsed["train"], 3);
  EXPECT_EQ(parsed["test"], 2);
  EXPECT_THAT(result.error, HasSubstr("test.csv:4:"));
  const Result strict =
      run({"evaluate", "--train", train, "--test", test, "--target", "score", "--strict"});
  EXPECT_EQ(strict.status, 3);
  EXPECT_EQ(strict.output, "");
}

TEST(Evaluate, FitsTextsOfAnotherAlphabet) {
  const Folder folder;
  std::string text = "cell,score\n";
  for (const char* a : {"skip", "conv", "pool", "none"}) {
    for (const char* b : {"skip", "conv", "pool", "none"}) {
      text += std::string("|") + a + "|" + b + "|," + (std::string(a) == "conv" ? "0.8" : "0.4") +
              (std::string(b) == "conv" ? "5" : "1") + "\n";
    }
  }
  const std::string log = folder.write("cells.csv", text).string();
  const json result = evaluate({"--log", log, "--architecture-column", "cell", "--target", "score",
                                "--folds", "8", "--method", "lls,rbf-ls"});
  EXPECT_EQ(result["tokens"], "|");
  EXPECT_EQ(result["methods"][0]["method"], "lls");
  EXPECT_GT(result["methods"][0]["r2"], 0.9);
}

TEST(Evaluate, TellsWhatIsMissing) {
  EXPECT_THAT(run({"evaluate", "--log", kLog}).error, HasSubstr("--folds K or --train-size N"));
  EXPECT_EQ(run({"evaluate"}).status, 2);
  const Result method = run({"evaluate", "--log", kLog, "--folds", "5", "--method", "rbfls"});
  EXPECT_EQ(method.status, 2);
  EXPECT_THAT(method.error, HasSubstr("did you mean rbf-ls?"));
  EXPECT_EQ(run({"evaluate", "--log", "no.csv", "--folds", "5"}).status, 3);
}

// A loss of strings of two letters: the more b, the less.
std::string losses(const Folder& folder) {
  std::string text = "architecture,val_loss\n";
  for (int i = 0; i < 32; ++i) {
    double loss = 2;
    std::string string;
    for (int bit = 0; bit < 5; ++bit) {
      const bool is_b = (i >> bit & 1) != 0;
      string += is_b ? "b|" : "a|";
      loss -= is_b ? 0.3 : 0;
    }
    text += string + "," + std::to_string(loss) + "\n";
  }
  return folder.write("losses.csv", text).string();
}

TEST(Measures, AreAskedAboutWhereLessMayBeBetter) {
  const Folder folder;
  const std::string log = losses(folder), model = (folder / "loss.model").string();
  const Result asked = run({"fit", "--log", log, "--method", "lls", "-o", model});
  EXPECT_EQ(asked.status, 2);
  EXPECT_THAT(asked.error, HasSubstr("is less or more of 'val_loss' better?"));
  const Result fitted = run({"fit", "--log", log, "--method", "lls", "-o", model, "--minimize"});
  ASSERT_EQ(fitted.status, 0) << fitted.error;
  EXPECT_THAT(fitted.output, HasSubstr("predicts val_loss; less is better"));
  const std::string list =
      folder.write("list", "a|b|a|b|a|b|\nb|b|b|b|b|b|\na|a|a|a|a|a|\n").string();
  const Result ranked = run({"rank", "--model", model, "--candidates", list, "--format", "json"});
  const json ranking = json::parse(ranked.output)[0];
  EXPECT_EQ(ranking["direction"], "minimize");
  EXPECT_EQ(ranking["best"][0]["architecture"], "b|b|b|b|b|b|");
  EXPECT_EQ(ranking["best"][2]["architecture"], "a|a|a|a|a|a|");
  const json evaluated = evaluate({"--log", log, "--folds", "4", "--method", "lls", "--minimize"});
  EXPECT_EQ(evaluated["direction"], "minimize");
  EXPECT_EQ(evaluated["target"], "val_loss");
  EXPECT_EQ(evaluated["tokens"], "|");
  EXPECT_LT(evaluated["methods"][0]["top10"]["mean_accuracy"], 1.25);
  EXPECT_EQ(evaluated["methods"][0]["top10"]["best_true_rank"], 1);
}

TEST(Measures, ThatAreNoFractionsAreNotImportedAndLeaveNoStudy) {
  const Folder folder;
  std::string text = "net,accuracy\n";
  for (int i = 1; i <= 20; ++i)
    text += "\"[C(" + std::to_string(64 * i) + ",3,1), SM(10)]\"," + std::to_string(50 + i) + "\n";
  const std::string log = folder.write("log.csv", text).string();
  const std::string config = METAQNN_SOURCE_DIR "/experiments/cifar10.toml";
  const auto import = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"import", log, "--study", folder.url("s.db"), "--config", config});
    return run(more);
  };
  const Result refused = import({});
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.error, HasSubstr("--unit percent"));
  EXPECT_EQ(import({"--minimize"}).status, 2);
  folder.write("log.csv", "net,accuracy\n");
  EXPECT_EQ(import({"--target", "accuracy"}).status, 3);
  EXPECT_FALSE(std::filesystem::exists(folder / "s.db"));
  folder.write("log.csv", text);
  EXPECT_EQ(import({"--unit", "percent"}).status, 0);
  const json status =
      json::parse(run({"status", "--study", folder.url("s.db"), "--format", "json"}).output);
  EXPECT_GT(status["best"]["validation_accuracy"], 0.5);
  EXPECT_LE(status["best"]["validation_accuracy"], 0.7);
}

// A study that searches for the least: told in every command by name, direction and value.
TEST(Measures, OfATableAreSearchedForToldAndCarriedOn) {
  const Folder folder;
  losses(folder);
  const std::string recipe =
      "[space]\nkind = \"sequence\"\ntemplate = \"{}|{}|{}|{}|{}|\"\nalphabet = [\"a\", \"b\"]\n"
      "[strategy]\nkind = \"q_learning\"\nschedule = [[1.0, 12], [0.1, 12]]\n"
      "[evaluator]\nkind = \"table\"\nfile = \"losses.csv\"\ntarget = \"val_loss\"\n";
  const std::string config = folder.write("search.toml", recipe).string();
  const std::string url = folder.url("study.db");
  const auto search = [&] { return run({"search", "--config", config, "--study", url}); };
  Result refused = search();
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.error, HasSubstr("is less or more of 'val_loss' better?"));
  folder.write("search.toml", recipe + "[objective]\ndirection = \"minimize\"\n");
  refused = search();
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.error, HasSubstr("objective.reward_range is missing"));
  EXPECT_FALSE(std::filesystem::exists(folder / "study.db"));
  folder.write("search.toml",
               recipe + "[objective]\ndirection = \"minimize\"\nreward_range = [2.5, 0.5]\n");
  const Result searched = search();
  EXPECT_EQ(searched.status, 0) << searched.error;
  EXPECT_THAT(searched.error, HasSubstr("minimize val_loss"));
  EXPECT_EQ(search().status, 0) << "the same configuration goes on";

  const json best = json::parse(run({"status", "--study", url, "--format", "json"}).output)["best"];
  const json trials =
      json::parse(run({"trials", "--study", url, "--top", "24", "--format", "json"}).output);
  ASSERT_EQ(trials.size(), 24u);
  EXPECT_EQ(best["value"], trials[0]["value"]);
  EXPECT_EQ(best["measure"], "val_loss");
  EXPECT_EQ(best["direction"], "minimize");
  EXPECT_TRUE(best["validation_accuracy"].is_null());
  for (size_t i = 1; i < trials.size(); ++i)
    EXPECT_LE(trials[i - 1]["value"].get<double>(), trials[i]["value"].get<double>());
  EXPECT_EQ(trials[0]["measures"], (json{{"val_loss", best["value"]}}));
  EXPECT_THAT(run({"trials", "--study", url, "--top", "1"}).output, HasSubstr("val_loss"));
  EXPECT_THAT(run({"trials", "--study", url, "--format", "csv"}).output,
              testing::StartsWith("number,architecture,state,val_loss,"));

  const json screened = json::parse(run({"screen", "--study", url, "--candidates", "5", "--top",
                                         "3", "--method", "lls", "--no-train", "--format", "json"})
                                        .output);
  EXPECT_EQ(screened["direction"], "minimize");
  EXPECT_EQ(screened["study"]["best"], best["value"]);
  const json picks = screened["methods"][0]["architectures"];
  EXPECT_LE(picks[0]["prediction"].get<double>(), picks[2]["prediction"].get<double>());

  const std::string model = (folder / "model").string();
  EXPECT_THAT(run({"fit", "--log", url, "--method", "lls", "-o", model}).output,
              HasSubstr("predicts val_loss; less is better"));
  const Result report = run({"report", "--study", url, "-o", (folder / "report.html").string()});
  EXPECT_EQ(report.status, 0) << report.error;
  EXPECT_THAT(read_text(folder / "report.html"), HasSubstr("val_loss of each trial"));
  EXPECT_EQ(run({"export", "--study", url, "--format", "replay"}).status, 2);

  // Into another study of the same search, from the study itself and from its export.
  const std::string exported = (folder / "export.csv").string();
  EXPECT_EQ(run({"export", "--study", url, "-o", exported}).status, 0);
  for (const std::string& from : {url, exported}) {
    const std::string copy = folder.url(from == url ? "copy.db" : "other.db");
    const Result imported = run({"import", from, "--study", copy, "--config", config});
    EXPECT_EQ(imported.status, 0) << imported.error;
    EXPECT_EQ(json::parse(run({"status", "--study", copy, "--format", "json"}).output)["best"],
              best);
  }
  // A study of accuracies is not filled with losses.
  folder.write("acc.csv", "architecture,accuracy\na|a|a|a|a|,0.5\n");
  std::string of_accuracies = recipe;
  of_accuracies.replace(of_accuracies.find("losses.csv"), 10, "acc.csv");
  of_accuracies.replace(of_accuracies.find("val_loss"), 8, "accuracy");
  const std::string other = folder.write("accuracies.toml", of_accuracies).string();
  for (const std::string& from : {url, exported}) {
    EXPECT_EQ(run({"import", from, "--study", folder.url("acc.db"), "--config", other}).status, 2);
    EXPECT_FALSE(std::filesystem::exists(folder / "acc.db"));
  }
}

TEST(Measures, ThatNoTrainingMeasuresAreRefusedBeforeThereIsAStudy) {
  const Folder folder;
  const std::string config =
      folder
          .write("search.toml",
                 "[data]\nname = \"fashion_mnist\"\n[objective]\nmeasure = \"latency_ms\"\n"
                 "direction = \"minimize\"\nreward_range = [20, 2]\n")
          .string();
  const Result result = run({"search", "--config", config, "--study", folder.url("study.db")});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.error, HasSubstr("objective.measure = \"latency_ms\": what trains networks "
                                      "here measures validation_accuracy"));
  EXPECT_FALSE(std::filesystem::exists(folder / "study.db"));
}

TEST(Strangers, AreToldAndAFileOfThemIsRefused) {
  const Folder folder;
  const std::string model = (folder / "loss.model").string();
  run({"fit", "--log", losses(folder), "--method", "lls", "-o", model, "--minimize"});
  const auto predict = [&](const std::string& text) {
    return run({"predict", "--model", model, "--architectures", folder.write("list", text).string(),
                "--format", "json"});
  };
  const Result one = predict("a|b|b|\narchitecture\na|c|\na|a|\n");
  EXPECT_EQ(one.status, 0);
  EXPECT_THAT(one.error, HasSubstr("list:3: no network of the model's log has token c"));
  const json list = json::parse(one.output);
  EXPECT_TRUE(list[2]["prediction"].is_null());
  // Least is best, whatever the scale of ranks.
  EXPECT_EQ(list[3]["rank_score"] > list[0]["rank_score"],
            list[3]["prediction"] < list[0]["prediction"]);
  const Result others = predict("[C(64,3,1), SM(10)]\n[SM(10)]\n");
  EXPECT_EQ(others.status, 3);
  EXPECT_THAT(others.error, HasSubstr("they look like CNNs as in [C(64,3,1), SM(10)]"));
}

TEST(Fit, SavesAModelThatPredictsAndRanks) {
  const Folder folder;
  const std::string model = (folder / "quick.model").string();
  const Result fitted =
      run({"fit", "--log", kLog, "--method", "ed-ls", "--input", "1x28x28", "-o", model});
  ASSERT_EQ(fitted.status, 0) << fitted.error;
  EXPECT_THAT(
      fitted.output,
      HasSubstr("on networks left out, the choice of hyper-parameters included:\n    R2 0."));
  EXPECT_THAT(fitted.output, Not(HasSubstr("leave-one-out R2")));
  const std::string candidates =
      folder
          .write("candidates.txt",
                 "[C(8,3,1), SM(10)]\n\nnonsense\n[C(32,3,1), D(1,1), P(2,2), SM(10)]\n")
          .string();
  const Result predicted =
      run({"predict", "--model", model, "--architectures", candidates, "--format", "json"});
  ASSERT_EQ(predicted.status, 0) << predicted.error;
  EXPECT_THAT(predicted.error, HasSubstr("candidates.txt:3:"));
  const json list = json::parse(predicted.output);
  ASSERT_EQ(list.size(), 3u);
  EXPECT_EQ(list[1]["architecture"], "nonsense");
  EXPECT_TRUE(list[1]["prediction"].is_null());
  EXPECT_EQ(list[2]["architecture"], "[C(32,3,1), P(2,2), SM(10)]");
  EXPECT_EQ(list[2]["rank_score"] > list[0]["rank_score"],
            list[2]["prediction"] > list[0]["prediction"]);
  EXPECT_GT(list[0]["standard_deviation"], 0);
  const Result ranked = run({"rank", "--model", model, "--config", kQuick, "--count", "300",
                             "--top", "4", "--format", "json"});
  ASSERT_EQ(ranked.status, 0) << ranked.error;
  const json best = json::parse(ranked.output)[0]["best"];
  ASSERT_EQ(best.size(), 4u);
  EXPECT_GE(best[0]["prediction"], best[3]["prediction"]);
}

// A CSV log of networks of which number i has i + 1 times 8 filters.
std::string small_log(const std::vector<std::string>& rows) {
  std::string text = "architecture,accuracy\n";
  for (const std::string& row : rows) text += row + "\n";
  return text;
}

std::string network(int number, double accuracy, const char* dropout = "") {
  return "\"[C(" + std::to_string(8 * (number + 1)) + ",3,1), " + dropout + "SM(10)]\"," +
         std::to_string(accuracy);
}

TEST(Fit, SaysNothingOfWhatIsUndefined) {
  const Folder folder;
  std::vector<std::string> rows;
  for (int i = 0; i < 12; ++i) rows.push_back(network(i, 0.5));
  const std::string log = folder.write("constant.csv", small_log(rows)).string();
  for (const char* method : {"lls", "combined", "mean", "ed-mr"}) {
    const Result fitted = run({"fit", "--log", log, "--target", "accuracy", "--method", method,
                               "-o", (folder / "m").string()});
    ASSERT_EQ(fitted.status, 0) << fitted.error;
    EXPECT_THAT(fitted.output, HasSubstr("R2 -, Kendall's tau - ("));
    EXPECT_THAT(fitted.output, Not(HasSubstr("nan")));
  }
  const std::string two = folder.write("two.csv", small_log({network(0, 0.1), network(1, 0.2)}));
  EXPECT_THAT(
      run({"fit", "--log", two, "--target", "accuracy", "-o", (folder / "m").string()}).output,
      HasSubstr("no figures on networks left out: 2 networks are too few"));
}

TEST(Fit, TellsWhichRowsAreTheSameNetwork) {
  const Folder folder;
  const auto fit = [&](const std::vector<std::string>& rows) {
    const std::string log = folder.write("log.csv", small_log(rows)).string();
    const Result result = run({"fit", "--log", log, "--target", "accuracy", "--method", "mean",
                               "-o", (folder / "m").string()});
    EXPECT_EQ(result.status, 0) << result.error;
    const Result evaluated =
        run({"evaluate", "--log", log, "--target", "accuracy", "--folds", "3", "--method", "mean"});
    for (const char* part : {" 1 network,", "without D"}) {
      EXPECT_EQ(result.output.find(part) == std::string::npos,
                evaluated.output.find(part) == std::string::npos);
    }
    return result.output;
  };
  const std::vector<std::string> rows{network(0, 0.1), network(1, 0.2), network(2, 0.3),
                                      network(0, 0.3), network(0, 0.4)};
  const std::string differing = fit(rows);
  EXPECT_THAT(differing, HasSubstr("2 rows repeat 1 network, whose results differ in 1: the mean"));
  EXPECT_THAT(differing, Not(HasSubstr("without D")));
  const std::string dropout = fit({rows[0], rows[1], rows[2], network(0, 0.1, "D(1,1), ")});
  EXPECT_THAT(dropout, HasSubstr("1 row repeats 1 network, with the same results"));
  EXPECT_THAT(dropout, HasSubstr("1 of them is the same network without D"));
  EXPECT_THAT(fit({rows[0], rows[1], rows[2]}), Not(HasSubstr(" 1 network,")));
}

TEST(Evaluate, GivesThePredictorsThatSayTheSameOfAllNoOrder) {
  const Folder folder;
  std::vector<std::string> rows;
  for (int i = 0; i < 8; ++i) rows.push_back(network(i, 0.5 + 0.01 * i));
  const std::string log = folder.write("log.csv", small_log(rows)).string();
  const json result =
      evaluate({"--log", log, "--target", "accuracy", "--folds", "8", "--method", "lls"});
  for (const json& method : result["methods"]) {
    const bool mean = method["method"] == "mean" || method["method"] == "depth";
    EXPECT_EQ(method["kendall_tau"].is_null(), mean) << method;
    EXPECT_EQ(method["spearman"].is_null(), mean);
    EXPECT_EQ(method["top10"]["regret"].is_null(), mean);
    EXPECT_FALSE(method["r2"].is_null());
  }
}

TEST(Predict, RefusesADamagedModel) {
  const Folder folder;
  const std::string model = (folder / "quick.model").string();
  ASSERT_EQ(run({"fit", "--log", kLog, "--method", "depth", "-o", model}).status, 0);
  std::string text = read_text(model);
  text.replace(text.find("\"seed\": \"0\""), 11, "\"seed\": \"1\"");
  folder.write("quick.model", text);
  const Result result = run({"predict", "--model", model, "--architectures", "x"});
  EXPECT_EQ(result.status, 3);
  EXPECT_THAT(result.error, HasSubstr("the checksum does not fit"));
}

// What rank is given and lists.
class Rank : public testing::Test {
 protected:
  Rank() {
    folder_.write("log.csv",
                  "architecture,accuracy\n\"[C(8,3,1), SM(10)]\",0.5\n"
                  "\"[C(16,3,1), SM(10)]\",0.6\n\"[FC(32), SM(10)]\",0.4\n");
    EXPECT_EQ(run({"fit", "--log", (folder_ / "log.csv").string(), "--target", "accuracy",
                   "--method", "lls", "-o", model()})
                  .status,
              0);
  }
  std::string model() const { return (folder_ / "model").string(); }
  json rank(std::vector<std::string> options) const {
    std::vector<std::string> arguments{"rank", "--model", model(), "--format", "json"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const Result result = run(arguments);
    EXPECT_EQ(result.status, 0) << result.error;
    return json::parse(result.output).at(0);
  }
  json rank_file(const std::string& lines, std::vector<std::string> options = {}) const {
    options.insert(options.end(), {"--candidates", folder_.write("some.txt", lines).string()});
    return rank(options);
  }
  static std::vector<std::string> architectures(const json& ranking) {
    std::vector<std::string> texts;
    for (const json& entry : ranking["best"]) texts.push_back(entry["architecture"]);
    return texts;
  }

  Folder folder_;
};

TEST_F(Rank, ListsEachNetworkOnceAndNoneOfTheLog) {
  const std::string lines =
      "[C(64,3,1), SM(10)]\n[C(64,3,1), SM(10)]\n[C(64,3,1), D(1,1), SM(10)]\n"
      "[C(8,3,1), SM(10)]\n[C(128,3,1),SM(10)]\n";
  const json ranking = rank_file(lines);
  EXPECT_THAT(architectures(ranking),
              testing::UnorderedElementsAre("[C(64,3,1), SM(10)]", "[C(128,3,1), SM(10)]"));
  EXPECT_EQ(ranking["candidates"], 2);
  EXPECT_EQ(ranking["left_out"],
            (json{{"known", 1}, {"repeated", 2}, {"over_limit", 0}, {"unreadable", 0}}));
  EXPECT_EQ(rank_file(lines, {"--include-known"})["candidates"], 3);
}

TEST_F(Rank, ListsNothingOverALimit) {
  const std::string lines = "[C(64,3,1), SM(10)]\n[C(4,1,1), SM(10)]\n[FC(8), SM(10)]\n";
  EXPECT_THAT(architectures(rank_file(lines, {"--max-parameters", "30000"})),
              testing::ElementsAre("[FC(8), SM(10)]"));
  EXPECT_EQ(rank_file(lines, {"--max-macs", "60000"})["left_out"]["over_limit"], 1);
  const Result none = run({"rank", "--model", model(), "--max-parameters", "5", "--candidates",
                           folder_.write("some.txt", lines).string()});
  EXPECT_EQ(none.status, 3);
  EXPECT_THAT(none.error, HasSubstr("no candidate is left to rank"));
}

TEST_F(Rank, KeepsTheLimitsOfItsConfigurationWhichSampleKeepsToo) {
  const std::string config =
      folder_
          .write("space.toml",
                 "[space]\ninput = \"3x32x32\"\nclasses = 10\ndepth_limit = 4\n"
                 "[evaluator]\nmax_parameters = 200000\n")
          .string();
  const json ranking = rank({"--config", config, "--count", "60", "--top", "60"});
  EXPECT_GT(ranking["left_out"]["over_limit"], 0);
  std::vector<std::string> listed = architectures(ranking);
  EXPECT_EQ(listed.size(), 60u);
  for (const std::string& text :
       lines_of(run({"sample", "--config", config, "--count", "40"}).output))
    listed.push_back(text);
  EXPECT_EQ(listed.size(), 100u);
  for (const std::string& text : listed) {
    const json facts = json::parse(run({"describe", text, "--format", "json"}).output);
    EXPECT_LE(facts["parameters"], 200000) << text;
  }
}

}  // namespace
}  // namespace metaqnn::tests
