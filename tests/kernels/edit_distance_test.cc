#include "kernels/edit_distance.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "kernels/fixed_point_costs.h"
#include "metaqnn/base/error.h"
#include "metaqnn/base/random.h"
#include "tests/each_target.h"
#include "tests/error_message.h"
#include "tests/matrix.h"
#include "tests/reference/edit_distance.h"
#include "tests/tolerances.h"
#include "tests/unit_costs.h"

namespace metaqnn::kernels {
namespace {

using tests::largest_difference;
using tests::unit_costs;
using tests::usage_error;

// RapidCheck draws another seed for each run unless it is told one before its first use.
const int fixed_seed = setenv("RC_PARAMS", "seed=1", 0);

Tokens letters(const std::string& word) {
  Tokens tokens;
  for (char letter : word) tokens.push_back(letter - 'a');
  return tokens;
}

Tokens random_tokens(Random& random, size_t length, int alphabet) {
  Tokens tokens;
  while (tokens.size() < length)
    tokens.push_back(static_cast<int>(random.below(static_cast<uint64_t>(alphabet))));
  return tokens;
}

std::vector<Tokens> random_sequences(Random& random, size_t count, size_t longest, int alphabet) {
  std::vector<Tokens> sequences;
  while (sequences.size() < count)
    sequences.push_back(random_tokens(random, random.below(longest + 1), alphabet));
  return sequences;
}

// Insertions and deletions from 0.5 to 1.5 times unit, substitutions from 0 to 2 times.
EditCosts random_costs(Random& random, int alphabet, double unit = 1) {
  EditCosts costs = unit_costs(alphabet);
  for (int t = 0; t < alphabet; ++t) {
    costs.insertion[t] = unit * (0.5 + random.uniform());
    costs.deletion[t] = unit * (0.5 + random.uniform());
    for (int s = 0; s < t; ++s)
      costs.substitution(s, t) = costs.substitution(t, s) = unit * 2 * random.uniform();
  }
  return costs;
}

// Insertion = deletion = 1 and substitutions from 0 to 1: what graded costs of layers are like.
EditCosts graded_costs(Random& random, int alphabet) {
  EditCosts costs = random_costs(random, alphabet);
  costs.insertion.setOnes();
  costs.deletion.setOnes();
  costs.substitution /= 2;
  return costs;
}

EditCosts rounded_to(EditCosts costs, double step) {
  for (auto* values : {&costs.insertion, &costs.deletion})
    *values = (*values / step).array().round().max(1) * step;
  costs.substitution = (costs.substitution / step).array().round() * step;
  return costs;
}

Eigen::MatrixXd reference_distances(const std::vector<Tokens>& rows,
                                    const std::vector<Tokens>& columns, const EditCosts& costs) {
  Eigen::MatrixXd result(rows.size(), columns.size());
  for (size_t i = 0; i < rows.size(); ++i)
    for (size_t j = 0; j < columns.size(); ++j)
      result(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)) =
          reference::edit_distance(rows[i], columns[j], costs);
  return result;
}

double distance(const Tokens& a, const Tokens& b, const EditCosts& costs) {
  return edit_distances({a}, {b}, costs)(0, 0);
}

// Bits of the lanes that serve a pair of sequences of these lengths; 64 for one by one in double.
int lane_bits(const EditCosts& costs, size_t row_length, size_t column_length) {
  const auto formats = fixed_point_formats(costs);
  const size_t k = narrowest_format(formats, row_length, column_length);
  return k < formats.size() ? formats[k].bits : 64;
}

TEST(EditDistance, IsTheCheapestEdit) {
  // Tokens 0, 1, 2; every insertion 1, every deletion 2; 0 becomes 1 for 0.25, others for 5.
  EditCosts costs = unit_costs(3);
  costs.deletion.setConstant(2);
  costs.substitution *= 5;
  costs.substitution(0, 1) = costs.substitution(1, 0) = 0.25;
  // {0, 2} -> {1}: 0 becomes 1 for 0.25, 2 is deleted for 2.
  EXPECT_EQ(distance({0, 2}, {1}, costs), 2.25);
  // {1} -> {0, 2}: 1 becomes 0 for 0.25, 2 is inserted for 1.
  EXPECT_EQ(distance({1}, {0, 2}, costs), 1.25);
  // {2} -> {0}: deleting 2 and inserting 0 costs 2 + 1 = 3, less than the substitution for 5.
  EXPECT_EQ(distance({2}, {0}, costs), 3);
  // {0, 1, 2} -> {1, 2}: deleting 0 costs 2; deleting 1 and 0 becoming 1 costs 2.25.
  EXPECT_EQ(distance({0, 1, 2}, {1, 2}, costs), 2);
  Eigen::MatrixXd expected(2, 3);
  expected << 2.25, 1, 0,  // from {0, 2} to {1}, {0, 2, 2}, {0, 2}
      0, 1.25 + 1, 1.25;   // from {1}
  EXPECT_EQ(edit_distances({{0, 2}, {1}}, {{1}, {0, 2, 2}, {0, 2}}, costs), expected);
}

TEST(EditDistance, IsLevenshteinsForUnitCosts) {
  struct Pair {
    const char *a, *b;
    double distance;
  };
  const EditCosts costs = unit_costs(26);
  for (const Pair& pair : {Pair{"kitten", "sitting", 3},
                           {"saturday", "sunday", 3},
                           {"flaw", "lawn", 2},
                           {"intention", "execution", 5},
                           {"gumbo", "gambol", 2},
                           {"a", "b", 1},
                           {"", "abc", 3},
                           {"abc", "", 3},
                           {"", "", 0},
                           {"abcdef", "fedcba", 6},
                           {"abcdefgh", "bcdefgha", 2}}) {
    SCOPED_TRACE(std::string(pair.a) + " " + pair.b);
    const Tokens a = letters(pair.a), b = letters(pair.b);
    EXPECT_EQ(reference::edit_distance(a, b, costs), pair.distance);
    EXPECT_EQ(distance(a, b, costs), pair.distance);
  }
}

// One way through the code: costs, and sequences of up to `longest` tokens, the longest of which
// need lanes of `bits`.
struct Path {
  const char* name;
  EditCosts costs;
  size_t longest;
  int bits;
  bool exact;  // costs are multiples of a fraction
};

std::vector<Path> paths() {
  Random random = Random::stream(2, "paths");
  constexpr bool exact = true, rounded = false;
  return {
      {"unit costs", unit_costs(20), 30, 8, exact},
      {"unit costs, long", unit_costs(20), 140, 16, exact},
      {"tenths, short", rounded_to(graded_costs(random, 20), 0.1), 12, 8, exact},
      {"tenths", rounded_to(graded_costs(random, 20), 0.1), 30, 16, exact},
      {"hundredths", rounded_to(random_costs(random, 20), 0.01), 40, 16, exact},
      {"thousandths", rounded_to(random_costs(random, 20), 0.001), 40, 32, exact},
      {"cheap", random_costs(random, 20, 0.01), 8, 8, rounded},
      {"graded", graded_costs(random, 20), 15, 16, rounded},
      {"graded, long", graded_costs(random, 20), 70, 32, rounded},
      {"general", random_costs(random, 20), 13, 16, rounded},
      {"general, long", random_costs(random, 20), 70, 32, rounded},
      {"dear", random_costs(random, 20, 1e5), 7, 32, rounded},
      {"dear, long", random_costs(random, 20, 1e5), 30, 64, rounded},
      {"too dear", random_costs(random, 20, 1e8), 13, 64, rounded},
      {"one token", random_costs(random, 1), 40, 32, rounded},
      {"large alphabet", random_costs(random, 300), 13, 16, rounded},
  };
}

TEST(EditDistances, AreThoseOfTheSlowTwinInLanesOfEveryWidth) {
  Random random = Random::stream(3, "lanes");
  for (const Path& path : paths()) {
    SCOPED_TRACE(path.name);
    EXPECT_EQ(lane_bits(path.costs, path.longest, path.longest), path.bits);
    const int alphabet = path.costs.alphabet();
    auto rows = random_sequences(random, 20, path.longest, alphabet);
    auto columns = random_sequences(random, 70, path.longest, alphabet);
    rows.push_back(random_tokens(random, path.longest, alphabet));
    columns.push_back(rows.back());
    const Eigen::MatrixXd expected = reference_distances(rows, columns, path.costs);
    EXPECT_LE(largest_difference(edit_distances(rows, columns, path.costs), expected),
              path.exact ? tests::kRoundingOfSums * expected.maxCoeff() : kEditDistanceError);
  }
}

TEST(EditDistances, AreThoseOfTheSlowTwinForAllPairsOfOneList) {
  Random random = Random::stream(4, "pairs");
  for (Path path : paths()) {
    SCOPED_TRACE(path.name);
    const auto sequences = random_sequences(random, 35, path.longest, path.costs.alphabet());
    for (bool made_symmetric : {false, true}) {
      if (made_symmetric) path.costs.deletion = path.costs.insertion;
      const Eigen::MatrixXd expected = reference_distances(sequences, sequences, path.costs);
      const Eigen::MatrixXd distances = edit_distances(sequences, path.costs);
      EXPECT_LE(largest_difference(distances, expected), kEditDistanceError);
      EXPECT_EQ(distances.diagonal().cwiseAbs().maxCoeff(), 0);
      EXPECT_EQ(distances == distances.transpose(), path.costs.deletion == path.costs.insertion);
    }
  }
}

// Enough for several tasks, tiles and blocks, and of all classes of length.
std::vector<Tokens> many_sequences(size_t count, int alphabet) {
  Random random = Random::stream(5, "many", count);
  std::vector<Tokens> sequences = random_sequences(random, count, 18, alphabet);
  for (size_t i = 7; i < count; i += 97) sequences[i] = random_tokens(random, 45, alphabet);
  return sequences;
}

TEST(EditDistances, AreTheSameForHalfOfAllPairsAsForAll) {
  Random random = Random::stream(6, "half");
  const EditCosts costs = graded_costs(random, 12);
  const auto sequences = many_sequences(1100, 12);
  const Eigen::MatrixXd half = edit_distances(sequences, costs);
  EXPECT_EQ(half, edit_distances(sequences, sequences, costs));
  EXPECT_EQ(half, half.transpose());
}

TEST(EditDistances, DoNotDependOnTheNumberOfThreads) {
  Random random = Random::stream(7, "threads");
  const auto expect_same = [](const auto& rows, const auto& columns, const EditCosts& costs) {
    EXPECT_EQ(edit_distances(rows, columns, costs, 3), edit_distances(rows, columns, costs, 1));
    EXPECT_EQ(edit_distances(columns, costs, 3), edit_distances(columns, costs, 1));
  };
  for (const EditCosts& costs : {graded_costs(random, 12), random_costs(random, 12)})
    expect_same(many_sequences(1100, 12), many_sequences(600, 12), costs);
  // One by one in double.
  expect_same(many_sequences(30, 12), many_sequences(20, 12), random_costs(random, 12, 1e8));
}

TEST(EditDistances, DoNotDependOnTheOtherSequences) {
  Random random = Random::stream(8, "others");
  const EditCosts costs = random_costs(random, 12);
  const auto rows = many_sequences(300, 12), columns = many_sequences(110, 12);
  const Eigen::MatrixXd distances = edit_distances(rows, columns, costs);
  for (int round = 0; round < 300; ++round) {
    const size_t i = random.below(rows.size()), j = random.below(columns.size());
    EXPECT_EQ(edit_distances({rows[i]}, {columns[j]}, costs)(0, 0),
              distances(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)));
  }
}

TEST(EditDistances, AreTheSameWithEveryInstructionSet) {
  Random random = Random::stream(9, "targets");
  for (const Path& path : paths()) {
    SCOPED_TRACE(path.name);
    const auto rows = random_sequences(random, 75, path.longest, path.costs.alphabet());
    const auto columns = random_sequences(random, 131, path.longest, path.costs.alphabet());
    const Eigen::MatrixXd expected = edit_distances(rows, columns, path.costs);
    tests::for_each_target([&] { EXPECT_EQ(edit_distances(rows, columns, path.costs), expected); });
  }
}

TEST(EditDistances, AreZeroExactlyForEqualSequences) {
  Random random = Random::stream(10, "equal");
  for (const Path& path : paths()) {
    SCOPED_TRACE(path.name);
    const auto sequences = random_sequences(random, 40, path.longest, path.costs.alphabet());
    auto reversed = sequences;
    std::reverse(reversed.begin(), reversed.end());
    const Eigen::MatrixXd distances = edit_distances(sequences, reversed, path.costs);
    for (Eigen::Index i = 0; i < distances.rows(); ++i)
      EXPECT_EQ(distances(i, distances.cols() - 1 - i), 0);
    EXPECT_GE(distances.minCoeff(), 0);
  }
}

TEST(EditDistances, StayWithinTheirErrorWhereItIsLargest) {
  // Substitutions of one token by another all rounded the same way, as many as the lanes allow.
  Random random = Random::stream(11, "error");
  double largest = 0;
  for (int round = 0; round < 300; ++round) {
    EditCosts costs = random.below(2) ? graded_costs(random, 2) : random_costs(random, 2);
    costs.substitution /= 2;
    for (const FixedPointCosts& format : fixed_point_formats(costs)) {
      if (format.longest > 100) continue;
      const Tokens zeros(format.longest, 0), ones(format.longest, 1);
      const double error = std::abs(edit_distances({zeros}, {ones}, costs)(0, 0) -
                                    reference::edit_distance(zeros, ones, costs));
      largest = std::max(largest, error);
    }
  }
  EXPECT_LE(largest, kEditDistanceError);
  EXPECT_GE(largest, kEditDistanceError / 2) << "then 16 bits could serve longer sequences";
}

TEST(EditDistances, AreRightForLongSequencesOfManyTokens) {
  Random random = Random::stream(12, "long");
  const EditCosts costs = random_costs(random, 400);
  const std::vector<Tokens> rows = {
      random_tokens(random, 1000, 400), random_tokens(random, 999, 400), {}, {7}};
  const std::vector<Tokens> columns = {
      random_tokens(random, 1000, 400), {}, random_tokens(random, 64, 400), rows[1]};
  EXPECT_EQ(lane_bits(costs, 1000, 1000), 32);
  EXPECT_LE(largest_difference(edit_distances(rows, columns, costs),
                               reference_distances(rows, columns, costs)),
            kEditDistanceError);
}

TEST(EditDistances, OfEmptySequencesAreSumsOfInsertionsOrDeletions) {
  EditCosts costs = unit_costs(2);
  costs.insertion << 0.5, 0.25;
  costs.deletion << 2, 4;
  Eigen::MatrixXd expected(2, 2);
  expected << 0, 0.5 + 0.25 + 0.25,  // from {} to {}, {0, 1, 1}
      4 + 2, 0.5 + 1;                // from {1, 0}: 0 is inserted, 1 is kept, 0 becomes 1
  EXPECT_EQ(edit_distances({{}, {1, 0}}, {{}, {0, 1, 1}}, costs), expected);
  EXPECT_EQ(edit_distances({{}, {}}, costs), Eigen::MatrixXd::Zero(2, 2));
}

TEST(EditDistances, OfNoSequencesAreAnEmptyMatrix) {
  const EditCosts costs = unit_costs(2);
  EXPECT_EQ(edit_distances({}, {{1}, {0}}, costs).rows(), 0);
  EXPECT_EQ(edit_distances({}, {{1}, {0}}, costs).cols(), 2);
  EXPECT_EQ(edit_distances({{1}, {0}}, {}, costs).rows(), 2);
  EXPECT_EQ(edit_distances({{1}, {0}}, {}, costs).cols(), 0);
  EXPECT_EQ(edit_distances(std::vector<Tokens>(), costs).size(), 0);
}

// Points on a line, no farther apart than deletion and insertion cost: a metric.
EditCosts metric_costs(const std::vector<double>& points) {
  EditCosts costs = unit_costs(static_cast<int>(points.size()));
  for (size_t s = 0; s < points.size(); ++s)
    for (size_t t = 0; t < points.size(); ++t)
      costs.substitution(static_cast<Eigen::Index>(s), static_cast<Eigen::Index>(t)) =
          std::abs(points[s] - points[t]);
  return costs;
}

const std::vector<double> kPoints = {0, 0.13, 0.29, 0.57, 0.88, 1.5};

Tokens any_tokens() {
  return *rc::gen::container<Tokens>(rc::gen::inRange(0, static_cast<int>(kPoints.size())));
}

RC_GTEST_PROP(EditDistance, ObeysTheTriangleInequalityForMetricCosts, ()) {
  const EditCosts costs = metric_costs(kPoints);
  const Tokens a = any_tokens(), b = any_tokens(), c = any_tokens();
  RC_ASSERT(distance(a, c, costs) <=
            distance(a, b, costs) + distance(b, c, costs) + 3 * kEditDistanceError);
}

RC_GTEST_PROP(EditDistance, IsSymmetricWhereInsertionEqualsDeletion, ()) {
  const EditCosts costs = metric_costs(kPoints);
  const Tokens a = any_tokens(), b = any_tokens();
  RC_ASSERT(distance(b, a, costs) == distance(a, b, costs));
}

RC_GTEST_PROP(EditDistance, IsNoMoreThanDeletingAllAndInsertingAll, ()) {
  const EditCosts costs = metric_costs(kPoints);
  const Tokens a = any_tokens(), b = any_tokens();
  const double all = static_cast<double>(a.size() + b.size());
  RC_ASSERT(distance(a, b, costs) <= all + kEditDistanceError);
  RC_ASSERT(distance(a, b, costs) >=
            std::abs(static_cast<double>(a.size()) - static_cast<double>(b.size())) -
                kEditDistanceError);
}

TEST(FixedPointCosts, AreExactForMultiplesOfAFraction) {
  // In tenths W = 2 is 20 units, and 255 / 20 = 12.75, 65535 / 20 = 3276.75.
  EditCosts costs = unit_costs(3);
  costs.substitution(0, 1) = costs.substitution(1, 0) = 0.3;
  const auto formats = fixed_point_formats(costs);
  ASSERT_EQ(formats.size(), 3u);
  EXPECT_EQ(formats[0].scale, 10);
  EXPECT_EQ(formats[0].longest, 12u);
  EXPECT_EQ(formats[1].longest, 3276u);
  EXPECT_EQ(formats[0].savings, (std::vector<int32_t>{20, 17, 10, 17, 20, 10, 10, 10, 20}));
  EXPECT_EQ(formats[0].deletion, (std::vector<double>{10, 10, 10}));
  // The shorter sequence decides.
  EXPECT_EQ(narrowest_format(formats, 12, 5000), 0u);
  EXPECT_EQ(narrowest_format(formats, 13, 12), 0u);
  EXPECT_EQ(narrowest_format(formats, 13, 13), 1u);
}

TEST(FixedPointCosts, AreRoundedOtherwise) {
  // W = 2 and 16 bits: sqrt(65535 / 256) = 15.99..., so N = 15 and floor(65535 / 15) - 1 = 4368
  // units stand for 2.
  EditCosts costs = unit_costs(2);
  costs.substitution(0, 1) = costs.substitution(1, 0) = std::sqrt(0.5);
  const auto formats = fixed_point_formats(costs);
  ASSERT_EQ(formats.size(), 2u);
  EXPECT_EQ(formats[0].bits, 16);
  EXPECT_EQ(formats[0].longest, 15u);
  EXPECT_EQ(formats[0].scale, 2184);
  EXPECT_TRUE(formats[0].by_shorter);
  // 4368 - 2184 sqrt(0.5) = 2823.67...
  EXPECT_EQ(formats[0].savings, (std::vector<int32_t>{4368, 2824, 2824, 4368}));
  EXPECT_EQ(formats[1].bits, 32);
  EXPECT_EQ(formats[1].longest, 2896u);
  // Deletion and insertion round too where their sum differs from token to token.
  costs.insertion[0] = std::sqrt(0.5);
  for (const FixedPointCosts& format : fixed_point_formats(costs)) EXPECT_FALSE(format.by_shorter);
}

TEST(EditCosts, AreRefusedWithTheEntryAndTheRule) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  const auto error_of = [](const auto& change) {
    EditCosts costs = unit_costs(3);
    change(costs);
    const std::string message = usage_error([&] { edit_distances({{0}}, {{1}}, costs); });
    EXPECT_EQ(usage_error([&] { edit_distances({{0}}, costs); }), message);
    return message;
  };
  EXPECT_EQ(error_of([](EditCosts&) {}), "nothing was thrown");
  EXPECT_EQ(error_of([](EditCosts& c) { c = {}; }),
            "edit costs, insertion: no entries; an alphabet has at least one token");
  EXPECT_EQ(error_of([](EditCosts& c) { c.deletion.resize(2); }),
            "edit costs, deletion: 2 entries; must have one for each of the 3 tokens of insertion");
  EXPECT_EQ(error_of([](EditCosts& c) { c.substitution.resize(3, 2); }),
            "edit costs, substitution: 3 x 2; must be 3 x 3, for the tokens of insertion");
  EXPECT_EQ(error_of([](EditCosts& c) { c.insertion[2] = 0; }),
            "edit costs, insertion(2): 0; must be finite and greater than 0");
  EXPECT_EQ(error_of([&](EditCosts& c) { c.deletion[0] = nan; }),
            "edit costs, deletion(0): nan; must be finite and greater than 0");
  EXPECT_EQ(error_of([&](EditCosts& c) { c.substitution(0, 1) = infinity; }),
            "edit costs, substitution(0, 1): inf; must be finite and at least 0");
  EXPECT_EQ(error_of([](EditCosts& c) { c.substitution(1, 2) = -0.25; }),
            "edit costs, substitution(1, 2): -0.25; must be finite and at least 0");
  EXPECT_EQ(error_of([](EditCosts& c) { c.substitution(1, 1) = 0.5; }),
            "edit costs, substitution(1, 1): 0.5; must be 0, since nothing is changed");
  EXPECT_EQ(error_of([](EditCosts& c) { c.substitution(2, 0) = 0.7; }),
            "edit costs, substitution(0, 2): 1; must equal substitution(2, 0), which is 0.7");
}

TEST(EditDistances, RefuseTokensOutsideTheAlphabet) {
  const EditCosts costs = unit_costs(3);
  const std::vector<Tokens> good = {{0}, {2, 1}}, bad = {{0}, {}, {1, 2, 3}}, negative = {{0, -1}};
  EXPECT_EQ(
      usage_error([&] { edit_distances(bad, good, costs); }),
      "edit distance, rows, sequence 2, position 2 (from 0): token 3; an alphabet of 3 tokens "
      "has 0 to 2");
  EXPECT_EQ(usage_error([&] { edit_distances(good, negative, costs); }),
            "edit distance, columns, sequence 0, position 1 (from 0): token -1; an alphabet of 3 "
            "tokens has 0 to 2");
  EXPECT_EQ(usage_error([&] { edit_distances(bad, costs); }),
            "edit distance, sequences, sequence 2, position 2 (from 0): token 3; an alphabet of 3 "
            "tokens has 0 to 2");
}

TEST(EditDistances, RefuseFewerThanOneThread) {
  const EditCosts costs = unit_costs(3);
  EXPECT_EQ(usage_error([&] { edit_distances({{0}}, costs, 0); }),
            "edit distance: 0 threads; give at least 1");
  EXPECT_EQ(usage_error([&] { edit_distances({{0}}, {{0}}, costs, -2); }),
            "edit distance: -2 threads; give at least 1");
}

}  // namespace
}  // namespace metaqnn::kernels
