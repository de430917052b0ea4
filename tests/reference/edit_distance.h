// The edit distance as its definition reads, with the whole table of prefixes kept.
#pragma once

#include <Eigen/Core>
#include <algorithm>

#include "kernels/edit_distance.h"

namespace metaqnn::reference {

// D(i, j) of kernels/edit_distance.h stands in row i, column j.
inline double edit_distance(const kernels::Tokens& a, const kernels::Tokens& b,
                            const kernels::EditCosts& costs) {
  const auto n = static_cast<Eigen::Index>(a.size()), m = static_cast<Eigen::Index>(b.size());
  Eigen::MatrixXd d = Eigen::MatrixXd::Zero(n + 1, m + 1);
  for (Eigen::Index i = 0; i <= n; ++i) {
    for (Eigen::Index j = 0; j <= m; ++j) {
      if (i == 0 && j == 0) continue;
      double cheapest = std::numeric_limits<double>::infinity();
      if (i > 0) cheapest = std::min(cheapest, d(i - 1, j) + costs.deletion[a[i - 1]]);
      if (j > 0) cheapest = std::min(cheapest, d(i, j - 1) + costs.insertion[b[j - 1]]);
      if (i > 0 && j > 0)
        cheapest = std::min(cheapest, d(i - 1, j - 1) + costs.substitution(a[i - 1], b[j - 1]));
      d(i, j) = cheapest;
    }
  }
  return d(n, m);
}

}  // namespace metaqnn::reference
