// What comes after the search, as far as it needs no LibTorch: files, choices, figures.
#include "search/evaluate/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>

#include "metaqnn/base/error.h"
#include "metaqnn/base/random.h"
#include "search/evaluate/classification.h"
#include "search/evaluate/paused_trainings.h"
#include "search/final_models.h"
#include "tests/folder.h"

namespace metaqnn::search {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// [SM(2)] on 1x2x2: 8 weights and 2 biases.
Checkpoint small_checkpoint() {
  Checkpoint checkpoint;
  checkpoint.architecture = "[SM(2)]";
  checkpoint.image = {1, 1, 2};
  checkpoint.input = {1, 2, 2};
  checkpoint.classes = 2;
  checkpoint.data_set = "mnist";
  checkpoint.class_names = {"cat", "dog \"x\""};
  checkpoint.preprocessing = datasets::Preprocessing::standardize;
  checkpoint.normalization = {{1, 2, 3, 4}, {5, 6, 7, 8}};
  checkpoint.parameters = {0.5F, -1, 2, 3, 4, 5, 6, 7, 8, 9};
  checkpoint.facts.origin = "finetune";
  checkpoint.facts.configuration = "seed = 1\n";
  checkpoint.facts.trial = 42;
  checkpoint.facts.search_accuracy = 0.75;
  checkpoint.facts.seed = std::numeric_limits<uint64_t>::max();
  checkpoint.facts.epochs = 2;
  checkpoint.facts.best_epoch = 2;
  checkpoint.facts.test_error = 0.1;
  checkpoint.facts.curve = {{1, 0.5, kNan, kNan}, {0.5, 0.75, kNan, kNan}};
  return checkpoint;
}

// After two of three epochs of Adam, of which the first was the best.
Checkpoint begun_checkpoint() {
  Checkpoint checkpoint = small_checkpoint();
  checkpoint.facts.epochs = 3;
  checkpoint.facts.best_epoch = 1;
  checkpoint.facts.test_error = std::nullopt;
  const std::vector<float> last{9, 8, 7, 6, 5, 4, 3, 2, 1, 0};
  checkpoint.unfinished = {
      last, {}, {38, {{"first_moment", last}, {"second_moment", checkpoint.parameters}}}};
  for (float& value : checkpoint.unfinished->optimizer.values["second_moment"]) value *= value;
  return checkpoint;
}

// A convolution of 1 filter with batch normalisation: 9 + 1 + 2 parameters, and 4 * 2 + 2 of SM.
Checkpoint normalized_checkpoint() {
  Checkpoint checkpoint = small_checkpoint();
  checkpoint.architecture = "[C(1,3,1), SM(2)]";
  checkpoint.batch_normalization = true;
  checkpoint.parameters.assign(22, 0.5F);
  checkpoint.running_statistics = {-1, 2};
  return checkpoint;
}

// A file taken apart, to be changed and put together again with the right checksum.
struct Parts {
  explicit Parts(const std::string& text) {
    const size_t begin = text.find('\n') + 1, end = text.find('\n', begin);
    magic = text.substr(0, begin);
    header = Json::parse(text.substr(begin, end - begin));
    size_t position = end + 1;
    for (const Json& blob : header.at("blobs")) {
      const size_t size = blob.at("bytes");
      blobs.push_back(text.substr(position, size));
      position += size;
    }
  }

  std::string& blob(const std::string& name) {
    for (size_t i = 0; i < blobs.size(); ++i) {
      if (header["blobs"][i]["name"] == name) return blobs[i];
    }
    throw std::runtime_error("no blob " + name);
  }

  // With the sizes of the blobs as the header has them.
  std::string text() const {
    std::string all = magic + header.dump() + "\n";
    for (const std::string& blob : blobs) all += blob;
    const uint64_t hash = stable_hash(all);
    return all + std::string(reinterpret_cast<const char*>(&hash), sizeof hash);
  }

  std::string text_with_sizes() {
    for (size_t i = 0; i < blobs.size(); ++i) header["blobs"][i]["bytes"] = blobs[i].size();
    return text();
  }

  std::string magic;
  Json header;
  std::vector<std::string> blobs;
};

class CheckpointFile : public testing::Test {
 protected:
  fs::path file(const std::string& name = "a.checkpoint") const { return folder_ / name; }
  std::string text() const {
    std::ifstream in(file(), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void write(const std::string& text) const { std::ofstream(file(), std::ios::binary) << text; }
  std::string refusal() const {
    try {
      read_finished_checkpoint(file());
    } catch (const DataError& error) {
      EXPECT_THAT(error.what(), HasSubstr("a.checkpoint: "));
      return error.what();
    }
    return "accepted";
  }

  Parts parts_of(const Checkpoint& checkpoint) const {
    write_checkpoint(checkpoint, file());
    return Parts(text());
  }
  std::string refusal_of(const std::string& text) const {
    write(text);
    return refusal();
  }

  tests::Folder folder_;
};

TEST_F(CheckpointFile, ReadsBackWhatWasWritten) {
  const Checkpoint written = small_checkpoint();
  write_checkpoint(written, file());
  const Checkpoint read = read_finished_checkpoint(file());
  EXPECT_EQ(read.architecture, written.architecture);
  EXPECT_EQ(read.image, written.image);
  EXPECT_EQ(read.input, written.input);
  EXPECT_EQ(read.classes, 2);
  EXPECT_EQ(read.class_names, written.class_names);
  EXPECT_EQ(read.preprocessing, written.preprocessing);
  EXPECT_EQ(read.normalization.scale, written.normalization.scale);
  EXPECT_EQ(read.normalization.shift, written.normalization.shift);
  EXPECT_EQ(read.parameters, written.parameters);
  EXPECT_EQ(read.facts.trial, 42);
  EXPECT_EQ(read.facts.seed, written.facts.seed);
  EXPECT_EQ(read.facts.search_accuracy, 0.75);
  EXPECT_EQ(read.facts.validation_accuracy, std::nullopt);
  EXPECT_EQ(read.facts.test_error, 0.1);
  ASSERT_EQ(read.facts.curve.size(), 2u);
  EXPECT_EQ(read.facts.curve[1].training_accuracy, 0.75);
  EXPECT_TRUE(std::isnan(read.facts.curve[1].validation_loss));
}

TEST_F(CheckpointFile, KeepsWhatAnUnfinishedTrainingNeedsAndIsNotUsedBeforeItsEnd) {
  const Checkpoint checkpoint = begun_checkpoint();
  write_checkpoint(checkpoint, file());
  const Checkpoint read = read_checkpoint(file());
  ASSERT_TRUE(read.unfinished);
  EXPECT_EQ(read.unfinished->parameters, checkpoint.unfinished->parameters);
  EXPECT_EQ(read.unfinished->optimizer.step, 38);
  EXPECT_EQ(read.unfinished->optimizer.values, checkpoint.unfinished->optimizer.values);
  EXPECT_THAT(refusal(), HasSubstr("its training stands at epoch 2 of 3"));
}

TEST_F(CheckpointFile, CutAtAnyByteOrWithAnyByteChangedIsRefused) {
  write_checkpoint(small_checkpoint(), file());
  const std::string whole = text();
  for (size_t i = 0; i < whole.size(); ++i) {
    write(whole.substr(0, i));
    EXPECT_NE(refusal(), "accepted") << "cut at " << i;
    std::string changed = whole;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    write(changed);
    EXPECT_NE(refusal(), "accepted") << "changed at " << i;
  }
  write(whole + "x");
  EXPECT_THAT(refusal(), HasSubstr("checksum"));
  write("PK\x03\x04");
  EXPECT_THAT(refusal(), HasSubstr("it is not a checkpoint of metaqnn"));
}

TEST_F(CheckpointFile, OfANewerVersionIsRefusedAsSuch) {
  write_checkpoint(small_checkpoint(), file());
  std::string changed = text();
  changed.replace(changed.find("\"version\":2"), 11, "\"version\":3");
  write(changed);
  EXPECT_THAT(refusal(), HasSubstr("its version is 3, this program reads up to 2"));
}

TEST_F(CheckpointFile, OfVersion1IsReadWhereItsTrainingHasEnded) {
  Parts parts = parts_of(small_checkpoint());
  parts.header["version"] = 1;
  EXPECT_EQ(refusal_of(parts.text()), "accepted");
  EXPECT_EQ(read_finished_checkpoint(file()).parameters, small_checkpoint().parameters);
}

// The optimizer's blob was an archive of LibTorch, which nothing opens any more.
TEST_F(CheckpointFile, OfVersion1IsRefusedWhereItsTrainingHasNotEnded) {
  Parts parts = parts_of(begun_checkpoint());
  parts.header["version"] = 1;
  parts.header.erase("optimizer_step");
  parts.header["blobs"].erase(7);
  parts.blobs.pop_back();
  parts.header["blobs"][6]["name"] = "optimizer";
  parts.blob("optimizer") = std::string("PK\x03\x04", 4) + std::string(500, 'x');
  EXPECT_THAT(refusal_of(parts.text_with_sizes()),
              HasSubstr("begun by an older version of metaqnn, whose optimizer cannot be taken up "
                        "safely; remove the file to train it again"));
}

TEST_F(CheckpointFile, WithAnythingElseInPlaceOfTheOptimizersNumbersIsRefused) {
  const std::string archive = std::string("PK\x03\x04", 4) + std::string(504, 'x');
  for (const char* name : {"optimizer.first_moment", "optimizer.second_moment"}) {
    for (const std::string& content :
         {archive, archive + "x", std::string(), std::string(4, 'x')}) {
      Parts parts = parts_of(begun_checkpoint());
      parts.blob(name) = content;
      EXPECT_THAT(refusal_of(parts.text_with_sizes()), HasSubstr("a.checkpoint: it"));
    }
  }
  for (const char* name : {"optimizer.", "optimizer.weights", "optimizer.momentum"}) {
    Parts parts = parts_of(begun_checkpoint());
    parts.header["blobs"][6]["name"] = name;
    EXPECT_THAT(refusal_of(parts.text()), HasSubstr("optimizer's values are those of none"));
  }
  for (const Json& step :
       {Json(-1), Json(1.5), Json("38"), Json(int64_t{1} << 60), Json(nullptr)}) {
    Parts parts = parts_of(begun_checkpoint());
    parts.header["optimizer_step"] = step;
    EXPECT_THAT(refusal_of(parts.text()), HasSubstr("\"optimizer_step\" is no whole number"));
  }
}

struct Wrong {
  const char *patch, *message;  // a JSON merge patch to the header
};

// Each is told at once, whatever it would take to believe it.
TEST_F(CheckpointFile, WhoseHeaderDoesNotFitIsRefused) {
  const Wrong all[] = {
      {R"({"classes": 1})", "it is of 1 classes, its architecture tells 2 apart"},
      {R"({"classes": 3})", "it is of 3 classes"},
      {R"({"classes": 0})", "\"classes\" is no whole number from 1"},
      {R"({"classes": -1})", "\"classes\" is no whole number"},
      {R"({"classes": 2.5})", "\"classes\" is no whole number"},
      {R"({"classes": "2"})", "\"classes\" is no whole number"},
      {R"({"classes": true})", "\"classes\" is no whole number"},
      {R"({"classes": null})", "key 'classes' not found"},
      {R"({"classes": 2147483647})", "it is of 2147483647 classes"},
      {R"({"classes": 4294967298})", "\"classes\" is no whole number"},
      {R"({"classes": 18446744073709551615})", "\"classes\" is no whole number"},
      {R"({"class_names": ["a"]})", "it names 1 classes of 2"},
      {R"({"class_names": ["a", "b", "c"]})", "it names 3 classes of 2"},
      {R"({"class_names": ["a", 2]})", "header is damaged"},
      {R"({"class_names": "cat"})", "header is damaged"},
      {R"({"version": 0})", "\"version\" is no whole number from 1"},
      {R"({"version": -2})", "\"version\" is no whole number"},
      {R"({"version": 1.5})", "\"version\" is no whole number"},
      {R"({"version": "2"})", "\"version\" is no whole number"},
      {R"({"version": 1099511627776})", "its version is 1099511627776, this program reads up to 2"},
      {R"({"version": 1099511627777})", "its version is 1099511627777"},
      {R"({"version": 18446744073709551615})", "\"version\" is no whole number"},
      {R"({"architecture": "[SM(3)]"})", "its architecture tells 3 apart"},
      {R"({"architecture": "[FC(2), SM(2)]"})", "it holds 10 weights, its architecture has 16"},
      {R"({"architecture": "[P(9,1), SM(2)]"})", "its field is larger than its input"},
      {R"({"architecture": "[SM(2) "})", "expected"},
      {R"({"architecture": 2})", "header is damaged"},
      {R"({"image": "3x2x2"})", "3x2x2"},
      {R"({"image": "1x2x3"})", "1x2x3"},
      {R"({"image": "1x0x2"})", "expected CHANNELSxHEIGHTxWIDTH"},
      {R"({"input": "1x2x1"})", "1x2x1"},
      {R"({"input": "1x3x2"})", "weights, its architecture has 14"},
      {R"({"input": "65536x65536x65536"})", "its input of 65536x65536x65536 is too large"},
      {R"({"preprocessing": "local_contrast"})", "it holds 4 scales, its architecture has 0"},
      {R"({"preprocessing": "sharpen"})", "sharpen"},
      {R"({"finished": false})", "key 'optimizer_step' not found"},
      {R"({"finished": false, "optimizer_step": 1})", "it lacks the blob \"last_parameters\""},
      {R"({"finished": 1})", "header is damaged"},
      {R"({"training": {"epochs": 1}})", "\"best_epoch\" is no whole number from 1 to 1"},
      {R"({"training": {"epochs": 1, "best_epoch": 1}})", "curve of 2 epochs"},
      {R"({"training": {"epochs": 3}})", "is not that of a finished training of 3"},
      {R"({"training": {"epochs": -2}})", "\"epochs\" is no whole number"},
      {R"({"training": {"epochs": 4294967298}})", "\"epochs\" is no whole number"},
      {R"({"training": {"best_epoch": 0}})", "\"best_epoch\" is no whole number"},
      {R"({"training": {"best_epoch": 3}})", "\"best_epoch\" is no whole number"},
      {R"({"training": {"curve": []}})", "curve of 0 epochs"},
      {R"({"training": {"curve": [[1, 1, 1, 1], [1, 1, 1]]}})", "is no list of 4 numbers"},
      {R"({"training": {"curve": [[1, 1, 1, 1], [1, 1, 1, "1"]]}})", "header is damaged"},
      {R"({"training": {"seed": -1}})", "\"seed\" is no whole number"},
      {R"({"training": {"seed": 0.5}})", "\"seed\" is no whole number"},
      {R"({"training": {"trial": -1}})", "\"trial\" is no whole number"},
      {R"({"training": {"trial": 18446744073709551615}})", "\"trial\" is no whole number"},
      {R"({"training": {"test_error": 1.5}})", "\"test_error\" is not within [0, 1]"},
      {R"({"training": {"validation_accuracy": -0.5}})", "\"validation_accuracy\" is not within"},
      {R"({"training": {"search_accuracy": 75}})", "\"search_accuracy\" is not within"},
      {R"({"training": []})", "header is damaged"},
      {R"({"blobs": []})", "it holds bytes that its header does not list"},
      {R"({"blobs": 5})", "header is damaged"},
      {R"([])", "header is damaged"},
  };
  const Parts whole = parts_of(small_checkpoint());
  for (const Wrong& wrong : all) {
    Parts parts = whole;
    parts.header.merge_patch(Json::parse(wrong.patch));
    EXPECT_THAT(refusal_of(parts.text()), HasSubstr(wrong.message)) << wrong.patch;
  }
}

TEST_F(CheckpointFile, WhoseListOfBlobsDoesNotFitIsRefused) {
  const auto refusal_with = [&](const std::function<void(Json&)>& change) {
    Parts parts = parts_of(small_checkpoint());
    change(parts.header["blobs"]);
    return refusal_of(parts.text());
  };
  for (const Json& bytes : {Json(-16), Json(1.5), Json("16"), Json(int64_t{1} << 62),
                            Json(std::numeric_limits<uint64_t>::max()), Json(nullptr), Json(89)}) {
    EXPECT_THAT(refusal_with([&](Json& blobs) { blobs[0]["bytes"] = bytes; }),
                HasSubstr("\"bytes\" is no whole number from 0 to 72"))
        << bytes;
  }
  // A sum that is right only in arithmetic modulo 2^64.
  EXPECT_THAT(refusal_with([](Json& blobs) {
                blobs[0]["bytes"] = (uint64_t{1} << 63) + 16;
                blobs[1]["bytes"] = (uint64_t{1} << 63) + 16;
              }),
              HasSubstr("\"bytes\" is no whole number"));
  EXPECT_THAT(refusal_with([](Json& blobs) { blobs[1]["name"] = "scale"; }),
              HasSubstr("its header lists a blob twice"));
  EXPECT_THAT(refusal_with([](Json& blobs) { blobs[1]["name"] = "shifts"; }),
              HasSubstr("it lacks the blob \"shift\""));
  EXPECT_THAT(refusal_with([](Json& blobs) { blobs[3]["name"] = 3; }),
              HasSubstr("header is damaged"));
  EXPECT_THAT(refusal_with([](Json& blobs) {
                blobs.push_back({{"name", "x"}, {"bytes", 0}});
              }),
              HasSubstr("its header lists a blob that is not known"));
  EXPECT_THAT(refusal_with([](Json& blobs) {
                blobs.push_back({{"name", "optimizer.momentum"}, {"bytes", 0}});
              }),
              HasSubstr("its header lists a blob that is not known"));
  EXPECT_THAT(refusal_with([](Json& blobs) { blobs.erase(3); }),
              HasSubstr("it lacks the blob \"running_statistics\""));
  EXPECT_THAT(refusal_with([](Json& blobs) {
                blobs[0]["bytes"] = 15;
                blobs[1]["bytes"] = 17;
              }),
              HasSubstr("whole numbers of 4 bytes"));
}

TEST_F(CheckpointFile, HoldsAsManyNumbersAsItsNetworkHasAndAllAreFinite) {
  for (const Checkpoint& checkpoint : {small_checkpoint(), normalized_checkpoint()}) {
    for (const char* name : {"scale", "shift", "parameters", "running_statistics"}) {
      Parts longer = parts_of(checkpoint);
      longer.blob(name) += std::string(4, '\0');
      EXPECT_THAT(refusal_of(longer.text_with_sizes()), HasSubstr("its architecture has")) << name;
      Parts whole = parts_of(checkpoint);
      if (whole.blob(name).empty()) continue;
      for (const float value :
           {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        Parts parts = whole;
        std::memcpy(parts.blob(name).data() + 4, &value, sizeof value);
        EXPECT_THAT(refusal_of(parts.text()), HasSubstr("are not all finite")) << name;
      }
      Parts empty = whole;
      empty.blob(name).clear();
      EXPECT_THAT(refusal_of(empty.text_with_sizes()), HasSubstr("it holds 0 ")) << name;
    }
  }
  Checkpoint negative = normalized_checkpoint();
  negative.running_statistics[1] = -2;
  EXPECT_THROW(write_checkpoint(negative, file()), DataError);
  Parts other = parts_of(normalized_checkpoint());
  other.header["batch_normalization"] = false;
  EXPECT_THAT(refusal_of(other.text()), HasSubstr("it holds 22 weights, its architecture has 20"));
  for (const char* name : {"last_parameters", "last_running_statistics"}) {
    Parts parts = parts_of(begun_checkpoint());
    parts.blob(name) += std::string(4, '\0');
    EXPECT_THAT(refusal_of(parts.text_with_sizes()), HasSubstr("it holds ")) << name;
  }
}

TEST_F(CheckpointFile, ThatIsAPipeOrAFolderIsNotWaitedFor) {
  ASSERT_EQ(mkfifo(file().c_str(), 0600), 0);
  EXPECT_THAT(refusal(), HasSubstr("cannot be read"));
  fs::remove(file());
  fs::create_directory(file());
  EXPECT_THAT(refusal(), HasSubstr("cannot be read"));
}

TEST_F(CheckpointFile, WithOtherWeightsThanItsArchitectureIsRefused) {
  Checkpoint checkpoint = small_checkpoint();
  checkpoint.parameters.pop_back();
  EXPECT_THROW(write_checkpoint(checkpoint, file()), DataError);
  EXPECT_FALSE(fs::exists(file()));
}

TEST_F(CheckpointFile, ThatIsMissingOrCannotBeWrittenIsNamed) {
  EXPECT_THAT(refusal(), HasSubstr("cannot be read; make it with metaqnn finetune"));
  try {
    write_checkpoint(small_checkpoint(), folder_ / "no/where.checkpoint");
    ADD_FAILURE();
  } catch (const FailureError& error) {
    EXPECT_THAT(error.what(), HasSubstr("where.checkpoint: cannot be written (No such file"));
  }
}

TEST_F(CheckpointFile, RanksModelsByValidationAndNeverByTestError) {
  Checkpoint checkpoint = small_checkpoint();
  const auto write_model = [&](const std::string& name, std::optional<double> validation,
                               double search, double test_error) {
    checkpoint.facts.validation_accuracy = validation;
    checkpoint.facts.search_accuracy = search;
    checkpoint.facts.test_error = test_error;
    write_checkpoint(checkpoint, file(name + ".checkpoint"));
  };
  write_model("a", 0.8, 0.9, 0.01);
  write_model("b", 0.9, 0.1, 0.50);
  write_model("c", std::nullopt, 0.85, 0.30);
  checkpoint.facts.epochs = 3;
  checkpoint.unfinished.emplace();
  write_model("d", 0.99, 0.99, 0.0);
  std::vector<std::string> unfinished;
  const std::vector<FinalModel> models = read_models(folder_.path(), unfinished);
  ASSERT_EQ(models.size(), 3u);
  EXPECT_EQ(models[0].name + models[1].name + models[2].name, "bca");
  EXPECT_THAT(unfinished, ElementsAre("d"));
  EXPECT_THROW(read_models(folder_ / "none", unfinished), DataError);
}

TEST(FinalSettings, ScaledScheduleKeepsAtLeastOneEpochOfEachStep) {
  FinalSettings settings;
  scale_epochs(settings, 0.02);
  using Step = std::pair<double, int>;
  // 40, 40, 160 and 60 epochs times 0.02.
  EXPECT_THAT(settings.schedule,
              ElementsAre(Step{0.025, 1}, Step{0.0125, 1}, Step{1e-4, 3}, Step{1e-5, 1}));
}

TEST(FinalSettings, TakeTheImagesOfTheSearchWithTheirOwnSizes) {
  DataSettings data{.name = "svhn", .path = "/x", .preprocessing = "mean", .mirror = true};
  FinalSettings settings;
  settings.extra_images = true;
  settings.training_images = 7;
  DataSettings changed = final_data(data, settings);
  EXPECT_EQ(changed.name, "svhn_extra");
  EXPECT_EQ(changed.preprocessing, "mean");
  EXPECT_EQ(changed.training_images, 7);
  EXPECT_EQ(changed.validation_images, 0);
  EXPECT_EQ(changed.translation, 5);
  EXPECT_TRUE(changed.mirror);
  settings.preprocessing = "local_contrast";
  EXPECT_EQ(final_data(data, settings).preprocessing, "local_contrast");
  data.name = "mnist";
  EXPECT_THROW(final_data(data, settings), UsageError);
}

TEST(Transfer, GivesTheLastLayersTheClassesOfTheNewImages) {
  EXPECT_EQ(with_classes("[C(8,3,1), FC(10), SM(10)]", 100), "[C(8,3,1), FC(10), SM(100)]");
  EXPECT_EQ(with_classes("[C(8,3,1), GAP(10), SM(10)]", 100), "[C(8,3,1), GAP(100), SM(100)]");
}

TEST(Classification, CountsWhatIsTakenForWhat) {
  Eigen::MatrixXd probabilities(5, 3);
  probabilities << 0.8, 0.1, 0.1,  // 0 as 0
      0.2, 0.5, 0.3,               // 0 as 1
      0.4, 0.4, 0.2,               // 1 as 0, the first of equals
      0.1, 0.7, 0.2,               // 1 as 1
      0.0, 0.6, 0.4;               // 1 as 1
  const Classification result = classify(probabilities, {0, 0, 1, 1, 1});
  Eigen::Matrix<int64_t, 3, 3> expected;
  expected << 1, 1, 0, 1, 2, 0, 0, 0, 0;
  EXPECT_EQ(result.confusion, expected);
  EXPECT_DOUBLE_EQ(result.error(), 2.0 / 5);
  EXPECT_DOUBLE_EQ(result.class_error(0), 1.0 / 2);
  EXPECT_DOUBLE_EQ(result.class_error(1), 1.0 / 3);
  EXPECT_TRUE(std::isnan(result.class_error(2)));
}

TEST(Classification, OfACommitteeIsThatOfTheMean) {
  Eigen::MatrixXd sure(1, 2), doubtful(1, 2);
  sure << 0.9, 0.1;
  doubtful << 0.4, 0.6;
  const Eigen::MatrixXd mean = mean_probabilities({sure, doubtful});
  EXPECT_DOUBLE_EQ(mean(0, 0), 0.65);
  EXPECT_EQ(classify(mean, {0}).error(), 0);
  EXPECT_EQ(classify(doubtful, {0}).error(), 1);
}

// Stopped after two of three epochs.
Trial stopped_trial(int64_t number, double value) {
  Trial trial;
  trial.number = number;
  trial.architecture = begun_checkpoint().architecture;
  trial.state = TrialState::stopped;
  trial.value = value;
  trial.predicted = true;
  trial.curve = begun_checkpoint().facts.curve;
  return trial;
}

void keep(const PausedTrainings& paused, int64_t trial) {
  Checkpoint checkpoint = begun_checkpoint();
  checkpoint.facts.trial = trial;
  paused.keep(checkpoint);
}

TEST(PausedTrainings, AreFoundByTrialAndCurve) {
  const tests::Folder folder;
  const PausedTrainings paused(folder / "stopped");
  keep(paused, 3);
  Trial trial = stopped_trial(3, 0.5);
  const std::optional<Checkpoint> found = paused.find(trial);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->unfinished->optimizer.step, 38);
  EXPECT_FALSE(paused.find(stopped_trial(4, 0.5)));
  trial.architecture = "[C(1,3,1), SM(2)]";
  EXPECT_FALSE(paused.find(trial));
}

// A study that was removed and begun again has other curves.
TEST(PausedTrainings, OfAnotherCurveAreNotUsed) {
  const tests::Folder folder;
  const PausedTrainings paused(folder.path());
  keep(paused, 3);
  Trial trial = stopped_trial(3, 0.5);
  ASSERT_TRUE(paused.find(trial));
  trial.curve[1].training_loss = std::nextafter(0.5, 1);
  EXPECT_FALSE(paused.find(trial));
  trial.curve.clear();
  EXPECT_FALSE(paused.find(trial));
}

TEST(PausedTrainings, ThatAreDamagedAreNotUsed) {
  const tests::Folder folder;
  const PausedTrainings paused(folder.path());
  keep(paused, 3);
  fs::resize_file(folder / "trial-3.checkpoint", 100);
  EXPECT_FALSE(paused.find(stopped_trial(3, 0.5)));
}

TEST(PausedTrainings, WithoutAFolderKeepNothingAndFindNothing) {
  const PausedTrainings paused;
  EXPECT_FALSE(paused.keeps());
  EXPECT_FALSE(paused.find(stopped_trial(3, 0.5)));
}

TEST(PausedTrainings, WhoseFolderCannotBeMadeSayWhatToDo) {
  const tests::Folder folder;
  const PausedTrainings paused(folder.write("file", "") / "stopped");
  try {
    keep(paused, 3);
    FAIL() << "no error";
  } catch (const FailureError& error) {
    EXPECT_THAT(error.what(), HasSubstr("/file/stopped: stopped trainings cannot be kept there"));
    EXPECT_THAT(error.what(), HasSubstr("say pause = false in [stopping] of a new study"));
  }
}

// Numbers of the trials whose files are there.
std::vector<int64_t> kept(const tests::Folder& folder) {
  std::vector<int64_t> numbers;
  for (int64_t number = 1; number < 10; ++number) {
    if (fs::exists(folder / ("trial-" + std::to_string(number) + ".checkpoint")))
      numbers.push_back(number);
  }
  return numbers;
}

TEST(PausedTrainings, AreRemovedBeyondTheBytesTheLeastPromisingFirst) {
  const tests::Folder folder;
  const PausedTrainings paused(folder.path());
  for (int64_t number : {1, 2, 3}) keep(paused, number);
  const auto bytes = static_cast<double>(fs::file_size(folder / "trial-1.checkpoint"));
  const std::vector<Trial> trials{stopped_trial(1, 0.3), stopped_trial(2, 0.2),
                                  stopped_trial(3, 0.4)};
  paused.tidy(trials, datasets::Direction::maximize, 3 * bytes);
  EXPECT_THAT(kept(folder), ElementsAre(1, 2, 3));
  paused.tidy(trials, datasets::Direction::maximize, 3 * bytes - 1);
  EXPECT_THAT(kept(folder), ElementsAre(1, 3));
  paused.tidy(trials, datasets::Direction::minimize, bytes);
  EXPECT_THAT(kept(folder), ElementsAre(1));
  paused.tidy(trials, datasets::Direction::maximize, 0);
  EXPECT_THAT(kept(folder), ElementsAre());
}

TEST(PausedTrainings, OfTrialsThatAreFinishedGoAndThoseInHandStay) {
  const tests::Folder folder;
  const PausedTrainings paused(folder.path());
  for (int64_t number : {1, 2, 3}) keep(paused, number);
  folder.write("notes.txt", "somebody's own");
  std::vector<Trial> trials{stopped_trial(1, 0.3), stopped_trial(2, 0.2), stopped_trial(3, 0.4)};
  trials[0].state = TrialState::complete;
  trials[1].state = TrialState::running;
  paused.tidy(trials, datasets::Direction::maximize, 0);
  EXPECT_THAT(kept(folder), ElementsAre(2));
  EXPECT_TRUE(fs::exists(folder / "notes.txt"));
}

}  // namespace
}  // namespace metaqnn::search
