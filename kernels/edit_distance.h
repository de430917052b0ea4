// How much must one token sequence be changed to become another?
//
// The edit distance is the cheapest way to turn a into b by deleting, inserting and substituting
// tokens, with a cost for each token and each pair of tokens:
//
//   D(0, 0) = 0
//   D(i, j) = min( D(i-1, j)   + deletion(a_i),
//                  D(i, j-1)   + insertion(b_j),
//                  D(i-1, j-1) + substitution(a_i, b_j) )        terms with i-1 or j-1 < 0 left out
//   D(a, b) = D(n, m)
//
//   a, b          Tokens of length n and m; tokens are 0 to alphabet - 1, sequences may be empty
//   substitution  alphabet x alphabet, symmetric, 0 on the diagonal, finite, >= 0
//   insertion     alphabet, finite, > 0; the cost of inserting the token
//   deletion      alphabet, finite, > 0; the cost of deleting the token
//
// With insertion = deletion the distance is symmetric, and if substitution obeys the triangle
// inequality so does the distance. With costs of 1 it is Levenshtein's.
// Source: Wagner and Fischer, "The string-to-string correction problem", Journal of the ACM 21
// (1974).
//
// All pairs are computed in lanes of whole numbers of 8, 16 or 32 bits, one pair a lane: exact to
// the rounding of double where all costs are multiples of 1/s for a whole s up to 1,000 and
// sequences are not too long for their lane, else within kEditDistanceError
// (kernels/fixed_point_costs.h has the rule). Costs that no lane of 32 bits holds are computed in
// double. The distance of two sequences depends on them and on the costs alone: not on the others
// in the call, nor on the threads, nor on the processor. It is 0 for equal sequences and never
// negative.
//
// Cost: n*m per pair, divided by the lanes, and alphabet^2 per call for checking the costs. Memory
// beside the result, for each thread: the width of a vector, at most 64 bytes on x86, for each
// position of the longest column and each different token of the rows (32 MB for 500 tokens and
// 1,000 positions). Figures: docs/performance.md.
//
// Both functions throw UsageError for costs that break a rule above, naming the entry and the rule,
// for a token outside the alphabet, naming sequence and position, and for fewer than 1 thread.
//
//   EditCosts costs{Eigen::MatrixXd{{0, 0.25, 1}, {0.25, 0, 1}, {1, 1, 0}}, Eigen::Vector3d::Ones(),
//                   Eigen::Vector3d::Ones()};
//   edit_distances({{0, 2}, {1}}, costs);                   // 0 1.25; 1.25 0
#pragma once

#include <Eigen/Core>
#include <vector>

namespace metaqnn::kernels {

// The largest difference between edit_distances() and the exact distance.
constexpr double kEditDistanceError = 1.0 / 256;

using Tokens = std::vector<int>;  // 0 to alphabet - 1

struct EditCosts {
  Eigen::MatrixXd substitution;  // alphabet x alphabet
  Eigen::VectorXd insertion;     // alphabet
  Eigen::VectorXd deletion;      // alphabet

  int alphabet() const { return static_cast<int>(insertion.size()); }
};

// rows x columns: from each of the rows to each of the columns.
Eigen::MatrixXd edit_distances(const std::vector<Tokens>& rows, const std::vector<Tokens>& columns,
                               const EditCosts& costs, int threads = 1);

// sequences x sequences: from each to each. Computes half of it where insertion = deletion.
Eigen::MatrixXd edit_distances(const std::vector<Tokens>& sequences, const EditCosts& costs,
                               int threads = 1);

}  // namespace metaqnn::kernels
