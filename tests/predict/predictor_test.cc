// Every method, through the one interface.
#include "predict/predictor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "kernels/graph.h"
#include "metaqnn/base/error.h"
#include "metaqnn/base/random.h"
#include "metaqnn/predict/cross_validation.h"
#include "metaqnn/predict/model.h"
#include "predict/forest.h"
#include "predict/manifold.h"
#include "tests/error_message.h"
#include "tests/folder.h"
#include "tests/predict/some_networks.h"
#include "tests/tolerances.h"

namespace metaqnn::predict {
namespace {

namespace fs = std::filesystem;
using Eigen::Index;
using Eigen::VectorXd;
using tests::some_networks;
using tests::usage_error;

const char* const kMethods[] = {"lls",      "rbf-ls", "ed-ls", "rbf-mr",         "ed-mr",
                                "combined", "mean",   "depth", "log-parameters", "nearest"};

std::vector<std::string> others(size_t count) { return some_networks(count, 99).architectures; }

VectorXd predict_mean(const Predictor& predictor, const Training& training,
                      const std::vector<std::string>& texts, int threads = 1) {
  return predictor.predict(training.encoding->points(texts), {false, threads}).mean;
}

TEST(Methods, AreTheOnesOfTheContractInItsOrder) {
  std::vector<std::string> names;
  for (const Method& method : methods()) names.push_back(method.name);
  EXPECT_EQ(names, std::vector<std::string>(std::begin(kMethods), std::end(kMethods)));
}

TEST(Methods, AnUnknownNameIsAnErrorWithTheNearest) {
  try {
    find_method("edls");
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("did you mean ed-ls?"), std::string::npos);
  }
}

class EachMethod : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Methods, EachMethod, testing::ValuesIn(kMethods),
                         [](const auto& instance) {
                           std::string name = instance.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST_P(EachMethod, PredictsFiniteNumbersInTheRangeOfTheTargets) {
  const Samples samples = some_networks(40, 1);
  const Training training = make_training({}, samples, Failures::as_chance, {}, {});
  const auto predictor = Predictor::fit(find_method(GetParam()), training);
  const VectorXd mean = predict_mean(predictor, training, others(30));
  ASSERT_EQ(mean.size(), 30);
  const double range = samples.targets.maxCoeff() - samples.targets.minCoeff();
  EXPECT_GE(mean.minCoeff(), samples.targets.minCoeff() - 0.1 * range);
  EXPECT_LE(mean.maxCoeff(), samples.targets.maxCoeff() + 0.1 * range);
}

// BLAS adds in another order.
TEST_P(EachMethod, DependsOnTheNumberOfThreadsByRoundingOnly) {
  const Samples samples = some_networks(30, 2);
  FitSettings settings;
  std::vector<VectorXd> means;
  for (int threads : {1, 3}) {
    settings.threads = threads;
    const Training training = make_training({}, samples, Failures::as_chance, {}, settings);
    const auto predictor = Predictor::fit(find_method(GetParam()), training);
    means.push_back(predict_mean(predictor, training, others(10), threads));
  }
  EXPECT_LT((means[0] - means[1]).cwiseAbs().maxCoeff(), tests::kLinearAlgebra);
}

TEST_P(EachMethod, FitsTwoPointsAndEqualTargets) {
  for (size_t count : {2, 5}) {
    Samples samples = some_networks(count, 3);
    samples.targets.setConstant(0.25);
    const Training training = make_training({}, samples, Failures::as_chance, {}, {});
    const auto predictor = Predictor::fit(find_method(GetParam()), training);
    const VectorXd mean = predict_mean(predictor, training, others(5));
    EXPECT_LT((mean.array() - 0.25).abs().maxCoeff(), tests::kLinearAlgebra);
  }
}

class SavedModel : public EachMethod {
 protected:
  std::string content() const {
    std::ifstream in(file_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  void write(const std::string& text) const { std::ofstream(file_, std::ios::binary) << text; }
  std::string refusal() const {
    try {
      Model::load(file_, 1);
    } catch (const DataError& error) {
      return error.what();
    }
    return "";
  }
  tests::Folder folder_;
  const fs::path file_ = folder_ / "saved.model";
};
INSTANTIATE_TEST_SUITE_P(Methods, SavedModel, testing::ValuesIn(kMethods),
                         [](const auto& instance) {
                           std::string name = instance.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST_P(SavedModel, PredictsToTheLastBitWhatTheFittedOneDid) {
  for (Failures failures : {Failures::as_chance, Failures::model}) {
    const Model model = Model::fit(some_networks(35, 4, true), {},
                                   {.method = GetParam(),
                                    .failures = failures,
                                    .unlabelled = others(25),
                                    .seed = 18446744073709551615U,  // more than a double holds
                                    .threads = 1});
    model.save(file_);
    const Model loaded = Model::load(file_, 1);
    const std::vector<std::string> texts = others(20);
    const auto a = model.predict(texts), b = loaded.predict(texts);
    for (size_t i = 0; i < texts.size(); ++i) {
      EXPECT_EQ(a[i].architecture, b[i].architecture);
      EXPECT_EQ(a[i].mean, b[i].mean);
      EXPECT_EQ(a[i].deviation, b[i].deviation);
    }
  }
}

using Damaged = SavedModel;
INSTANTIATE_TEST_SUITE_P(Model, Damaged, testing::Values("lls"));

TEST_P(Damaged, ByAnyChangedDigitIsRefused) {
  Model::fit(some_networks(10, 5), {}, {.method = "lls"}).save(file_);
  const std::string whole = content();
  int changed = 0;
  for (size_t i = 0; i < whole.size(); i += 37) {
    if (whole[i] < '0' || whole[i] > '8') continue;
    std::string text = whole;
    ++text[i];
    // The last digit may be one that the number does without.
    if (nlohmann::json::parse(text) == nlohmann::json::parse(whole)) continue;
    write(text);
    EXPECT_NE(refusal(), "") << "byte " << i;
    ++changed;
  }
  EXPECT_GT(changed, 5);
}

// Trees are bytes, of which each counts.
TEST_P(Damaged, ByAnyChangedByteOfItsBulkIsRefused) {
  Model::fit(some_networks(10, 5), {}, {.method = "combined"}).save(file_);
  const std::string whole = content();
  const size_t first = whole.find("\"base64\": \"") + 11, end = whole.find('"', first);
  ASSERT_GT(end, first + 10000);
  for (size_t i = first; i < end; i += (end - first) / 20) {
    std::string text = whole;
    text[i] = text[i] == 'A' ? 'B' : 'A';
    write(text);
    EXPECT_NE(refusal().find("the checksum of bulk does not fit"), std::string::npos) << refusal();
  }
}

TEST_P(Damaged, ByTruncationAnywhereIsRefused) {
  Model::fit(some_networks(10, 5), {}, {.method = "lls"}).save(file_);
  const std::string whole = content();
  for (size_t length = 0; length + 2 < whole.size(); length += whole.size() / 50) {
    write(whole.substr(0, length));
    EXPECT_NE(refusal(), "") << length;
  }
}

TEST_P(Damaged, ANewerVersionIsRefusedWithItsNumber) {
  Model::fit(some_networks(10, 5), {}, {.method = "lls"}).save(file_);
  nlohmann::json json = nlohmann::json::parse(content());
  json["version"] = 5;
  write(json.dump());
  EXPECT_NE(refusal().find("its version is 5, this program reads versions 1 to 4"),
            std::string::npos)
      << refusal();
}

TEST_P(Damaged, AnotherFileIsNoModel) {
  write("{\"a\": 1}");
  EXPECT_NE(refusal().find("not a model of metaqnn"), std::string::npos);
  write("number,architecture\n");
  EXPECT_NE(refusal().find("no JSON"), std::string::npos);
}

// Each level is a call of those who copy, write or end a JSON value.
TEST_P(Damaged, ByNestingIsRefused) {
  for (int depth : {100, 1000000}) {
    write(R"({"format":"metaqnn model","version":1,"training":)" + std::string(depth, '[') +
          std::string(depth, ']') + "}");
    EXPECT_NE(refusal().find("nested deeper than any model"), std::string::npos) << refusal();
  }
}

TEST_P(Damaged, ByHyperParametersThatNoFitHasIsRefused) {
  Model::fit(some_networks(10, 5), {}, {.method = "lls"}).save(file_);
  const nlohmann::json good = nlohmann::json::parse(content());
  const auto refusal_with = [&](const char* key, const nlohmann::json& value) {
    nlohmann::json json = good;
    json["state"]["parts"][0]["fit"][key] = value;
    json.erase("checksum");
    const nlohmann::json base64 = json["bulk"]["base64"];
    json["bulk"].erase("base64");
    const std::string checksum = std::to_string(stable_hash(json.dump()));
    json["bulk"]["base64"] = base64;
    json["checksum"] = checksum;
    write(json.dump());
    return refusal();
  };
  const nlohmann::json& fit = good["state"]["parts"][0]["fit"];
  EXPECT_EQ(refusal_with("penalty", fit["penalty"]), "");
  EXPECT_NE(refusal_with("penalty", -1).find("key penalty is -1"), std::string::npos);
  std::vector<double> large = fit["hyperparameters"];
  large[0] = 1e6;
  EXPECT_NE(refusal_with("hyperparameters", large).find("outside -6"), std::string::npos);
}

TEST_P(Damaged, IsNoModelThatWasSaved) {
  Samples bytes = some_networks(2, 5);
  bytes.encoding.reset();
  bytes.architectures = {"\xff\x01", "ab"};
  const Model no_text = Model::fit(bytes, {"characters", {3, 32, 32}}, {.method = "ed-ls"});
  EXPECT_NE(usage_error([&] { no_text.save(file_); }).find("no UTF-8"), std::string::npos);
  EXPECT_FALSE(fs::exists(file_));
}

// The file and the figures are of a program before this one; scores: empty = the means.
void expect_predicts(const char* file, const std::vector<double>& means,
                     const std::vector<double>& deviations, const std::vector<double>& scores) {
  const Model model = Model::load(std::string(METAQNN_SOURCE_DIR "/tests/predict/") + file);
  const std::vector<Predicted> predicted =
      model.predict({"[C(32,3,1), C(16,3,1), P(5,3), C(8,1,1), C(32,3,1), GAP(10), SM(10)]",
                     "[C(16,1,1), GAP(10), SM(10)]", "[C(8,3,1), C(16,5,1), SM(10)]"});
  for (size_t i = 0; i < predicted.size(); ++i) {
    EXPECT_NEAR(predicted[i].mean, means[i], tests::kRoundingOfSums);
    EXPECT_NEAR(*predicted[i].deviation, deviations[i], tests::kRoundingOfSums);
    EXPECT_NEAR(predicted[i].score, scores.empty() ? predicted[i].mean : scores[i],
                tests::kRoundingOfSums);
  }
}

// Before forms, cells and boosting.
TEST(Model, OfVersion2PredictsWhatItPredicted) {
  expect_predicts("version_2.model", {0.2771639486410259, 0.13426997647239283, 0.7717500923596927},
                  {0.044858550196102624, 0.03831637904998892, 0.028315393586993816}, {});
}

// Whose trees are grown again.
TEST(Model, OfVersion3PredictsWhatItPredicted) {
  expect_predicts("version_3.model", {0.2712602016917661, 0.14846836159260046, 0.7775746360921219},
                  {0.053699785145224124, 0.054152237872924565, 0.044840691957665525},
                  {-0.716578559431589, -0.9827421302464854, 1.0349578367828596});
}

void expect_the_same_when_loaded(const Model& model, const std::vector<std::string>& texts) {
  const tests::Folder folder;
  model.save(folder / "a.model");
  const std::vector<Predicted> predicted = model.predict(texts),
                               again = Model::load(folder / "a.model").predict(texts);
  for (size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(again[i].mean, predicted[i].mean);
    EXPECT_EQ(again[i].deviation, predicted[i].deviation);
    EXPECT_EQ(again[i].score, predicted[i].score);
  }
}

// All cells of a small alphabet, with an accuracy that follows from them but for some noise.
Samples many_networks(size_t count) {
  Random random(4);
  datasets::Log log;
  for (size_t i = 0; i < count; ++i) {
    datasets::LogRow row;
    double value = 0.5;
    size_t rest = i;
    for (size_t place = 0; place < 7; ++place, rest /= 4) {
      row.architecture += static_cast<char>('a' + rest % 4);
      value += 0.02 * std::sin(static_cast<double>(1 + rest % 4) * static_cast<double>(place));
    }
    row.value = value + 0.001 * random.uniform();
    log.rows.push_back(row);
  }
  return make_samples(log, {"characters", {3, 32, 32}}, Failures::as_chance);
}

bool reports_landmarks(const Model& model) {
  const std::vector<std::string> report = model.report();
  return std::any_of(report.begin(), report.end(), [](const std::string& line) {
    return line.find("50 of 90 points stand for all") != std::string::npos;
  });
}

const std::vector<std::string> kOthers{"ddddddd", "abcdabd", "dcbadcb"};

// More networks than an expansion has centres.
class ManyNetworks : public testing::TestWithParam<const char*> {
 protected:
  const Samples samples_ = many_networks(90);
  const EncodingSettings encoding_{"characters", {3, 32, 32}};
};

TEST_P(ManyNetworks, AreApproximatedAndSavedWithWhatIsPredictedFrom) {
  const Model model = Model::fit(samples_, encoding_, {.method = GetParam(), .centres = 50});
  EXPECT_TRUE(reports_landmarks(model));
  expect_the_same_when_loaded(model, kOthers);
}
INSTANTIATE_TEST_SUITE_P(Methods, ManyNetworks,
                         testing::Values("lls", "rbf-ls", "ed-ls", "rbf-mr", "ed-mr", "combined"));

// Both parts have landmarks, of points of their own.
TEST(Model, OfManyNetworksAndTheirFailuresIsSavedWithWhatIsPredictedFrom) {
  const Samples samples = some_networks(120, 5, true);
  const Model model =
      Model::fit(samples, {}, {.method = "combined", .failures = Failures::model, .centres = 40});
  expect_the_same_when_loaded(model, others(5));
}

TEST(Model, OfManyNetworksIsNotApproximatedWhereThatIsRefused) {
  const Samples samples = many_networks(90);
  const EncodingSettings encoding{"characters", {3, 32, 32}};
  const Model model = Model::fit(samples, encoding, {.method = "lls", .centres = 50}),
              exact = Model::fit(samples, encoding, {.method = "lls", .centres = 0});
  EXPECT_FALSE(reports_landmarks(exact));
  const std::vector<Predicted> predicted = model.predict(kOthers), by_all = exact.predict(kOthers);
  for (size_t i = 0; i < kOthers.size(); ++i) {
    EXPECT_NEAR(predicted[i].mean, by_all[i].mean, 1e-6);
    EXPECT_NEAR(*predicted[i].deviation, *by_all[i].deviation, 0.02 * *by_all[i].deviation);
  }
}

TEST(Model, RanksDifferentCandidatesThatItsLogDoesNotHold) {
  const Samples known = some_networks(12, 5);
  const Model model = Model::fit(known, {}, {.method = "lls"});
  std::vector<std::string> candidates = others(20);
  std::erase_if(candidates, [&](const std::string& text) {
    return std::count(known.architectures.begin(), known.architectures.end(), text) > 0;
  });
  const size_t different = candidates.size();
  candidates.push_back(candidates[3]);
  candidates.push_back(known.architectures[2]);
  const Ranking ranking = model.rank(
      candidates, {.top = 5, .admits = [&](const auto& text) { return text != candidates[0]; }});
  EXPECT_EQ(ranking.ranked, different - 1);
  EXPECT_EQ(ranking.repeated, 1U);
  EXPECT_EQ(ranking.known, 1U);
  EXPECT_EQ(ranking.refused, 1U);
  ASSERT_EQ(ranking.best.size(), 5U);
  for (size_t i = 1; i < 5; ++i) EXPECT_GE(ranking.best[i - 1].mean, ranking.best[i].mean);
  ASSERT_EQ(ranking.places.size(), 5U);
  for (size_t i = 0; i < 5; ++i)
    EXPECT_EQ(ranking.best[i].architecture, candidates[ranking.places[i]]);
  for (const Predicted& best : ranking.best) {
    EXPECT_NE(best.architecture, candidates[0]);
    const Predicted alone = model.predict({best.architecture})[0];
    EXPECT_NEAR(best.mean, alone.mean, 1e-12);
    EXPECT_NEAR(*best.deviation, *alone.deviation, 1e-12);
  }
  EXPECT_EQ(model.rank(known.architectures, 3).size(), 0U);
  EXPECT_EQ(model.rank(known.architectures, {.top = 3, .include_known = true}).best.size(), 3U);
}

TEST(Model, PredictsTheSameFromItsText) {
  const Model model = Model::fit(some_networks(12, 5), {}, {.method = "combined"});
  const Model again = Model::parse(model.text(), "text");
  const std::vector<Predicted> predicted = model.predict(others(5)),
                               same = again.predict(others(5));
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(predicted[i].mean, same[i].mean);
}

TEST(Model, OfAFitThatIsStoppedIsNotMade) {
  const std::atomic<bool> stop = true;
  EXPECT_THROW(Model::fit(some_networks(12, 5), {}, {.stop = &stop}), InterruptedError);
}

// At every moment: when it is told what begins, and while hyper-parameters are chosen or trees grow.
TEST(Model, OfAFitThatIsStoppedAtAnyMomentIsNotMade) {
  const Samples samples = some_networks(60, 5);
  int moments = 0;
  Model::fit(samples, {}, {.tell = [&](const std::string&) { ++moments; }});
  ASSERT_GT(moments, 2);
  for (int last = 1; last <= moments; ++last) {
    std::atomic<bool> stop = false;
    int moment = 0;
    const auto tell = [&](const std::string&) { stop = ++moment >= last; };
    EXPECT_THROW(Model::fit(samples, {}, {.tell = tell, .stop = &stop}), InterruptedError) << last;
  }
}

TEST(Model, NamesTheCandidateThatItCannotRead) {
  const Model model = Model::fit(some_networks(12, 5), {}, {.method = "mean"});
  const std::vector<std::string> candidates{others(1)[0], "nonsense"};
  const std::string place = "architecture 2 of 2: ";
  EXPECT_EQ(usage_error([&] { model.predict(candidates); }).substr(0, place.size()), place);
  EXPECT_EQ(usage_error([&] { model.rank(candidates, 1); }).substr(0, place.size()), place);
  const Ranking ranking = model.rank(candidates, RankOptions{});
  EXPECT_EQ(ranking.best.size(), 1U);
  ASSERT_EQ(ranking.problems.size(), 1U);
  EXPECT_EQ(ranking.problems[0].substr(0, place.size()), place);
}

TEST(Model, ReadsUnlabelledArchitecturesAsItReadsOthers) {
  const Samples known = some_networks(30, 8);
  const std::vector<std::string> more = others(40);
  const auto means = [&](const std::vector<std::string>& unlabelled) {
    const Model model =
        Model::fit(known, {}, {.method = "rbf-mr", .unlabelled = unlabelled, .graph_weight = 1.0});
    std::vector<double> list;
    for (const Predicted& one : model.predict(others(10))) list.push_back(one.mean);
    return list;
  };
  std::vector<std::string> spaced;
  for (const std::string& text : more) {
    spaced.push_back(" " + text + "\t");
    spaced.push_back(text);
  }
  EXPECT_EQ(means(spaced), means(more));
  const std::string place = "unlabelled architecture 41 of 41: ";
  spaced = more;
  spaced.push_back("nonsense");
  EXPECT_EQ(usage_error([&] { means(spaced); }).substr(0, place.size()), place);
}

TEST(Model, RefusesNumbersItCannotComputeWith) {
  const Samples known = some_networks(12, 9);
  for (double weight : {-1.0, double(NAN), double(INFINITY)}) {
    EXPECT_NE(usage_error([&] {
                Model::fit(known, {}, {.method = "ed-mr", .graph_weight = weight});
              }).find("the weight of the graph"),
              std::string::npos);
  }
  Samples huge = known;
  huge.targets(3) = 1e200;
  EXPECT_NE(usage_error([&] { Model::fit(huge, {}, {.method = "lls"}); }).find("sample 3, "),
            std::string::npos);
  Samples small = known;
  small.encoding = EncodingSettings{.tokens = "grammar", .input = {0, 0, 0}};
  EXPECT_NE(usage_error([&] {
              Model::fit(small, *small.encoding, {.method = "lls"});
            }).find("input 0x0x0"),
            std::string::npos);
}

TEST(Model, StaysWholeWhenItIsMoved) {
  Model model = Model::fit(some_networks(12, 5), {}, {.method = "mean"});
  const Model moved = std::move(model);
  EXPECT_EQ(model.method(), moved.method());
}

TEST(Model, OfAFolderIsRefusedAsThat) {
  EXPECT_EQ(tests::message_of<DataError>([] { Model::load("/"); }),
            "/: is a folder; name the file of a model");
}

TEST(Model, OfALogReadsItAsItLooks) {
  datasets::Log log;
  for (const char* cell : {"a|b", "a|c", "b|c"}) {
    datasets::LogRow row;
    row.architecture = cell;
    row.value = 0.5 + 0.1 * static_cast<double>(log.rows.size());
    log.rows.push_back(row);
  }
  EXPECT_EQ(Model::fit(log, {.method = "lls"}).encoding().tokens, "|");
  EXPECT_EQ(Model::fit(log, {.method = "lls", .tokens = "characters"}).encoding().tokens,
            "characters");
  EXPECT_NE(usage_error([&] { Model::fit(log, {.method = "llls"}); }).find("did you mean lls?"),
            std::string::npos);
}

TEST(Manifold, WithGraphWeightZeroIsKernelLeastSquares) {
  const Samples samples = some_networks(40, 6);
  FitSettings settings;
  settings.graph_weight = 0;
  const Training training = make_training({}, samples, Failures::as_chance, others(60), settings);
  for (const auto& [manifold, plain] : {std::pair{"rbf-mr", "rbf-ls"}, {"ed-mr", "ed-ls"}}) {
    EXPECT_EQ(predict_mean(Predictor::fit(find_method(manifold), training), training, others(20)),
              predict_mean(Predictor::fit(find_method(plain), training), training, others(20)));
  }
}

// The limit from the other side, through the landmarks and the graph.
TEST(Manifold, WithAVanishingGraphWeightApproachesKernelLeastSquares) {
  const Samples samples = some_networks(40, 7);
  FitSettings settings;
  settings.graph_weight = 1e-12;
  const Training training = make_training({}, samples, Failures::as_chance, others(60), settings);
  const VectorXd manifold =
      predict_mean(Predictor::fit(find_method("rbf-mr"), training), training, others(20));
  const VectorXd plain =
      predict_mean(Predictor::fit(find_method("rbf-ls"), training), training, others(20));
  // Both choose a penalty on a grid of their own.
  EXPECT_LT((manifold - plain).cwiseAbs().maxCoeff(), 0.01);
  EXPECT_GT((plain.array() - plain.mean()).abs().maxCoeff(), 0.02);
}

TEST(Manifold, IsSmootherAlongTheGraphTheLargerItsWeight) {
  const Samples samples = some_networks(40, 8);
  const auto roughness = [&](double weight) {
    FitSettings settings;
    settings.graph_weight = weight;
    const Training training = make_training({}, samples, Failures::as_chance, others(60), settings);
    const Eigen::MatrixXd& x = training.unlabelled.features;
    const auto distances = [&](Index first, Index count) -> Eigen::MatrixXd {
      return kernels::squared_distances(x.middleRows(first, count), x);
    };
    const auto laplacian = kernels::laplacian(kernels::neighbour_graph(x.rows(), 10, distances));
    VectorXd f = find_method("rbf-mr").fit(training)->predict(training.unlabelled, {}).mean;
    f.array() -= f.mean();
    return f.dot(laplacian * f) / f.squaredNorm();
  };

  EXPECT_LT(roughness(1e6), 0.95 * roughness(1e-6));
}

TEST(Forest, LearnsAStep) {
  Eigen::MatrixXd x(40, 1);
  VectorXd y(40);
  for (Index i = 0; i < 40; ++i) {
    x(i, 0) = static_cast<double>(i);
    y(i) = i < 20 ? 0 : 1;
  }
  const Forest forest(x, y, {}, 1, 2);
  const VectorXd mean = forest.predict((Eigen::MatrixXd(2, 1) << 3.5, 35.5).finished(), 1);
  EXPECT_LT(mean(0), 0.05);
  EXPECT_GT(mean(1), 0.95);
  EXPECT_LT((forest.left_out() - y).squaredNorm() / 40, 0.05);
}

// 600 rows are more than one block.
TEST(Forest, PredictsARowAsItDoesAlone) {
  Random random(12);
  Eigen::MatrixXd x(600, 3);
  for (double& value : x.reshaped()) value = random.uniform();
  const Forest forest(x, x.col(0).cwiseProduct(x.col(2)), {}, 1, 2);
  const VectorXd mean = forest.predict(x, 2);
  for (Index row : {0, 255, 256, 599}) EXPECT_EQ(forest.predict(x.row(row), 1)(0), mean(row));
}

// Every row of the deviation's chunks, and the mean with it and without.
TEST(Combined, PredictsARowAsItDoesAlone) {
  const Samples samples = some_networks(40, 13);
  const Training training = make_training({}, samples, Failures::as_chance, {}, {});
  const auto predictor = Predictor::fit(find_method("combined"), training);
  std::vector<Index> rows(2500);
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<Index>(i % 40);
  const Prediction alone = predictor.predict(training.points, {true, 1});
  const Prediction many = predictor.predict(training.points.subset(rows), {true, 2});
  const VectorXd mean = predictor.predict(training.points.subset(rows), {false, 2}).mean;
  EXPECT_EQ(mean, many.mean);
  EXPECT_LT((many.mean - alone.mean(rows)).cwiseAbs().maxCoeff(), tests::kRoundingOfSums);
  EXPECT_LT((many.deviation - alone.deviation(rows)).cwiseAbs().maxCoeff(), tests::kLinearAlgebra);
}

TEST(TwoParts, PredictBetweenChanceAndAccuracy) {
  const Samples samples = some_networks(60, 9, true);
  const Training training = make_training({}, samples, Failures::model, {}, {});
  ASSERT_TRUE(training.parts);
  EXPECT_DOUBLE_EQ(training.parts->chance, 0.1);
  const auto predictor = Predictor::fit(find_method("lls"), training);
  const VectorXd mean = predict_mean(predictor, training, samples.architectures);
  const VectorXd accuracy =
      predict_mean(Predictor::fit(find_method("lls"), training.parts->accuracy), training,
                   samples.architectures);
  EXPECT_TRUE((mean.array() <= accuracy.array() + tests::kRounding).all());
  EXPECT_GE(mean.minCoeff(), 0.1 - tests::kRounding);
}

TEST(Deviation, CoversTheErrorsOnNetworksNotSeen) {
  // Noise of 0.02 around the rule of some_networks().
  Samples samples = some_networks(120, 10);
  Random random(11);
  for (double& y : samples.targets) y += 0.02 * std::sqrt(12.0) * (random.uniform() - 0.5);
  std::vector<Index> train, test;
  for (Index i = 0; i < 120; ++i) (i % 2 == 0 ? train : test).push_back(i);
  const Samples fitted = samples.subset(train), unseen = samples.subset(test);
  const Training training = make_training({}, fitted, Failures::as_chance, {}, {});
  for (const char* name : {"lls", "rbf-ls", "ed-ls", "combined"}) {
    const auto predictor = Predictor::fit(find_method(name), training);
    const Prediction prediction =
        predictor.predict(training.encoding->points(unseen.architectures), {true, 1});
    const VectorXd z = (unseen.targets - prediction.mean).cwiseQuotient(prediction.deviation);
    const double mean_square = z.squaredNorm() / static_cast<double>(z.size());
    EXPECT_GT(mean_square, 0.4) << name;
    EXPECT_LT(mean_square, 2.5) << name;
  }
}

TEST(Encoding, HasAColumnForEachPositionAtWhichThereIsAlwaysANumber) {
  const std::vector<std::string> widths{"8:16:a", "16:8:2", "64:32:b", "32:64:4"};
  const Encoding encoding({.tokens = ":"}, widths);
  std::vector<std::string> names;
  for (const FeatureColumn& column : encoding.columns()) {
    if (column.group == "numbers") names.push_back(column.name);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"number_1", "number_2", "sum_of_numbers",
                                             "smallest_number", "largest_number"}));
  const VectorXd first =
      encoding.points(widths).features.col(encoding.groups().back().columns.begin);
  EXPECT_NEAR(first(1) - first(0), first(2) - first(3), tests::kRounding);  // octaves
  EXPECT_GT(first(2), first(1));
  const Encoding of_two({.tokens = ":"}, {"8:a", "16:b", "8:b"});
  for (const FeatureColumn& column : of_two.columns())
    EXPECT_NE(column.group, "numbers");  // of two values one-hot columns say as much
}

TEST(Encoding, StandardisesTheTrainingColumnsAndDropsConstantOnes) {
  const auto texts = some_networks(20, 12).architectures;
  Encoding encoding({}, texts);
  const kernels::Points points = encoding.points(texts);
  ASSERT_EQ(points.features.cols(), static_cast<Index>(encoding.columns().size()));
  for (Index c = 0; c < points.features.cols(); ++c) {
    EXPECT_NEAR(points.features.col(c).mean(), 0, tests::kRounding);
    EXPECT_NEAR(points.features.col(c).squaredNorm() / 20, 1, tests::kRounding);
  }
  Index columns = 0;
  for (const auto& group : encoding.groups()) columns += group.columns.count;
  EXPECT_EQ(columns, points.features.cols());
}

TEST(Encoding, GradesSubstitutionsByWhatDiffers) {
  Encoding encoding({}, {"[C(64,3,1), SM(10)]", "[C(256,5,1), SM(10)]", "[P(2,2), SM(10)]"});
  const kernels::CostFamily family = encoding.costs();
  VectorXd start(static_cast<Index>(family.parameters.size()));
  for (size_t i = 0; i < family.parameters.size(); ++i)
    start(static_cast<Index>(i)) = family.parameters[i].start;
  const kernels::EditCosts costs = family.costs(start, {});
  // 0.2 for each of two octaves of filters, 0.3 for one step of the field.
  EXPECT_NEAR(costs.substitution(0, 1), 0.2 * 2 + 0.3, tests::kRounding);
  EXPECT_NEAR(costs.substitution(0, 2), 1, tests::kRounding);
}

// By hand: C, R[, C, ], S[, C, ;, C, ] and M; brackets cost what their own parameter says.
TEST(Encoding, ListsAreTokensWithCostsOfTheirOwn) {
  Encoding encoding({},
                    {"[C(8,3,1), R[C(8,3,1)], SM(10)]", "[S[C(8,3,1) ; C(8,5,1)], M(2,2), SM(10)]",
                     "[M(3,2), DC(3,1), DC(5,1), BN, A(2,2), SM(10)]"});
  const kernels::Points points = encoding.points(
      {"[C(8,3,1), R[C(8,3,1)], SM(10)]", "[S[C(8,5,1) ; C(8,3,1)], M(2,2), SM(10)]"});
  EXPECT_EQ(points.tokens[0], (kernels::Tokens{0, 1, 0, 2}));
  EXPECT_EQ(points.tokens[1], (kernels::Tokens{3, 0, 4, 5, 2, 6}));
  EXPECT_FALSE(points.unseen);
  const kernels::CostFamily family = encoding.costs();
  VectorXd parameters(static_cast<Index>(family.parameters.size()));
  std::vector<std::string> names;
  for (size_t i = 0; i < family.parameters.size(); ++i) {
    names.push_back(family.parameters[i].name);
    parameters(static_cast<Index>(i)) = family.parameters[i].start;
    if (names.back() == "insert_bracket") parameters(static_cast<Index>(i)) = std::log(0.5);
  }
  for (const char* name : {"insert_bracket", "insert_mixed_pooling", "insert_average_pooling",
                           "insert_depthwise_convolution", "insert_batch_normalization"})
    EXPECT_EQ(std::count(names.begin(), names.end(), name), 1) << name;
  const kernels::EditCosts costs = family.costs(parameters, {"A(3,2)", "R["});
  EXPECT_NEAR(costs.insertion(1), 0.5, tests::kRounding);
  EXPECT_NEAR(costs.insertion(0), 1, tests::kRounding);
  EXPECT_NEAR(costs.insertion(2), 0.5, tests::kRounding);
  EXPECT_NEAR(costs.substitution(1, 3), 1, tests::kRounding);       // R[ by S[
  EXPECT_NEAR(costs.substitution(6, 7), 0.15, tests::kRounding);    // M(2,2) by M(3,2)
  EXPECT_NEAR(costs.substitution(8, 9), 0.3, tests::kRounding);     // DC(3,1) by DC(5,1)
  EXPECT_NEAR(costs.substitution(11, 12), 0.15, tests::kRounding);  // A(2,2) by A(3,2), not seen
  EXPECT_NEAR(costs.insertion(13), 0.5, tests::kRounding);
}

TEST(Encoding, TokensNotSeenInTrainingAreTokensAllTheSame) {
  Encoding encoding({"|", {3, 32, 32}}, {"|a|b|", "|b|b|"});
  const kernels::Points points = encoding.points({"|a|c|", "|b||b|"});
  EXPECT_EQ(points.tokens[0], (kernels::Tokens{0, 2}));
  EXPECT_EQ(points.tokens[1], (kernels::Tokens{1, 1}));
  ASSERT_TRUE(points.unseen);
  EXPECT_EQ(points.unseen->first, 2);
  EXPECT_EQ(points.unseen->names, std::vector<std::string>{"c"});
  EXPECT_FALSE(encoding.points({"|b|a|"}).unseen);
  EXPECT_EQ(encoding.costs().costs(VectorXd::Zero(1), points.unseen->names).alphabet(), 3);
}

TEST(Encoding, CharactersAreBytes) {
  Encoding encoding({"characters", {3, 32, 32}}, {"abc", "abd", "bbd"});
  EXPECT_EQ(encoding.points({"abd"}).tokens[0], (kernels::Tokens{0, 1, 3}));
  EXPECT_EQ(canonical("[x", encoding.settings()), "[x");
}

}  // namespace
}  // namespace metaqnn::predict
