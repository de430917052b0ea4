// How good are predictions, on architectures that were not used to fit?
//
//   l2_loss       mean (y - f)^2
//   r2            1 - sum (y - f)^2 / sum (y - mean of the test y)^2
//   kendall_tau   tau-b: pairs ordered alike less pairs ordered otherwise, ties accounted for
//   spearman      correlation of the ranks, ties at their mean
//   top 10        of the ten (or `top`) ranked best: mean y; rank by y of the best of them (1 = the best
//                 of all); regret: by how much the best y of theirs misses the best of all; hits
//                 best: 1 where it is among them, else 0, so that the mean over repeats is a share
//   kendall_tau_learned   tau-b among the networks that learned, where others of the test set did not
//
// Where networks were trained on several budgets, each is judged at the largest of its own.
//
// Folds are pooled: one set of figures for each repeat. A figure that is undefined has no value: r2
// of constant targets; tau, rho and the top 10 of constant predictions, and of folds whose
// predictions differ less from the mean targets of their training than these differ from each other.
// Such a mean is the lower the better what was left out: an order that nobody predicted.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "metaqnn/predict/options.h"
#include "metaqnn/predict/samples.h"

namespace metaqnn::predict {

struct Figures {
  std::optional<double> l2_loss, r2, kendall_tau, spearman;
  std::optional<double> top10_mean, top10_best_rank, top10_regret, top10_hits_best;
  std::optional<double> kendall_tau_learned;
};

constexpr Eigen::Index kTop = 10;

// `truth`, `predicted`: n, at least 1.
Figures measure(const Eigen::VectorXd& truth, const Eigen::VectorXd& predicted,
                datasets::Direction direction = datasets::Direction::maximize);
// `scores`: n, larger is better; by them it is ranked, and the predictions are values alone.
Figures measure(const Eigen::VectorXd& truth, const Eigen::VectorXd& predicted,
                datasets::Direction direction, const Eigen::VectorXd& scores,
                Eigen::Index top = kTop);

// Of a figure over the repeats in which it is defined; the deviation is that of a sample.
struct Summary {
  std::optional<double> mean, deviation;
};
Summary summarise(const std::vector<Figures>& repeats, std::optional<double> Figures::*figure);

// n log n. None where either is constant or holds a NaN.
std::optional<double> kendall_tau(const Eigen::VectorXd& a, const Eigen::VectorXd& b);
std::optional<double> spearman(const Eigen::VectorXd& a, const Eigen::VectorXd& b);

// Rows of the samples.
struct TestSplit {
  std::vector<Eigen::Index> train, test;
};
using TestSplits = std::vector<std::vector<TestSplit>>;  // repeats of folds

// Throws UsageError unless 2 <= folds <= n, each training set has 2 points and repeats >= 1.
TestSplits fold_splits(Eigen::Index n, int folds, int repeats, uint64_t seed);
// Throws UsageError unless 2 <= train_size < n and repeats >= 1.
TestSplits random_splits(Eigen::Index n, Eigen::Index train_size, int repeats, uint64_t seed);

// The first `train_size` rows for training, all others for test. Throws DataError where there is no
// other, UsageError where train_size < 2.
TestSplits one_split(Eigen::Index n, Eigen::Index train_size);

// So many folds and repeats tell what a predictor fitted on n architectures is worth, in the time of
// a few fits, or of some dozens where these are quick. None for n < 3, where there is nothing to
// leave out, and beyond kMostForFolds.
struct FoldPlan {
  int folds, repeats;
};
constexpr Eigen::Index kMostForFolds = 2000;
std::optional<FoldPlan> fold_plan(Eigen::Index n);

struct CrossValidationSettings {
  EncodingSettings encoding{};
  Failures failures = Failures::as_chance;
  FitSettings fit{};
  std::vector<std::string> methods{};     // in the order of the result
  std::vector<std::string> unlabelled{};  // canonical
  bool test_as_unlabelled = false;        // besides
  bool keep_predictions = false;          // with their deviations
  Eigen::Index top = kTop;                // of the best predicted, whose targets are looked at
};

// What was predicted for one row of the samples, which a split of a repeat had left out.
struct TestPrediction {
  size_t repeat = 0, split = 0;
  Eigen::Index row = 0;
  double value = 0;
  std::optional<double> deviation;  // none where the method knows none
};

struct MethodResult {
  std::string method;
  bool baseline = false;
  std::vector<Figures> repeats;
  double fit_seconds = 0, predict_seconds = 0;    // a repeat, all folds
  std::map<std::string, double> hyperparameters;  // means over all fits
  std::vector<std::string> report;                // of the first fit
  std::vector<TestPrediction> predictions;        // where they are kept
};

// Fits each method on each training set and measures it on the test sets. TestSplits run beside each
// other on settings.fit.threads threads; settings.fit.tell hears which fit it is. Figures depend on their number by rounding only: BLAS adds
// in another order. Throws UsageError where a split needs more rows (2 to train on, 1 to test on) or
// has one that the samples do not, and what Model::fit() throws.
std::vector<MethodResult> cross_validate(const Samples& samples, const TestSplits& splits,
                                         const CrossValidationSettings& settings);

}  // namespace metaqnn::predict
