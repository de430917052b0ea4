// Tables of every form that is read: what each says, and that one says what another does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "datasets/logs/csv.h"
#include "datasets/logs/data_frame.h"
#include "datasets/logs/description.h"
#include "datasets/logs/list.h"
#include "datasets/logs/python_literal.h"
#include "datasets/logs/read_frame.h"
#include "metaqnn/base/error.h"
#include "metaqnn/datasets/logs/log.h"
#include "tests/error_message.h"
#include "tests/folder.h"

namespace metaqnn::datasets {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using tests::message_of;
using tests::usage_error;

class Forms : public testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& text) const {
    const std::filesystem::path path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return path.string();
  }
  Log log(const std::string& text, const LogOptions& options = {}) const {
    return read_log(file("log", text), options);
  }
  std::string refusal(const std::string& text, const LogOptions& options = {}) const {
    return message_of<Error>([&] { log(text, options); });
  }

  tests::Folder folder_;
};

std::vector<std::string> networks_of(const Log& log) {
  std::vector<std::string> list;
  for (const LogRow& row : log.rows) list.push_back(row.architecture);
  return list;
}

std::vector<std::optional<double>> values_of(const Log& log) {
  std::vector<std::optional<double>> list;
  for (const LogRow& row : log.rows) list.push_back(row.value);
  return list;
}

std::string packed(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string output(1000 + text.size(), '\0');
  std::string input = text;
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(output.data());
  stream.avail_out = static_cast<uInt>(output.size());
  deflate(&stream, Z_FINISH);
  output.resize(stream.total_out);
  deflateEnd(&stream);
  return output;
}

// ---- One table in every form ----

struct Form {
  const char* name;
  std::string text;
  bool has_header = true;
};

std::vector<Form> forms() {
  const std::string commas = "architecture,loss\n\"[C(8,3,1), SM(10)]\",0.25\n[SM(10)],1.5\n";
  return {
      {"commas", commas},
      {"unquoted", "architecture,loss\n[C(8,3,1), SM(10)],0.25\n[SM(10)],1.5\n"},
      {"semicolons", "architecture;loss\n[C(8,3,1), SM(10)];0.25\n[SM(10)];1.5\n"},
      {"decimal commas", "architecture;loss\n[C(8,3,1), SM(10)];0,25\n[SM(10)];1,5\n"},
      {"tabs", "architecture\tloss\n[C(8,3,1), SM(10)]\t0.25\n[SM(10)]\t1.5\n"},
      {"mark and CRLF",
       "\xEF\xBB\xBF"
       "architecture,loss\r\n\"[C(8,3,1), SM(10)]\",0.25\r\n[SM(10)],1.5\r\n"},
      {"CRCRLF", "architecture,loss\r\r\n[C(8,3,1), SM(10)],0.25\r\r\n[SM(10)],1.5\r\r\n"},
      {"index", ",architecture,loss\n0,\"[C(8,3,1), SM(10)]\",0.25\n1,[SM(10)],1.5\n"},
      {"gzip", packed(commas)},
      {"no header", "[C(8,3,1), SM(10)];0,25\n[SM(10)];1,5\n", false},
      {"objects",
       R"([{"architecture": "[C(8,3,1), SM(10)]", "loss": 0.25},
           {"architecture": "[SM(10)]", "loss": 1.5}])"},
      {"lines",
       "{\"architecture\": \"[C(8,3,1), SM(10)]\", \"loss\": 0.25}\n"
       "{\"architecture\": \"[SM(10)]\", \"loss\": 1.5}\n"},
      {"columns", R"({"architecture": ["[C(8,3,1), SM(10)]", "[SM(10)]"], "loss": [0.25, 1.5]})"},
      {"columns of pandas",
       R"({"architecture": {"0": "[C(8,3,1), SM(10)]", "1": "[SM(10)]"}, "loss": {"0": 0.25, "1": 1.5}})"},
      {"under a name",
       R"({"study": "x", "trials": [{"architecture": "[C(8,3,1), SM(10)]", "loss": 0.25},
                                     {"architecture": "[SM(10)]", "loss": 1.5}]})"},
  };
}

TEST_F(Forms, SayTheSameOfTheSameTable) {
  for (const Form& form : forms()) {
    const Log read =
        log(form.text, {.direction = Direction::minimize, .has_header = form.has_header});
    EXPECT_THAT(networks_of(read), ElementsAre("[C(8,3,1), SM(10)]", "[SM(10)]")) << form.name;
    EXPECT_THAT(values_of(read), ElementsAre(0.25, 1.5)) << form.name;
    EXPECT_THAT(read.problems, IsEmpty()) << form.name;
    EXPECT_EQ(read.measure.direction, Direction::minimize) << form.name;
  }
}

TEST_F(Forms, ThatAreNotReadAreNamed) {
  const std::vector<std::pair<std::string, const char*>> kinds = {
      {"\xFF\xFE"
       "a",
       "UTF-16"},
      {"PK\x03\x04", "a zip file"},
      {std::string("SQLite format 3\0", 16), "an SQLite database"},
      {"\x89HDF\r\n", "an HDF5 file"},
      {"PAR1", "a Parquet file"},
      {"\x80\x04\x95", "a pickle"},
      {"BZh9", "a bzip2 file"},
      {"---\na: 1\n", "YAML"},
      {"PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n", "a dump of a database in SQL"},
      {"lr: 0.1\nnet:\n  - 3\n", "YAML"},
      {R"({"data": [[[1, null], [0.2]]], "configs": {"1": {"lr": 0.1}}})", "a SMAC runhistory"},
      {R"({"lr": 0.1})", "JSON, but no table"},
      {R"([{"lr": 0.1},)", "begins as JSON and is none"},
  };
  for (const auto& [text, what] : kinds) EXPECT_THAT(refusal(text), HasSubstr(what)) << what;
  EXPECT_THAT(message_of<DataError>([&] { read_log(folder_.path()); }), HasSubstr("a directory"));
  const std::string whole = packed(std::string(1000, 'a') + "b");
  for (size_t missing = 1; missing < whole.size() - 2; ++missing)  // but for its first two bytes
    EXPECT_THAT(refusal(whole.substr(0, whole.size() - missing)), HasSubstr("cannot read"))
        << missing;
}

// ---- Separated values ----

std::vector<std::string> cells_in(const DataFrame& frame, size_t row) {
  std::vector<std::string> cells;
  for (size_t i = 0; i < frame.names.size(); ++i)
    cells.emplace_back(frame.cell(row, static_cast<int>(i)));
  return cells;
}

TEST(Separated, HoldTogetherWhatIsInBrackets) {
  const DataFrame frame = parse_csv("net,sizes,y\nf(1,2)-g(3),\"(64, 64)\",1\na,(8, 8),2\n", "t");
  EXPECT_THAT(cells_in(frame, 0), ElementsAre("f(1,2)-g(3)", "(64, 64)", "1"));
  EXPECT_THAT(cells_in(frame, 1), ElementsAre("a", "(8, 8)", "2"));
  // A lone bracket is text.
  EXPECT_THAT(cells_in(parse_csv("a,b,c\n:(,x,:)\n", "t"), 0), ElementsAre(":(", "x", ":)"));
}

TEST(Separated, OfTwoLevelsOfNamesHaveBoth) {
  const DataFrame frame =
      parse_csv(",number,value,params,params,state\n,,,lr,opt,\n0,0,0.5,0.1,adam,COMPLETE\n", "t");
  EXPECT_THAT(frame.names, ElementsAre("number", "value", "params_lr", "params_opt", "state"));
  EXPECT_EQ(frame.rows(), 1U);
}

TEST(Separated, OfOneNameAreRefused) {
  EXPECT_EQ(message_of<DataError>([] { parse_csv("lr,acc,lr,acc\n1,2,3,4\n", "t.csv"); }),
            "t.csv has several columns of the name acc or lr; give each its own");
}

TEST(Separated, WithoutNamesHaveNumbersForThem) {
  EXPECT_THAT(usage_error([] { parse_csv("0.5,3,True\n0.6,4,False\n", "t.csv"); }),
              HasSubstr("give --no-header"));
  const DataFrame frame = parse_csv("what this is\n0.5,3\n0.6,4\n", "t.csv", false);
  EXPECT_THAT(frame.names, ElementsAre("1", "2"));
  EXPECT_THAT(cells_in(frame, 0), ElementsAre("0.5", "3"));
  EXPECT_THAT(frame.remarks,
              ElementsAre("t.csv: the first line has 1 fields and the second 2; the first is left "
                          "out"));
}

TEST(Separated, TakeNoLongerWithManyBrackets) {
  const std::string line(200'000, '[');
  std::string parted = "a\n";
  for (int i = 0; i < 200'000; ++i) parted += "[,";
  EXPECT_EQ(parse_csv("a\n" + line + "\n", "t").rows(), 1U);
  EXPECT_EQ(parse_csv(parted + "\n", "t").problems.size(), 1U);
}

TEST(Cells, HoldNumbersAsPeopleWriteThem) {
  const std::vector<std::pair<const char*, std::optional<double>>> cells = {
      {"0.92", 0.92},         {" +1e-3 ", 1e-3},     {"92.31%", 92.31},     {"92.31 %", 92.31},
      {"0.92 ± 0.002", 0.92}, {"0.92+/-0.1", 0.92},  {"-inf", -INFINITY},   {"Infinity", INFINITY},
      {"", std::nullopt},     {"nan", std::nullopt}, {"1,5", std::nullopt}, {"3x3", std::nullopt},
      {"1 2", std::nullopt},  {"0x10", std::nullopt}};
  for (const auto& [cell, number] : cells) EXPECT_EQ(number_in(cell), number) << cell;
  EXPECT_EQ(number_in("1,5", true), 1.5);
  EXPECT_EQ(number_in("1,5,5", true), std::nullopt);
  for (const char* blank : {"", "  ", "nan", "NaN", "None", "null", "NA", "n/a"})
    EXPECT_TRUE(is_blank(blank)) << blank;
  for (const char* word : {"0", "nano", "no", "adam"}) EXPECT_FALSE(is_blank(word)) << word;
}

TEST(Cells, HoldLiteralsOfPythonAndJson) {
  const auto value = parse_literal(
      R"({'lr': 1e-3, "net": {'widths': (32, 64), 'on': True}, 'stop': None, 3: [nan, -1], 'a\'b': '"'})");
  ASSERT_TRUE(value);
  EXPECT_EQ((*value)["lr"], 1e-3);
  EXPECT_EQ((*value)["net"]["widths"][1], 64);
  EXPECT_EQ((*value)["net"]["on"], true);
  EXPECT_TRUE((*value)["stop"].is_null());
  EXPECT_TRUE(std::isnan((*value)["3"][0].get<double>()));
  EXPECT_EQ((*value)["a'b"], "\"");
  for (const char* none :
       {"{", "{'a'}", "{'a': }", "[1, 2", "__import__('os')", "{'a': f()}", "'a", "1 2", ""})
    EXPECT_FALSE(parse_literal(none)) << none;
  EXPECT_FALSE(parse_literal(std::string(100'000, '[')));
}

// ---- Measures ----

TEST(Measures, AreLessIsBetterByAWordOfTheirName) {
  for (const char* name : {"loss", "val_loss", "testError", "raspi4_latency_ms", "RMSE", "mean.mae",
                           "rank_test_score", "energy-mJ", "losses", "train/nll"})
    EXPECT_TRUE(is_less_better(name)) << name;
  for (const char* name : {"accuracy", "neg_mean_squared_error", "test_neg_log_loss", "closs",
                           "glossary", "score", "frank", "timestamp"})
    EXPECT_FALSE(is_less_better(name)) << name;
}

TEST_F(Forms, AskForTheDirectionOfALoss) {
  const std::string text = "net,val_loss\na,1\nb,2\n";
  EXPECT_THAT(refusal(text), HasSubstr("is less or more of 'val_loss' better? Give --minimize or"));
  EXPECT_EQ(log(text, {.direction = Direction::maximize}).measure.direction, Direction::maximize);
  EXPECT_EQ(log("net,score\na,1\nb,2\n").measure.direction, Direction::maximize);
}

TEST_F(Forms, ThatHoldAccuraciesWantFractionsOfTheWholeColumn) {
  std::string percent = "net,acc_1,acc_2\n", most = percent;
  for (int i = 0; i < 20; ++i) {
    percent += "a" + std::to_string(i) + ",40," + std::to_string(50 + i) + "\n";
    most += "a" + std::to_string(i) + ",0.1," + (i < 3 ? "50" : "0.5") + "\n";
  }
  EXPECT_THAT(refusal(percent), HasSubstr("--unit percent"));
  const Log read = log(percent, {.unit = "percent"});
  ASSERT_EQ(read.rows.size(), 20U);
  EXPECT_DOUBLE_EQ(*read.rows[3].value, 0.53);
  EXPECT_THAT(refusal(most), HasSubstr("3 of 20 values"));
  // A table has its own unit.
  const Log table = log("net,accuracy\na,1.00\nb,92.31%\nc,50 ± 2\n");
  EXPECT_THAT(values_of(table), ElementsAre(1, 92.31, 50));
}

TEST_F(Forms, WithMoreThanATenthOfBadValuesAreRefused) {
  std::string text = "net,y\n";
  for (int i = 0; i < 18; ++i) text += "a,1\n";
  EXPECT_THAT(log(text + "b,x\nc,?\n").problems.size(), 2);
  EXPECT_THAT(refusal(text + "b,x\nc,?\nd,!\n"), HasSubstr("3 of 21 values of 'y' cannot be used"));
  // What did not finish, is blank or infinite is no bad value.
  const Log read =
      log("net,y,state\na,1,COMPLETE\nb,,FAIL\nc,inf,COMPLETE\nd,2,PRUNED\ne,,RUNNING\n");
  EXPECT_THAT(values_of(read),
              ElementsAre(1, std::nullopt, std::nullopt, std::nullopt, std::nullopt));
  ASSERT_EQ(read.remarks.size(), 1U);
  EXPECT_THAT(read.remarks[0],
              HasSubstr("1 with a value, 1 fail, 1 infinite, 1 pruned, 1 running"));
}

// ---- What describes a network ----

TEST(Description, IsOneTextOfStringAndColumns) {
  EXPECT_EQ(described("a|b", {{"lr", "0.010"}, {"opt", " adam "}, {"n", "3.0"}}),
            R"(["a|b",{"lr":0.01,"opt":"adam","n":3}])");
  EXPECT_EQ(described(std::nullopt, {{"lr", ""}, {"bn", "nan"}, {"opt", "None"}}),
            R"({"opt":"None"})");
  const Description both = parse_description(R"(["a|b",{"lr":0.01,"opt":"adam"}])");
  EXPECT_EQ(both.architecture, "a|b");
  EXPECT_EQ(both.columns["lr"], 0.01);
  for (const char* plain : {"[C(64,3,1), SM(10)]", "a|b", "{a}", "", "[\"a\"]", "{\"a\":[1]}"})
    EXPECT_EQ(parse_description(plain).architecture, plain);
  EXPECT_EQ(readable(R"(["a|b",{"lr":0.01,"opt":"adam"}])"), "a|b lr=0.01 opt=adam");
}

// Names that our export of another measure has too, in another order.
TEST_F(Forms, ThatHaveSomeNamesOfOursAreTables) {
  const std::string text =
      "state,direction,score,architecture,reason\ncomplete,minimize,3,x|y,good\nfailed,minimize,,y|"
      "x,bad\n";
  const Log read = read_log(file("log", text), {.target = "score"});
  EXPECT_EQ(read.measure.direction, Direction::maximize);
  EXPECT_THAT(values_of(read), ElementsAre(3, std::nullopt));
}

TEST_F(Forms, FindFeaturesByNameByPatternAndByPrefix) {
  const std::string text =
      "net,params_lr,params_n,flops_gpu,flops_cpu,same,y\na,0.1,3,1,2,x,1\nb,0.2,4,2,2,x,2\n";
  const LogOptions strings{.architecture_column = "net", .target = "y"};
  EXPECT_THAT(log(text, strings).features, ElementsAre("params_lr", "params_n"));
  LogOptions named = strings;
  named.features = {"flops_*", "params_n", "same"};
  const Log read = log(text, named);
  EXPECT_THAT(read.features, ElementsAre("flops_gpu", "params_n"));
  EXPECT_THAT(read.remarks[0], HasSubstr("'flops_cpu', 'same' are the same in all rows"));
  EXPECT_THAT(networks_of(read), ElementsAre(R"(["a",{"flops_gpu":1,"params_n":3}])",
                                             R"(["b",{"flops_gpu":2,"params_n":4}])"));
  named.features = {"flop"};
  EXPECT_THAT(refusal(text, named), HasSubstr("no column 'flop' for the features; did you mean"));
  LogOptions none = strings;
  none.architecture_column = "";
  EXPECT_FALSE(log(text, none).has_strings);
  EXPECT_THAT(refusal("a,b\n1,2\n3,4\n", {.target = "a"}), HasSubstr("--features"));
}

TEST_F(Forms, KnowABudgetAndNothingElseOfATuner) {
  const std::string text =
      "config/lr,config/tuner/bracket,training_iteration,acc\n0.1,1,5,0.5\n0.2,2,10,0.6\n";
  const Log read = log(text, {.target = "acc"});
  EXPECT_THAT(read.features, ElementsAre("config/lr", "training_iteration"));
  EXPECT_EQ(read.budget, "training_iteration");
}

TEST_F(Forms, PartCellsThatHoldObjects) {
  const Log read =
      log("summary,config\n\"{'acc': 0.5, 'n': [1, 2]}\",\"{'lr': 0.1, 'net': {'d': 4}}\"\n"
          "\"{'acc': nan}\",\"{'lr': 0.2, 'net': {'d': 5}}\"\n",
          {.target = "summary.acc"});
  EXPECT_THAT(read.features, ElementsAre("config.lr", "config.net.d"));
  EXPECT_THAT(values_of(read), ElementsAre(0.5, std::nullopt));
}

// ---- Optuna, KerasTuner ----

constexpr const char* kJournal =
    R"({"op_code":0,"study_name":"a","directions":[1]}
{"op_code":0,"study_name":"a","directions":[2]}
{"op_code":4,"study_id":0}
{"op_code":0,"study_name":"b","directions":[2,1]}
{"op_code":3,"study_id":1,"system_attr":{"study:metric_names":["acc","ms"]}}
{"op_code":4,"study_id":1}
{"op_code":5,"trial_id":0,"param_name":"opt","param_value_internal":1,"distribution":"{\"name\": \"CategoricalDistribution\", \"attributes\": {\"choices\": [\"adam\", null]}}"}
{"op_code":5,"trial_id":0,"param_name":"lr","param_value_internal":0.25,"distribution":"{\"name\": \"FloatDistribution\", \"attributes\": {\"low\": 0, \"high\": 1}}"}
{"op_code":6,"trial_id":0,"state":1,"values":[3.5]}
{"op_code":6,"trial_id":0,"state":1,"values":[99]}
{"op_code":6,"trial_id":1,"state":1,"values":[0.5,Infinity]}
{"op_code":4,"study_id":0,"state":1,"value":4.5,"values":null,"params":{"lr":0.5,"opt":0},"distributions":{"lr":"{}","opt":"{\"attributes\": {\"choices\": [\"adam\", null]}}"}}
{"op_code":4,"study_id":0,"state":4}
{"op_code":6,"trial_id":2,"state":1,"values":[9)";

TEST_F(Forms, OfOptunaReplayTheirJournal) {
  EXPECT_THAT(refusal(kJournal),
              HasSubstr("several studies of Optuna; name one with --study-name: a, b"));
  const Log read = log(kJournal, {.study_name = "a"});
  EXPECT_EQ(read.measure.direction, Direction::minimize);
  EXPECT_EQ(read.measure.name, "value");
  EXPECT_THAT(networks_of(read), ElementsAre(R"({"params_opt":"None","params_lr":0.25})",
                                             R"({"params_opt":"adam","params_lr":0.5})", "{}"));
  EXPECT_THAT(values_of(read), ElementsAre(3.5, 4.5, std::nullopt));
  EXPECT_THAT(refusal(kJournal, {.study_name = "b"}), HasSubstr("values_acc, values_ms"));
  EXPECT_THAT(refusal(kJournal, {.study_name = "c"}),
              HasSubstr("holds no study c of Optuna, but a, b"));
}

TEST_F(Forms, OfOptunaAsATableSayNoDirection) {
  const std::string text =
      "number,value,datetime_start,params_lr,state\n0,0.5,x,0.1,COMPLETE\n1,0.6,x,0.2,COMPLETE\n";
  EXPECT_THAT(refusal(text), HasSubstr("is less or more of 'value' better?"));
  const Log read = log(text, {.direction = Direction::maximize});
  EXPECT_THAT(values_of(read), ElementsAre(0.5, 0.6));
  EXPECT_THAT(read.features, ElementsAre("params_lr"));
}

std::string keras_trial(const std::string& lr, const std::string& metrics, const std::string& score,
                        const std::string& status = "COMPLETED") {
  return R"({"hyperparameters": {"space": [], "values": {"lr": )" + lr +
         R"(, "tuner/epochs": 2}}, "metrics": {"metrics": {)" + metrics + R"(}}, "score": )" +
         score + R"(, "status": ")" + status + "\"}";
}

TEST_F(Forms, OfKerasTunerAreFolders) {
  const auto metric = [](const char* name, const char* direction, const char* values) {
    return "\"" + std::string(name) + R"(": {"direction": ")" + direction +
           R"(", "observations": [)" + values + "]}";
  };
  const auto trial = [&](const char* lr, const char* loss, const char* acc, const char* score) {
    return keras_trial(lr, metric("loss", "min", loss) + ", " + metric("acc", "max", acc), score);
  };
  const auto at = [](const char* value) {
    return R"({"value": [)" + std::string(value) + R"(], "step": 0})";
  };
  const std::string folder = (folder_ / "project").string();
  file("project/oracle.json", "{}");
  file("project/trial_2/trial.json",
       trial("0.2", at("0.3").c_str(), (at("0.5, 0.7") + ", " + at("0.4")).c_str(), "0.6"));
  file("project/trial_10/trial.json", trial("0.1", at("0.2").c_str(), at("0.8").c_str(), "0.8"));
  file("project/trial_11/trial.json", trial("0.3", "", "", "NaN"));
  file("project/trial_12/trial.json", keras_trial("0.4", "", "null", "FAILED"));
  const Log read = read_log(folder);
  EXPECT_EQ(read.measure.name, "acc");
  EXPECT_EQ(read.measure.direction, Direction::maximize);
  EXPECT_THAT(read.features, ElementsAre("lr"));
  EXPECT_THAT(values_of(read), ElementsAre(0.6, 0.8, std::nullopt, std::nullopt));
  EXPECT_THAT(message_of<UsageError>([&] { read_log(folder, {.target = "loss"}); }),
              HasSubstr("is less or more of 'loss' better?"));
  // A project lies in the directory of its tuner.
  EXPECT_EQ(values_of(read_log(folder_ / "")), values_of(read));
  file("other/trial_1/trial.json", trial("0.1", at("0.2").c_str(), at("0.8").c_str(), "0.8"));
  EXPECT_THAT(message_of<UsageError>([&] { read_log(folder_ / ""); }),
              HasSubstr("holds several projects of KerasTuner; name one: "));
}

// ---- Lists ----

TEST_F(Forms, OfListsAndTablesOfNetworksAreRead) {
  const auto texts = [&](const std::string& text, const std::vector<std::string>& features = {},
                         bool have_strings = true, const std::string& budget = "") {
    std::vector<std::string> list;
    for (const ListedNetwork& network :
         read_networks(file("list", text), have_strings, features, budget))
      list.push_back(std::to_string(network.line) + " " + network.text);
    return list;
  };
  EXPECT_THAT(texts("\xEF\xBB\xBF"
                    "[SM(10)]\r\n\r\n\"[C(8,3,1), SM(10)]\"\r\n"),
              ElementsAre("1 [SM(10)]", "3 [C(8,3,1), SM(10)]"));
  EXPECT_THAT(texts("architecture,prediction\n\"[C(8,3,1), SM(10)]\",0.5\n"),
              ElementsAre("2 [C(8,3,1), SM(10)]"));
  EXPECT_THAT(texts("a,b,c\n"), ElementsAre("1 a,b,c"));
  EXPECT_THAT(texts("lr;n\n0,5;3\n", {"n", "lr"}, false), ElementsAre(R"(2 {"n":3,"lr":0.5})"));
  EXPECT_THAT(texts("lr\n1\n", {"lr", "epochs"}, false, "epochs"), ElementsAre(R"(2 {"lr":1})"));
  EXPECT_THAT(usage_error([&] {
                texts("lr\n1\n", {"lr", "epochs"}, false);
              }),
              HasSubstr("has no column 'epochs' for the model"));
}

}  // namespace
}  // namespace metaqnn::datasets
