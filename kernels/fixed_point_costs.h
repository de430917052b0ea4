// Which whole numbers stand for given edit costs, and for which sequences are they good enough?
//
// Pairing two tokens saves deleting the one and inserting the other, so the cheapest edit is the
// one that saves most, a common subsequence with weights:
//
//   D(a, b) = sum_i deletion(a_i) + sum_j insertion(b_j) - L(n, m)
//   L(i, j) = max( L(i-1, j), L(i, j-1), L(i-1, j-1) + saving(a_i, b_j) ),   L(i, 0) = L(0, j) = 0
//   saving(s, t) = max( 0, deletion(s) + insertion(t) - substitution(s, t) )
//
// This is the recurrence of Wagner and Fischer (1974) with both sums subtracted from every cell,
// which takes one addition for a cell instead of three, no cost per position beside the saving, and
// numbers no larger than min(n, m) * W, where W is the largest saving. Savings of 0 change nothing,
// so sequences can be made equally long.
//
// L is computed in units of 1/scale, in unsigned numbers of 8 or 16 bits or signed ones of 32:
//
//   exact    where every cost is a multiple of 1/scale for a whole scale up to 1,000, a fraction of
//            1e-9 of a unit aside; for pairs whose shorter sequence has at most limit/(scale W)
//            tokens
//   rounded  else. Let r(t) be the rounding error of saving(t, t). Deletion and insertion of t both
//            change by r(t)/2, 1/4 unit at most, so that equal sequences keep the distance 0, and a
//            substitution by 1/2 unit at most. The distance is off by (n + m)/4 units at most; or
//            by min(n, m)/2, if r = 0, as when deletion + insertion is the same for all tokens.
//            Within kEditDistanceError for sequences of at most N tokens if scale >= 128 N, and
//            N W scale must not exceed the limit: N is about sqrt(limit / (128 W)), 15 tokens in 16
//            bits and 2,896 in 32 if deletion and insertion cost 1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/edit_distance.h"

namespace metaqnn::kernels {

struct FixedPointCosts {
  int bits;        // 8, 16 or 32
  double scale;    // units per 1
  size_t longest;  // tokens
  // Whether it serves pairs whose shorter sequence is no longer than that, or whose longer one is.
  bool by_shorter;
  int alphabet;
  std::vector<double> deletion, insertion;  // units, multiples of 2^-20, so that sums are exact
  std::vector<int32_t> savings;             // units; alphabet x alphabet, by rows

  int32_t saving(int s, int t) const {
    return savings[static_cast<size_t>(s) * static_cast<size_t>(alphabet) + static_cast<size_t>(t)];
  }
};

// The formats that serve these costs, the narrowest first; each serves longer sequences than the
// one before. Empty where costs are too large for 32 bits. Cost: alphabet^2.
std::vector<FixedPointCosts> fixed_point_formats(const EditCosts& costs);

// The first of the formats that serves a pair of sequences of these lengths, or formats.size().
size_t narrowest_format(const std::vector<FixedPointCosts>& formats, size_t row_length,
                        size_t column_length);

}  // namespace metaqnn::kernels
