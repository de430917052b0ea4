#include "kernels/kernel.h"

#include <gtest/gtest.h>

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "kernels/edit_distance.h"
#include "kernels/rbf.h"
#include "metaqnn/base/error.h"
#include "metaqnn/base/random.h"
#include "tests/matrix.h"
#include "tests/tolerances.h"
#include "tests/unit_costs.h"

namespace metaqnn::kernels {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using tests::kRounding;
using tests::kRoundingOfSums;
using tests::unit_costs;
using tests::vector;

constexpr int kAlphabet = 3;

// Features of the groups "size" (columns 0 and 1) and "depth" (2), and up to 4 tokens.
Points random_points(Index n, uint64_t seed) {
  Random random(seed);
  Points points{MatrixXd(n, 3), std::vector<Tokens>(static_cast<size_t>(n))};
  for (double& value : points.features.reshaped()) value = 4 * random.uniform() - 2;
  for (Tokens& tokens : points.tokens) {
    tokens.resize(random.below(5));
    for (int& token : tokens) token = static_cast<int>(random.below(kAlphabet));
  }
  return points;
}

Points point(std::initializer_list<double> features, const Tokens& tokens) {
  return {vector(features).transpose(), {tokens}};
}

std::vector<NamedGroup> groups() { return {{"size", {0, 2}}, {"depth", {2, 1}}}; }

EditCosts costs_of(double gap, double change) {
  EditCosts costs = unit_costs(kAlphabet);
  costs.insertion *= gap;
  costs.deletion *= gap;
  costs.substitution *= change;
  return costs;
}

// 2i insertions and deletions more cost as much as j substitutions less where gap / change is
// j / 2i. With up to 4 tokens that is never between 1 and 1.5, and a difference of 0.1 in either
// logarithm, up or down, leaves 1.2 there: so the distance has no kink on the way.
CostFamily gap_and_change() {
  CostFamily family;
  family.parameters = {{"cost.gap", std::log(1.2), -2, 2, 1}, {"cost.change", 0, -2, 2, 1}};
  family.costs = [](const VectorXd& p, const std::vector<std::string>&) {
    return costs_of(std::exp(p(0)), std::exp(p(1)));
  };
  return family;
}

// The cost itself is the parameter, so that a step keeps it a multiple of 0.1 and distances exact.
CostFamily plain_gap() {
  CostFamily family;
  family.parameters = {{"cost.gap", 2, 1, 3, 1}};
  family.costs = [](const VectorXd& p, const std::vector<std::string>&) {
    return costs_of(p(0), 1);
  };
  return family;
}

struct NamedKernel {
  std::string name;
  KernelPointer kernel;
};

std::vector<NamedKernel> kernels_of_features() {
  const KernelPointer linear = make_linear(groups()), rbf = make_rbf(groups());
  const KernelPointer sum = make_sum({"straight", "near"}, {linear, rbf});
  return {{"linear", linear}, {"rbf", rbf}, {"sum", sum}};
}

std::vector<NamedKernel> all_kernels() {
  std::vector<NamedKernel> kernels = kernels_of_features();
  const KernelPointer rbf = make_rbf(groups()), edit = make_edit(gap_and_change());
  kernels.push_back({"edit", edit});
  kernels.push_back({"sum with edit", make_sum({"features", "edits"}, {rbf, edit})});
  return kernels;
}

// Near the starts but not at them, where exp() of many is 1. Costs stay, for the sake of kinks.
VectorXd some_parameters(const Kernel& kernel) {
  Random random(1);
  VectorXd parameters = starts(kernel);
  const std::vector<KernelParameter> named = kernel.parameters();
  for (Index i = 0; i < parameters.size(); ++i)
    if (named[static_cast<size_t>(i)].name.find("cost.") == std::string::npos)
      parameters(i) += random.uniform() - 0.5;
  return parameters;
}

std::vector<std::string> names_of(const Kernel& kernel) {
  std::vector<std::string> names;
  for (const KernelParameter& parameter : kernel.parameters()) names.push_back(parameter.name);
  return names;
}

double largest(const MatrixXd& x) { return x.cwiseAbs().maxCoeff(); }

MatrixXd central_difference(const Kernel& kernel, const VectorXd& parameters, const Points& points,
                            Index i, double step) {
  VectorXd up = parameters, down = parameters;
  up(i) += step;
  down(i) -= step;
  return (kernel.gram(up, points) - kernel.gram(down, points)) / (2 * step);
}

// (1 * 4 + 2 * 5) / 2 columns = 7, and 3 * 6 / 1 column = 18, twice that with exp(log 2).
TEST(Linear, WorkedByHand) {
  const auto kernel = make_linear(groups());
  const MatrixXd k =
      kernel->gram(vector({0, std::log(2)}), point({1, 2, 3}, {}), point({4, 5, 6}, {}));
  EXPECT_NEAR(k(0, 0), 7 + 2 * 18, kRounding);
}

// 4 / (2 * 2^2) + 0 = 0.5 in "size" and 1 / (1 * 1^2) = 1 in "depth": exp(-1.5 / 2).
TEST(RbfKernel, WorkedByHand) {
  const auto kernel = make_rbf(groups());
  const MatrixXd k =
      kernel->gram(vector({std::log(2), 0}), point({1, 1, 1}, {}), point({3, 1, 2}, {}));
  EXPECT_NEAR(k(0, 0), std::exp(-0.75), kRounding);
}

// d = 4: two insertions at 2 each; its root is 2. exp(-2 / 5).
TEST(Edit, WorkedByHand) {
  const auto kernel = make_edit(plain_gap());
  const MatrixXd k = kernel->gram(vector({std::log(5), 2}), point({}, {1}), point({}, {0, 1, 0}));
  EXPECT_NEAR(k(0, 0), std::exp(-0.4), kRounding);
}

// With a gap of 2.1 d is 4.2: (exp(-sqrt(4) / 5) times -(sqrt(4.2) - sqrt(4)) / 5) / 0.1. By the
// logarithm of the width: exp(-2 / 5) * 2 / 5.
TEST(Edit, DerivativesWorkedByHand) {
  const auto kernel = make_edit(plain_gap());
  const Points points{MatrixXd(2, 0), {{1}, {0, 1, 0}}};
  const auto derivatives = kernel->derivatives(vector({std::log(5), 2}), points);
  ASSERT_EQ(derivatives.size(), 2);
  const double by_cost = -std::exp(-0.4) * (std::sqrt(4.2) - 2) / 5 / kCostStep;
  MatrixXd swapped(2, 2);
  swapped << 0, 1, 1, 0;
  EXPECT_LT(largest(derivatives[0] - std::exp(-0.4) * 0.4 * swapped), kRounding);
  EXPECT_LT(largest(derivatives[1] - by_cost * swapped), kRounding);
}

TEST(Edit, IsOneForEqualTokensAndLessForOthers) {
  const auto kernel = make_edit(gap_and_change());
  const Points points = random_points(20, 1);
  const MatrixXd k = kernel->gram(starts(*kernel), points);
  for (size_t i = 0; i < 20; ++i) {
    for (size_t j = 0; j < 20; ++j) {
      const double value = k(static_cast<Index>(i), static_cast<Index>(j));
      if (points.tokens[i] == points.tokens[j]) {
        EXPECT_EQ(value, 1);
      } else {
        EXPECT_LT(value, 1);
        EXPECT_GT(value, 0);
      }
    }
  }
}

// An alphabet of kAlphabet tokens, and as many as are asked for after it; any two differ by 1. What
// was asked for is counted.
CostFamily unit_family(size_t* most_unseen = nullptr) {
  CostFamily family;
  family.alphabet = kAlphabet;
  family.costs = [most_unseen](const VectorXd&, const std::vector<std::string>& unseen) {
    if (most_unseen != nullptr) *most_unseen = std::max(*most_unseen, unseen.size());
    return unit_costs(kAlphabet + static_cast<int>(unseen.size()));
  };
  return family;
}

// Points of which each is one sequence of names; a name of one digit is that token of the alphabet.
Points named_points(const std::vector<std::vector<std::string>>& sequences) {
  Points points;
  points.features.resize(static_cast<Index>(sequences.size()), 0);
  TokenNumbers numbers(kAlphabet);
  for (const auto& sequence : sequences) {
    points.tokens.emplace_back();
    for (const std::string& name : sequence)
      points.tokens.back().push_back(name.size() == 1 ? std::stoi(name) : numbers.number(name));
  }
  points.unseen = numbers.unseen();
  return points;
}

// 0 new 1 and 0 new 2 differ in their last token, 0 old 1 in its middle one; both sets call their
// first unseen token kAlphabet.
TEST(PointDistances, TakeUnseenTokensByTheirNames) {
  const CostFamily family = unit_family();
  const Points a = named_points({{"0", "new", "1"}});
  const Points b = named_points({{"0", "old", "1"}, {"0", "new", "2"}, {"0", "new", "1"}});
  ASSERT_EQ(a.tokens[0][1], b.tokens[0][1]);
  const MatrixXd d = PointDistances(family, VectorXd(), a, b).rows(0, 1);
  EXPECT_EQ(d(0, 0), 1);
  EXPECT_EQ(d(0, 1), 1);
  EXPECT_EQ(d(0, 2), 0);
}

// 600 points of which each has three unseen tokens, two of them the first two of the next: one
// deleted and one inserted.
TEST(PointDistances, AreTheSameWhereUnseenTokensAreTooManyToBeTakenTogether) {
  std::vector<std::vector<std::string>> sequences;
  for (int i = 0; i < 600; ++i) {
    const auto name = [](int n) { return "token" + std::to_string(n); };
    sequences.push_back({"0", name(i), name(i + 1), name(i + 2), "1"});
  }
  size_t most_unseen = 0;
  const CostFamily family = unit_family(&most_unseen);
  const Points many = named_points(sequences);
  const MatrixXd all = point_distances(family, VectorXd(), many, 2);
  EXPECT_LE(most_unseen, 2 * kUnseenAtOnce);
  for (size_t i : {0, 1, 299, 599}) {
    const Points one = named_points({sequences[i]});
    const MatrixXd row = PointDistances(family, VectorXd(), one, many).rows(0, 1);
    EXPECT_EQ(row.row(0), all.row(static_cast<Index>(i)));
    EXPECT_EQ(row(0, static_cast<Index>(i)), 0);
    EXPECT_EQ(row(0, static_cast<Index>(i < 599 ? i + 1 : i - 1)), 2) << i;
  }
  EXPECT_EQ(all, all.transpose());
}

TEST(Points, AppendedKeepTheNamesOfTheirUnseenTokens) {
  const auto names_in = [](const Points& points, size_t row) {
    std::vector<std::string> names;
    for (int token : points.tokens[row])
      names.push_back(token < kAlphabet
                          ? std::to_string(token)
                          : points.unseen->names[static_cast<size_t>(token - kAlphabet)]);
    return names;
  };
  const std::vector<std::vector<std::string>> sequences{
      {"0", "1"}, {"aa", "0", "bb"}, {"bb", "cc"}, {"2"}};
  Points all;
  for (const auto& sequence : sequences) all.append(named_points({sequence}));
  ASSERT_EQ(all.size(), 4);
  for (size_t i = 0; i < sequences.size(); ++i) EXPECT_EQ(names_in(all, i), sequences[i]);
  EXPECT_EQ(names_in(all.subset({2}), 0), sequences[2]);
  EXPECT_EQ(names_in(all.range(1, 1), 0), sequences[1]);
}

TEST(Points, OfAnotherAlphabetDoNotCompare) {
  CostFamily family = unit_family();
  family.alphabet = kAlphabet + 1;
  const Points points = named_points({{"new"}});
  EXPECT_THROW(point_distances(family, VectorXd(), points), UsageError);
}

// 43 is the linear kernel of the two points above.
TEST(Sum, AddsItsTermsTimesTheirAmplitudes) {
  const auto linear = make_linear(groups()), rbf = make_rbf(groups());
  const auto sum = make_sum({"straight", "near"}, {linear, rbf});
  const Points a = point({1, 2, 3}, {}), b = point({4, 5, 6}, {});
  const VectorXd p = vector({std::log(3), std::log(5), 0, std::log(2), 1, 2});
  EXPECT_NEAR(sum->gram(p, a, b)(0, 0), 3 * 43 + 5 * rbf->gram(vector({1, 2}), a, b)(0, 0),
              kRounding);
}

TEST(Kernel, NamesItsParameters) {
  using Names = std::vector<std::string>;
  const auto linear = make_linear(groups()), rbf = make_rbf(groups());
  const auto edit = make_edit(gap_and_change());
  EXPECT_EQ(names_of(*linear), (Names{"scale.size", "scale.depth"}));
  EXPECT_EQ(names_of(*rbf), (Names{"width.size", "width.depth"}));
  EXPECT_EQ(names_of(*edit), (Names{"width", "cost.gap", "cost.change"}));
  EXPECT_EQ(names_of(*make_sum({"features", "edits"}, {rbf, edit})),
            (Names{"amplitude.features", "amplitude.edits", "features.width.size",
                   "features.width.depth", "edits.width", "edits.cost.gap", "edits.cost.change"}));
}

TEST(Kernel, StartsWithinItsBounds) {
  for (const auto& [name, kernel] : all_kernels()) {
    SCOPED_TRACE(name);
    const VectorXd start = starts(*kernel);
    const auto parameters = kernel->parameters();
    ASSERT_EQ(start.size(), static_cast<Index>(parameters.size()));
    for (size_t i = 0; i < parameters.size(); ++i) {
      EXPECT_EQ(start(static_cast<Index>(i)), parameters[i].start);
      EXPECT_LT(parameters[i].lower, parameters[i].start);
      EXPECT_LT(parameters[i].start, parameters[i].upper);
      EXPECT_GT(parameters[i].deviation, 0);
    }
  }
}

// Amplitudes of 1/2 each.
TEST(Sum, OfKernelsWithADiagonalOfOneStartsWithADiagonalOfOne) {
  const auto sum = make_sum({"features", "edits"}, {make_rbf(groups()), make_edit(plain_gap())});
  const Points points = random_points(5, 2);
  EXPECT_LT(largest(sum->diagonal(starts(*sum), points) - VectorXd::Ones(5)), kRounding);
}

TEST(Kernel, OfPointsWithThemselvesIsThatOfThePointsWithACopy) {
  const Points points = random_points(30, 3);
  for (const auto& [name, kernel] : all_kernels()) {
    SCOPED_TRACE(name);
    const VectorXd p = some_parameters(*kernel);
    const MatrixXd k = kernel->gram(p, points);
    ASSERT_EQ(k.rows(), 30);
    ASSERT_EQ(k.cols(), 30);
    EXPECT_LT(largest(k - kernel->gram(p, points, points)), kRounding);
  }
}

TEST(Kernel, IsSymmetric) {
  const Points a = random_points(20, 4), b = random_points(30, 5);
  for (const auto& [name, kernel] : all_kernels()) {
    SCOPED_TRACE(name);
    const VectorXd p = some_parameters(*kernel);
    const MatrixXd own = kernel->gram(p, a), ab = kernel->gram(p, a, b);
    ASSERT_EQ(ab.rows(), 20);
    ASSERT_EQ(ab.cols(), 30);
    EXPECT_LT(largest(own - own.transpose()), kRounding);
    EXPECT_LT(largest(ab - kernel->gram(p, b, a).transpose()), kRounding);
  }
}

TEST(Kernel, HasTheDiagonalThatItSays) {
  const Points points = random_points(30, 6);
  for (const auto& [name, kernel] : all_kernels()) {
    SCOPED_TRACE(name);
    const VectorXd p = some_parameters(*kernel);
    const VectorXd diagonal = kernel->diagonal(p, points);
    ASSERT_EQ(diagonal.size(), 30);
    EXPECT_LT(largest(diagonal - kernel->gram(p, points).diagonal()), kRounding);
  }
}

TEST(Kernel, OfFeaturesIsPositiveDefinite) {
  const Points points = random_points(40, 7);
  for (const auto& [name, kernel] : kernels_of_features()) {
    SCOPED_TRACE(name);
    const MatrixXd k = kernel->gram(some_parameters(*kernel), points);
    const VectorXd values = Eigen::SelfAdjointEigenSolver<MatrixXd>(k).eigenvalues();
    EXPECT_GT(values(0), -kRounding * values(39));
  }
}

// Enough points for more than one block of each.
TEST(Kernel, IsTheSameToTheLastBitWithAnyNumberOfThreads) {
  const Points a = random_points(40, 8), b = random_points(150, 9);
  for (const auto& [name, kernel] : all_kernels()) {
    SCOPED_TRACE(name);
    const VectorXd p = some_parameters(*kernel);
    EXPECT_EQ(largest(kernel->gram(p, a, b, 3) - kernel->gram(p, a, b, 1)), 0);
    EXPECT_EQ(largest(kernel->gram(p, b, 3) - kernel->gram(p, b, 1)), 0);
  }
}

// Enough points for more than one block of rows.
TEST(Kernel, ExpandsAsItsGramMatrixDoes) {
  const Points a = random_points(600, 16), b = random_points(30, 17);
  const VectorXd coefficients = random_points(30, 18).features.col(0);
  for (const auto& [name, kernel] : all_kernels()) {
    SCOPED_TRACE(name);
    const VectorXd p = some_parameters(*kernel);
    const VectorXd expansion = kernel->expansion(p, a, b, coefficients);
    ASSERT_EQ(expansion.size(), 600);
    EXPECT_LT(largest(expansion - kernel->gram(p, a, b) * coefficients),
              kRoundingOfSums * largest(expansion));
    EXPECT_EQ(largest(kernel->expansion(p, a, b, coefficients, 3) - expansion), 0);
  }
}

TEST(Kernel, HasTheDerivativesOfItsParameters) {
  const Points points = random_points(12, 10);
  for (const auto& [name, kernel] : all_kernels()) {
    const VectorXd p = some_parameters(*kernel);
    const auto parameters = kernel->parameters();
    const std::vector<MatrixXd> derivatives = kernel->derivatives(p, points);
    ASSERT_EQ(derivatives.size(), parameters.size()) << name;
    for (size_t i = 0; i < parameters.size(); ++i) {
      SCOPED_TRACE(name + ", " + parameters[i].name);
      const bool of_cost = parameters[i].name.find("cost.") != std::string::npos;
      const MatrixXd expected =
          central_difference(*kernel, p, points, static_cast<Index>(i), of_cost ? kCostStep : 1e-6);
      ASSERT_GT(largest(expected), 0.01);
      EXPECT_LT(largest(derivatives[i] - expected) / largest(expected),
                of_cost ? tests::kCostDerivative : tests::kDerivative);
    }
  }
}

TEST(Kernel, HasSymmetricDerivatives) {
  const Points points = random_points(12, 11);
  for (const auto& [name, kernel] : all_kernels()) {
    SCOPED_TRACE(name);
    for (const MatrixXd& derivative : kernel->derivatives(some_parameters(*kernel), points))
      EXPECT_LT(largest(derivative - derivative.transpose()), kRounding);
  }
}

TEST(Points, SubsetTakesRowsInTheOrderAskedFor) {
  const Points points = random_points(5, 12);
  const Points subset = points.subset({3, 0, 3});
  ASSERT_EQ(subset.size(), 3);
  EXPECT_EQ(subset.features.row(0), points.features.row(3));
  EXPECT_EQ(subset.features.row(1), points.features.row(0));
  EXPECT_EQ(subset.features.row(2), points.features.row(3));
  EXPECT_EQ(subset.tokens,
            (std::vector<Tokens>{points.tokens[3], points.tokens[0], points.tokens[3]}));
  EXPECT_EQ(points.subset({}).size(), 0);
}

TEST(Points, RangeTakesRowsOneAfterAnother) {
  const Points points = random_points(5, 15);
  const Points range = points.range(1, 3);
  EXPECT_EQ(range.features, points.subset({1, 2, 3}).features);
  EXPECT_EQ(range.tokens, points.subset({1, 2, 3}).tokens);
  EXPECT_EQ(points.range(5, 0).size(), 0);
}

// What a predictor that sees the training points once more relies on.
TEST(Points, SubsetHasTheSameRowsOfTheGramMatrix) {
  const Points points = random_points(20, 13);
  const std::vector<Index> rows = {4, 17, 9};
  for (const auto& [name, kernel] : all_kernels()) {
    SCOPED_TRACE(name);
    const VectorXd p = some_parameters(*kernel);
    const MatrixXd all = kernel->gram(p, points);
    const MatrixXd some = kernel->gram(p, points.subset(rows), points);
    for (size_t i = 0; i < rows.size(); ++i)
      EXPECT_LT(largest(some.row(static_cast<Index>(i)) - all.row(rows[i])), kRounding);
  }
}

}  // namespace
}  // namespace metaqnn::kernels
