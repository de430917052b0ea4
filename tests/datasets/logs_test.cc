#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "datasets/logs/csv.h"
#include "datasets/logs/read_frame.h"
#include "metaqnn/base/error.h"
#include "metaqnn/datasets/logs/log.h"
#include "metaqnn/datasets/logs/merge.h"
#include "tests/error_message.h"

namespace metaqnn::datasets {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

// A file of its own for the running test, removed at its end.
class TextFile {
 public:
  explicit TextFile(const std::string& text) : path_(unused_path()) {
    std::ofstream(path_, std::ios::binary) << text;
  }
  ~TextFile() { std::filesystem::remove(path_); }
  TextFile(const TextFile&) = delete;
  TextFile& operator=(const TextFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string at(int line) const { return path_.string() + ":" + std::to_string(line) + ": "; }

 private:
  static std::filesystem::path unused_path() {
    static int count = 0;
    const testing::TestInfo* test = testing::UnitTest::GetInstance()->current_test_info();
    return std::filesystem::path(testing::TempDir()) /
           ("metaqnn_" + std::string(test->test_suite_name()) + "_" + test->name() + "_" +
            std::to_string(getpid()) + "_" + std::to_string(++count) + ".csv");
  }

  std::filesystem::path path_;
};

// The message of the Exception that the action throws.
bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

bool same_number(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

void expect_same_curve(const LogRow& a, const LogRow& b) {
  ASSERT_EQ(a.curve.size(), b.curve.size());
  for (size_t i = 0; i < a.curve.size(); ++i) {
    EXPECT_TRUE(same_number(a.curve[i].training_loss, b.curve[i].training_loss)) << i;
    EXPECT_TRUE(same_number(a.curve[i].training_accuracy, b.curve[i].training_accuracy)) << i;
    EXPECT_TRUE(same_number(a.curve[i].validation_loss, b.curve[i].validation_loss)) << i;
    EXPECT_TRUE(same_number(a.curve[i].validation_accuracy, b.curve[i].validation_accuracy)) << i;
  }
}

void expect_same(const LogRow& a, const LogRow& b) {
  EXPECT_EQ(a.architecture, b.architecture);
  EXPECT_EQ(a.state, b.state);
  EXPECT_EQ(a.reason, b.reason);
  EXPECT_EQ(a.value, b.value);
  EXPECT_EQ(a.epsilon, b.epsilon);
  EXPECT_EQ(a.parameters, b.parameters);
  EXPECT_EQ(a.macs, b.macs);
  EXPECT_EQ(a.memory_bytes, b.memory_bytes);
  EXPECT_EQ(a.attempts, b.attempts);
  EXPECT_EQ(a.learning_rate, b.learning_rate);
  EXPECT_EQ(a.seconds, b.seconds);
  EXPECT_EQ(a.images_per_second, b.images_per_second);
  EXPECT_EQ(a.origin, b.origin);
  EXPECT_EQ(a.samples, b.samples);
  expect_same_curve(a, b);
}

std::string log_csv(const Log& log) {
  std::ostringstream out;
  write_log_csv(log, out);
  return out.str();
}

std::string replay_csv(const Log& log) {
  std::ostringstream out;
  write_replay_csv(log, out);
  return out.str();
}

std::string repeated(const std::string& line, int times) {
  std::string lines;
  for (int i = 0; i < times; ++i) lines += line;
  return lines;
}

LogRow row_of(const std::string& architecture, double accuracy, std::vector<int64_t> samples) {
  LogRow row;
  row.architecture = architecture;
  row.value = accuracy;
  row.samples = std::move(samples);
  return row;
}

using Fields = std::vector<std::string>;

Fields cells_of(const DataFrame& frame, size_t row) {
  Fields cells;
  for (size_t i = 0; i < frame.names.size(); ++i)
    cells.emplace_back(frame.cell(row, static_cast<int>(i)));
  return cells;
}

// ---- CSV ----

TEST(Csv, SplitsLinesAtCommas) {
  const DataFrame csv = parse_csv("a,b\n1,2\n3,\n", "text");
  EXPECT_EQ(csv.names, (Fields{"a", "b"}));
  ASSERT_EQ(csv.rows(), 2u);
  EXPECT_EQ(cells_of(csv, 0), (Fields{"1", "2"}));
  EXPECT_EQ(cells_of(csv, 1), (Fields{"3", ""}));
  EXPECT_EQ(csv.column("b"), 1);
  EXPECT_EQ(csv.column("c"), -1);
}

TEST(Csv, ReadsQuotedCommasQuotesAndLineBreaks) {
  const DataFrame csv =
      parse_csv("a,b\n\"1,2\",\"say \"\"hi\"\"\"\n\"two\nlines\", \"spaced\" \nx,y\n", "text");
  ASSERT_EQ(csv.rows(), 3u);
  EXPECT_EQ(cells_of(csv, 0), (Fields{"1,2", "say \"hi\""}));
  EXPECT_EQ(cells_of(csv, 1), (Fields{"two\nlines", "spaced"}));
  EXPECT_EQ(cells_of(csv, 2), (Fields{"x", "y"}));
}

TEST(Csv, NumbersRowsByTheLineWhereTheyStart) {
  const DataFrame csv = parse_csv("a\r\n\"1\r\n2\"\r\n\r\n3\n", "text");
  ASSERT_EQ(csv.rows(), 2u);
  EXPECT_EQ(csv.line(0), 2);
  EXPECT_EQ(csv.line(1), 5);
  ASSERT_EQ(csv.problems.size(), 1u);
  EXPECT_EQ(csv.problems[0].line, 4);
}

TEST(Csv, AcceptsByteOrderMarkCarriageReturnsAndNoFinalLineEnd) {
  const DataFrame csv = parse_csv("\xEF\xBB\xBF a ,b\r\n1,2\r\n3,4", "text");
  EXPECT_EQ(csv.names, (Fields{"a", "b"}));
  ASSERT_EQ(csv.rows(), 2u);
  EXPECT_EQ(cells_of(csv, 1), (Fields{"3", "4"}));
}

TEST(Csv, KeepsCommasInsideUnquotedBrackets) {
  const DataFrame csv =
      parse_csv("net,y\n[SM(10)],1\n[GAP(10), SM(10)],2\n[[1,2],[3]],3\n", "text");
  ASSERT_EQ(csv.rows(), 3u);
  EXPECT_EQ(cells_of(csv, 0), (Fields{"[SM(10)]", "1"}));
  EXPECT_EQ(cells_of(csv, 1), (Fields{"[GAP(10), SM(10)]", "2"}));
  EXPECT_EQ(cells_of(csv, 2), (Fields{"[[1,2],[3]]", "3"}));
}

TEST(Csv, AnOpenBracketEndsWithItsLine) {
  const DataFrame csv = parse_csv("net,y\n[C(1,2,3),1\n[SM(10)],2\n", "text");
  ASSERT_EQ(csv.rows(), 1u);
  EXPECT_EQ(cells_of(csv, 0), (Fields{"[SM(10)]", "2"}));
  ASSERT_EQ(csv.problems.size(), 1u);
  EXPECT_EQ(csv.problems[0].why,
            "the row has 4 fields and the header 2; a field that holds a separator has to be in "
            "quotes");
}

TEST(Csv, NamesTheLineOfAQuoteThatIsNeverClosed) {
  const std::string message =
      tests::message_of<DataError>([] { parse_csv("a,b\n1,2\n3,\"4\n5,6\n", "log.csv"); });
  EXPECT_TRUE(contains(message, "log.csv:3: the quote opened here is never closed")) << message;
}

TEST(Csv, RefusesEmptyAndBinaryText) {
  for (const char* text : {"", "\n\r\n", "\xEF\xBB\xBF", "  \n"}) {
    const std::string message = tests::message_of<DataError>([&] { parse_csv(text, "log.csv"); });
    EXPECT_TRUE(contains(message, "log.csv is empty")) << message;
  }
  const std::string binary("a,b\n1,\0", 7);
  const std::string message = tests::message_of<DataError>([&] { parse_csv(binary, "log.csv"); });
  EXPECT_TRUE(contains(message, "log.csv is not a text file")) << message;
}

TEST(Csv, SaysWhyAFileCannotBeRead) {
  const std::string missing = tests::message_of<DataError>([] { read_text("/no/such/log.csv"); });
  EXPECT_EQ(missing, "cannot read /no/such/log.csv: there is no such file; check the path");
  const std::string directory = tests::message_of<DataError>([] { read_text(testing::TempDir()); });
  EXPECT_TRUE(contains(directory, "it is a directory")) << directory;
}

TEST(Csv, WrittenFieldsReadBackTheSame) {
  const Fields fields{"plain",   "a,b", "say \"hi\"", "two\r\nlines", "[C(1,2", "[SM(10)]",
                      " outer ", "",    "\"",         "x]y,[z",       "|a~0|"};
  std::string names, line;
  for (const std::string& field : fields) {
    names += "h" + std::to_string(names.size()) + ",";
    line += csv_field(field) + ",";
  }
  const DataFrame csv = parse_csv(names + "h\n" + line + "end\n", "text");
  ASSERT_EQ(csv.rows(), 1u);
  Fields expected = fields;
  expected.push_back("end");
  EXPECT_EQ(cells_of(csv, 0), expected);
}

// A spreadsheet takes =1+1 for a formula and runs it; '=1+1 it shows.
TEST(Csv, GuardsTextsThatASpreadsheetWouldTakeForAFormula) {
  EXPECT_EQ(csv_field("=1+1"), "'=1+1");
  EXPECT_EQ(csv_field("+1"), "'+1");
  EXPECT_EQ(csv_field("@sum"), "'@sum");
  EXPECT_EQ(csv_field("-1+1"), "'-1+1");
  EXPECT_EQ(csv_field("=a,b"), "\"'=a,b\"");
  EXPECT_EQ(csv_field("\tx"), "\"'\tx\"");
  EXPECT_EQ(csv_field("'=1"), "''=1");
  for (const char* plain : {"-1", "-1.5e-3", "-", "1+1", "a=b", "'a", "'", "''", ""})
    EXPECT_EQ(csv_field(plain), plain);
}

TEST(Csv, TextsWithGuardsReadBackTheSame) {
  const Fields fields{"=1+1", "+1", "-x", "-",  "-1",       "@", "\t=", "\r=", "\n",  "'=",
                      "''@x", "'",  "'x", "''", "=a,\"b\"", "=", "+",   "'-1", "'-1x"};
  std::string header, row;
  for (const std::string& field : fields) {
    header += "h" + std::to_string(header.size()) + ",";
    row += csv_field(field) + ",";
  }
  DataFrame csv = parse_csv(header + "h\n" + row + "end\n", "text");
  remove_guards(csv);
  ASSERT_EQ(csv.rows(), 1u);
  Fields expected = fields;
  expected.push_back("end");
  EXPECT_EQ(cells_of(csv, 0), expected);
}

// As Python writes lists of names.
TEST(Csv, ApostrophesOfOthersStay) {
  const TextFile table("architecture,accuracy\n'-a'|'b',0.5\n'=c',0.6\n");
  const Log log = read_log(table.path(), {.target = "accuracy"});
  ASSERT_EQ(log.rows.size(), 2u);
  EXPECT_EQ(log.rows[0].architecture, "'-a'|'b'");
  EXPECT_EQ(log.rows[1].architecture, "'=c'");
  const TextFile own("architecture,state,validation_accuracy\n'-a'|'b',complete,0.5\n");
  EXPECT_EQ(read_log(own.path()).rows[0].architecture, "-a'|'b'");
}

TEST(OwnLog, ARowThatHasNotFinishedHasNoAccuracy) {
  const TextFile file(
      "architecture,state,validation_accuracy\na,running,0.3\na,complete,0.9\nb,waiting,0.2\n");
  const Log log = read_log(file.path());
  ASSERT_EQ(log.rows.size(), 3u);
  EXPECT_EQ(log.rows[0].value, std::nullopt);
  EXPECT_EQ(log.rows[2].value, std::nullopt);
  const MergedRow merged = merge({log.rows[0], log.rows[1]});
  EXPECT_EQ(merged.row.state, "complete");
  EXPECT_EQ(merged.row.value, 0.9);
}

TEST(Csv, WritesTheShortestTextOfANumber) {
  EXPECT_EQ(csv_number(0.1), "0.1");
  EXPECT_EQ(csv_number(86.0), "86");
  EXPECT_EQ(csv_number(1.0 / 3), "0.3333333333333333");
  EXPECT_EQ(csv_number(kUnknown), "");
}

// ---- Learning curves ----

constexpr const char* kCurves =
    "net,training_dataset,num_params,depth,lr,acc_1,acc_2,acc_3\n"
    "\"[C(64,1,1), SM(10)]\",cifar10,370112,8,0.001,0.31,0.56,0.55\n"
    "[SM(10)],cifar10,30730.0,0,0.0004,0.2,0.3,\n";

TEST(LearningCurveLog, TargetIsTheBestEpoch) {
  const TextFile file(kCurves);
  const Log log = read_log(file.path());
  EXPECT_TRUE(log.problems.empty());
  ASSERT_EQ(log.rows.size(), 2u);
  const LogRow& row = log.rows[0];
  EXPECT_EQ(row.line, 2);
  EXPECT_EQ(row.architecture, "[C(64,1,1), SM(10)]");
  EXPECT_EQ(row.value, 0.56);
  EXPECT_EQ(row.parameters, 370112);
  EXPECT_EQ(row.learning_rate, 0.001);
  ASSERT_EQ(row.curve.size(), 3u);
  EXPECT_EQ(row.curve[2].validation_accuracy, 0.55);
  EXPECT_TRUE(std::isnan(row.curve[2].training_loss));
  EXPECT_FALSE(row.failed());
  EXPECT_EQ(log.rows[1].curve.size(), 2u) << "epochs that were not run are not part of the curve";
  EXPECT_EQ(log.rows[1].parameters, 30730);
}

TEST(LearningCurveLog, TargetCanBeANamedEpoch) {
  const TextFile file(kCurves);
  const Log log = read_log(file.path(), {.target = "acc_3"});
  ASSERT_EQ(log.rows.size(), 1u);
  EXPECT_EQ(log.rows[0].value, 0.55);
  EXPECT_EQ(log.problems,
            std::vector<std::string>{file.at(3) + "acc_3: the value is missing; row left out"});
}

TEST(LearningCurveLog, AnotherTargetIsInItsOwnUnit) {
  const TextFile file(kCurves);
  const Log log = read_log(file.path(), {.target = "num_params"});
  ASSERT_EQ(log.rows.size(), 2u);
  EXPECT_EQ(log.rows[0].value, 370112);
  EXPECT_EQ(log.measure.name, "num_params");
}

TEST(LearningCurveLog, RejectsRowsWithAProblemAndKeepsTheOthers) {
  const TextFile file(std::string("net,lr,acc_1,acc_2\n") +
                      "a,0.1,0.5,56\n"
                      "b,0.1,nan,0.5\n"
                      "c,fast,0.5,0.5\n"
                      " ,0.1,0.5,0.5\n"
                      "d,0.1,0.5\n"
                      "C(1,2),0.1,0.5,0.5\n"
                      "\n"
                      ",,,\n"
                      "e,0.1,,\n" +
                      repeated("f,0.1,0.5,0.25\n", 20));
  const Log log = read_log(file.path());
  ASSERT_EQ(log.rows.size(), 21u);
  EXPECT_EQ(log.rows[0].architecture, "C(1,2)");  // not torn apart
  EXPECT_EQ(log.rows[1].architecture, "f");
  EXPECT_EQ(log.rows[1].line, 11);
  const std::string quote_them =
      "; a field that holds a separator has to be in quotes; row left out";
  const std::vector<std::string> expected{
      file.at(2) + "acc_2: validation accuracy 56 is outside [0, 1]; row left out",
      file.at(3) + "acc_1: 'nan' is not a number; row left out",
      file.at(4) + "lr: 'fast' is not a number; row left out",
      file.at(5) + "net: the architecture is missing; row left out",
      file.at(6) + "the row has 3 fields and the header 4" + quote_them,
      file.at(8) + "the row is empty; row left out",
      file.at(9) + "the row is empty; row left out",
      file.at(10) + "acc_1: the value is missing; row left out"};
  EXPECT_EQ(log.problems, expected);
}

// ---- The authors' replay form ----

constexpr const char* kReplayHeader =
    "net,accuracy_best_val,iter_best_val,accuracy_last_val,iter_last_val,accuracy_best_test,"
    "accuracy_last_test,ix_q_value_update,epsilon,time_finished,machine_run_on\n";

TEST(ReplayLog, IterationZeroIsANetworkThatDidNotLearn) {
  const TextFile file(
      std::string(kReplayHeader) +
      "[SM(10)],0.1,0.0,0.1,0.0,-1.0,-1.0,4.0,1.0,0.0,unknown\n"
      "\"[C(64,1,1), SM(10)]\",0.91,10660.0,0.9,10660.0,-1.0,-1.0,7.0,0.9,0.0,luna\n");
  const Log log = read_log(file.path());
  EXPECT_TRUE(log.problems.empty());
  ASSERT_EQ(log.rows.size(), 2u);
  EXPECT_TRUE(log.rows[0].failed());
  EXPECT_EQ(log.rows[0].reason, "not learning");
  EXPECT_EQ(log.rows[0].value, 0.1);
  EXPECT_EQ(log.rows[0].samples, std::vector<int64_t>{4});
  EXPECT_FALSE(log.rows[1].failed());
  EXPECT_EQ(log.rows[1].value, 0.91);
  EXPECT_EQ(log.rows[1].epsilon, 0.9);
  EXPECT_EQ(log.rows[1].samples, std::vector<int64_t>{7});
}

TEST(ReplayLog, RepeatedUpdateNumbersAreReplacedByTheOrderOfRows) {
  const TextFile file(std::string(kReplayHeader) + "a,0.5,1,0.5,1,-1,-1,1.0,1,0,x\n" +
                      "b,86.0,100,85.5,1,-1,-1,5.0,1,0,x\n" +
                      repeated("c,0.5,1,0.5,1,-1,-1,1.0,1,0,x\n", 9));
  const Log log = read_log(file.path());
  ASSERT_EQ(log.rows.size(), 10u);
  EXPECT_EQ(log.rows[0].samples, std::vector<int64_t>{1});
  EXPECT_EQ(log.rows[1].samples, std::vector<int64_t>{2});
  const std::string expected =
      file.at(3) + "accuracy_best_val: accuracy_best_val 86 is outside [0, 1]; row left out";
  EXPECT_EQ(log.problems, std::vector<std::string>{expected});
}

TEST(ReplayLog, IsWrittenOneRowPerSampleInTheOrderOfSequence) {
  Log log;
  log.rows.push_back(row_of("a", 0.75, {3, 1}));
  log.rows[0].epsilon = 0.9;
  log.rows[0].curve = {{1, 0.5, 1, 0.5}, {1, 0.5, 1, 0.75}, {1, 0.5, 1, 0.7}};
  log.rows.push_back(row_of("[b, c]", 0.1, {2}));
  log.rows[1].state = "failed";
  log.rows[1].reason = "not learning";
  log.rows.push_back(row_of("d", 0.25, {4}));
  EXPECT_EQ(replay_csv(log), std::string(kReplayHeader) +
                                 "a,0.75,2,0.7,3,-1.0,-1.0,1,0.9,0.0,unknown\n"
                                 "\"[b, c]\",0.1,0,0.1,0,-1.0,-1.0,2,,0.0,unknown\n"
                                 "a,0.75,2,0.7,3,-1.0,-1.0,3,0.9,0.0,unknown\n"
                                 "d,0.25,1,0.25,1,-1.0,-1.0,4,,0.0,unknown\n");
}

TEST(ReplayLog, LeavesOutWhatHasNoReward) {
  Log log;
  log.rows.push_back(row_of("crashed", 0.5, {1}));
  log.rows[0].state = "failed";
  log.rows[0].reason = "crashed (signal 11)";
  log.rows.push_back(row_of("waiting", 0.5, {}));
  log.rows[1].state = "waiting";
  log.rows[1].value.reset();
  EXPECT_EQ(replay_csv(log), kReplayHeader);
}

TEST(ReplayLog, PutsRowsWithoutASampleLast) {
  Log log;
  log.rows.push_back(row_of("unsampled", 0.5, {}));
  log.rows.push_back(row_of("sampled", 0.5, {6}));
  const TextFile file(replay_csv(log));
  const Log again = read_log(file.path());
  ASSERT_EQ(again.rows.size(), 2u);
  EXPECT_EQ(again.rows[0].architecture, "sampled");
  EXPECT_EQ(again.rows[1].architecture, "unsampled");
  EXPECT_EQ(again.rows[1].samples, std::vector<int64_t>{7});
}

TEST(ReplayLog, ReadsBackWhatWasWritten) {
  Log log;
  log.rows.push_back(row_of("[C(64,1,1), SM(10)]", 1.0 / 3, {1}));
  log.rows.push_back(row_of("[SM(10)]", 0.1, {2}));
  log.rows[1].state = "failed";
  log.rows[1].reason = "not learning";
  log.rows[1].epsilon = 0.9;
  const TextFile file(replay_csv(log));
  const Log again = read_log(file.path());
  ASSERT_EQ(again.rows.size(), 2u);
  expect_same(again.rows[0], log.rows[0]);
  expect_same(again.rows[1], log.rows[1]);
}

// ---- Our own export ----

LogRow full_row() {
  LogRow row = row_of("[C(64,3,1), SM(10)]", 0.1 + 0.2, {3, 17});
  row.epsilon = 1.0 / 3;
  row.parameters = 9'007'199'254'740'993;  // 2^53 + 1: not a double
  row.macs = 2;
  row.memory_bytes = 3;
  row.attempts = 4;
  row.learning_rate = 1e-4;
  row.seconds = 12.5;
  row.images_per_second = 1e22;
  row.origin = "search, by \"hand\"";
  row.curve = {{2.3, 0.1, kUnknown, 0.2}, {0.1 * 3, 0.5, 1.5, 0.1 + 0.2}};
  return row;
}

LogRow failed_row() {
  LogRow row;
  row.architecture = "[SM(10)]";
  row.state = "failed";
  row.reason = "too large (1,000 parameters)\nsecond line";
  row.curve = {{std::numeric_limits<double>::infinity(), kUnknown, kUnknown, kUnknown}};
  return row;
}

TEST(OwnLog, ReadsBackWhatWasWritten) {
  Log log;
  log.rows = {full_row(), failed_row(), row_of("|a~0|", 0, {})};
  log.rows.push_back(failed_row());
  log.rows[3].state = "running";
  const TextFile file(log_csv(log));
  const Log again = read_log(file.path());
  EXPECT_EQ(again.problems, std::vector<std::string>{});
  ASSERT_EQ(again.rows.size(), log.rows.size());
  for (size_t i = 0; i < log.rows.size(); ++i) expect_same(again.rows[i], log.rows[i]);
  EXPECT_EQ(log_csv(again), log_csv(log));
}

TEST(OwnLog, HasTheColumnsOfTheLongestCurve) {
  Log log;
  log.rows.push_back(row_of("a", 0.5, {1, 2}));
  log.rows.push_back(row_of("b", 0.25, {}));
  log.rows[1].curve = {{1.5, 0.5, 2.5, 0.25}};
  EXPECT_EQ(log_csv(log),
            "number,architecture,state,reason,validation_accuracy,epsilon,parameters,macs,"
            "memory_bytes,learning_rate,seconds,images_per_second,attempts,origin,samples,"
            "training_loss_1,training_accuracy_1,validation_loss_1,val_acc_1\n"
            "1,a,complete,,0.5,,,,,,,,,,1 2,,,,\n"
            "2,b,complete,,0.25,,,,,,,,,,,1.5,0.5,2.5,0.25\n");
}

TEST(OwnLog, TargetCanBeAnEpochOfTheCurve) {
  Log log;
  log.rows = {full_row()};
  const TextFile file(log_csv(log));
  const Log again = read_log(file.path(), {.target = "val_acc_1"});
  ASSERT_EQ(again.rows.size(), 1u);
  EXPECT_EQ(again.rows[0].value, 0.2);
}

TEST(OwnLog, RejectsUnknownStatesMissingAccuraciesAndBadSamples) {
  const TextFile file(
      "number,architecture,state,validation_accuracy,attempts,samples\n"
      "1,a,done,0.5,1,1\n"
      "2,b,complete,,1,2\n"
      "3,c,complete,0.5,1.5,3\n"
      "4,d,complete,0.5,1,3 x\n"
      "5,e,failed,,1,\n"
      "6,f,waiting,,,\n");
  const Log log = read_log(file.path());
  const std::vector<std::string> expected{
      file.at(2) +
          "state: 'done' is none of complete, failed, stopped, waiting, running; row left out",
      file.at(3) + "validation_accuracy: the value is missing; row left out",
      file.at(4) + "attempts: '1.5' is not a whole number; row left out",
      file.at(5) + "samples: '3 x' is not a list of whole numbers; row left out"};
  EXPECT_EQ(log.problems, expected);
  ASSERT_EQ(log.rows.size(), 2u);
  EXPECT_TRUE(log.rows[0].failed());
  EXPECT_EQ(log.rows[1].state, "waiting");
}

// ---- Other tables, and headers that do not fit ----

constexpr const char* kTable =
    "cell,cifar10_valid,cifar10_test,note\n"
    "|a~0|+|b~0|,0.63,0.69,x\n"
    "|b~0|+|b~0|,0.7,0.71,y\n";

TEST(TableLog, ReadsTheNamedColumns) {
  const TextFile file(kTable);
  const Log log = read_log(file.path(), {.architecture_column = "cell", .target = "cifar10_test"});
  EXPECT_EQ(log.source, file.path().string());
  ASSERT_EQ(log.rows.size(), 2u);
  EXPECT_EQ(log.rows[0].architecture, "|a~0|+|b~0|");
  EXPECT_EQ(log.rows[0].value, 0.69);
  EXPECT_TRUE(log.rows[0].curve.empty());
}

TEST(TableLog, AMissingColumnIsAnErrorWithTheNearestName) {
  const TextFile file(kTable);
  const std::string target = tests::message_of<UsageError>(
      [&] { read_log(file.path(), {.architecture_column = "cell", .target = "cifar10_tset"}); });
  EXPECT_TRUE(contains(target, "has no column 'cifar10_tset' for the target")) << target;
  EXPECT_TRUE(contains(target, "did you mean 'cifar10_test'?")) << target;
  EXPECT_TRUE(contains(target, "columns: cell, cifar10_valid, cifar10_test, note")) << target;
  const std::string architecture = tests::message_of<UsageError>(
      [&] { read_log(file.path(), {.architecture_column = "cel", .target = "cifar10_test"}); });
  EXPECT_TRUE(contains(architecture, "has no column 'cel' for the architecture")) << architecture;
}

TEST(TableLog, NeedsATarget) {
  const TextFile file(kTable);
  const std::string message = tests::message_of<UsageError>(
      [&] { read_log(file.path(), {.architecture_column = "cell", .target = ""}); });
  EXPECT_TRUE(contains(message, "name the target column")) << message;
  EXPECT_TRUE(contains(message, "columns: cell, cifar10_valid")) << message;
}

TEST(TableLog, RefusesATargetWithoutNumbers) {
  const TextFile file(kTable);
  const std::string message = tests::message_of<UsageError>(
      [&] { read_log(file.path(), {.architecture_column = "cell", .target = "note"}); });
  EXPECT_TRUE(contains(message, "the column 'note' holds no number")) << message;
}

TEST(TableLog, SeveralColumnsOfTextAreAskedAbout) {
  const TextFile file(kTable);
  const std::string message =
      tests::message_of<UsageError>([&] { read_log(file.path(), {.target = "cifar10_test"}); });
  EXPECT_TRUE(contains(message, "has several columns of text")) << message;
  EXPECT_TRUE(contains(message, "columns: cell, cifar10_valid, cifar10_test, note")) << message;
}

TEST(TableLog, AnUnreadableFileIsADataError) {
  const std::string message = tests::message_of<DataError>([] { read_log("/no/such/log.csv"); });
  EXPECT_TRUE(contains(message, "cannot read /no/such/log.csv")) << message;
}

// ---- Real logs ----

class RealLogs : public testing::Test {
 protected:
  void SetUp() override {
#ifdef METAQNN_SHARED_DATA
    directory_ = METAQNN_SHARED_DATA;
#endif
    if (directory_.empty() || !std::filesystem::exists(directory_)) {
      GTEST_SKIP() << "the shared data are absent: '" << directory_.string() << "'";
    }
  }

  std::filesystem::path directory_;
};

TEST_F(RealLogs, LearningCurvesReadCompletely) {
  for (const auto& [name, rows] :
       {std::pair{"metaqnn_cifar10.csv", 578u}, {"metaqnn_svhn.csv", 784u}}) {
    const Log log = read_log(directory_ / "logs" / name);
    EXPECT_EQ(log.rows.size(), rows);
    EXPECT_TRUE(log.problems.empty());
    for (const LogRow& row : log.rows) EXPECT_EQ(row.curve.size(), 20u) << row.line;
    EXPECT_EQ(read_log(directory_ / "logs" / name, {.target = "acc_20"}).rows.size(), rows);
  }
}

TEST_F(RealLogs, ReplayRejectsPercentagesAndMarksFailures) {
  const Log log = read_log(directory_ / "logs" / "metaqnn_svhn_replay.csv");
  EXPECT_EQ(log.rows.size(), 1188u - 43u);
  EXPECT_EQ(log.problems.size(), 43u);
  EXPECT_TRUE(contains(log.problems[0], ":1147: ")) << log.problems[0];
  const auto failures = std::count_if(log.rows.begin(), log.rows.end(),
                                      [](const LogRow& row) { return row.failed(); });
  EXPECT_EQ(failures, 536);
  EXPECT_EQ(log.rows.back().samples, std::vector<int64_t>{1145});
}

TEST_F(RealLogs, SurviveOurOwnExport) {
  for (const char* name : {"metaqnn_cifar10.csv", "metaqnn_svhn_replay.csv"}) {
    const Log log = read_log(directory_ / "logs" / name);
    const TextFile file(log_csv(log));
    const Log again = read_log(file.path());
    ASSERT_EQ(again.rows.size(), log.rows.size());
    for (size_t i = 0; i < log.rows.size(); ++i) expect_same(again.rows[i], log.rows[i]);
  }
}

TEST_F(RealLogs, TablesReadCompletely) {
  const Log log =
      read_log(directory_ / "tables" / "nasbench201_12epochs.csv", {.target = "cifar10_valid"});
  EXPECT_EQ(log.rows.size(), 15625u);
  EXPECT_TRUE(log.problems.empty());
}

LogRow row_of(const std::string& state, std::optional<double> accuracy) {
  LogRow row;
  row.architecture = "a";
  row.state = state;
  row.value = accuracy;
  if (state == "failed") row.reason = accuracy ? "not learning" : "out of memory";
  if (accuracy) row.curve = {{kUnknown, kUnknown, kUnknown, *accuracy}};
  return row;
}

TEST(MergedRows, ThatAgreeAreTheFirst) {
  for (double accuracy : {0.1, 0.7, 0.9}) {  // a mean of three would be off in the last digit
    const MergedRow merged = merge(
        {row_of("complete", accuracy), row_of("complete", accuracy), row_of("complete", accuracy)});
    EXPECT_FALSE(merged.results.disagree);
    EXPECT_EQ(merged.row.value, accuracy);
    EXPECT_EQ(merged.row.curve.size(), 1U);
  }
}

// (0.1 + 0.9 + 0.8) / 3
TEST(MergedRows, ThatDisagreeAreTheirMean) {
  const MergedRow merged =
      merge({row_of("complete", 0.1), row_of("complete", 0.9), row_of("complete", 0.8)});
  EXPECT_TRUE(merged.results.disagree);
  EXPECT_DOUBLE_EQ(*merged.row.value, 0.6);
  EXPECT_EQ(merged.row.state, "complete");
  EXPECT_TRUE(merged.row.curve.empty());
}

TEST(MergedRows, AreAResultBeforeAFailureWithoutOneBeforeWhatHasNotFinished) {
  const LogRow failed = row_of("failed", std::nullopt), good = row_of("complete", 0.9),
               waiting = row_of("waiting", std::nullopt);
  for (const auto& rows : {std::vector{failed, good}, {good, failed}, {waiting, failed, good}}) {
    const MergedRow merged = merge(rows);
    EXPECT_EQ(merged.row.state, "complete");
    EXPECT_EQ(merged.row.value, 0.9);
    EXPECT_FALSE(merged.results.disagree);
    EXPECT_EQ(merged.results.count(), 1);
  }
  EXPECT_EQ(merge({waiting, failed}).row.reason, "out of memory");
  EXPECT_EQ(merge({waiting, failed}).results.count(), 0);
  EXPECT_EQ(merge({waiting}).row.state, "waiting");
}

TEST(MergedRows, OfANetworkThatLearnedOnceAreCompleteWithTheMeanOfAll) {
  const MergedRow merged = merge({row_of("failed", 0.1), row_of("complete", 0.5)});
  EXPECT_EQ(merged.row.state, "complete");
  EXPECT_DOUBLE_EQ(*merged.row.value, 0.3);
  EXPECT_TRUE(merged.results.disagree);
  EXPECT_TRUE(merge({row_of("complete", 0.1), row_of("failed", 0.1)}).results.disagree);
  const MergedRow never = merge({row_of("failed", 0.1), row_of("failed", 0.1)});
  EXPECT_EQ(never.row.reason, "not learning");
  EXPECT_FALSE(never.results.disagree);
}

}  // namespace
}  // namespace metaqnn::datasets
