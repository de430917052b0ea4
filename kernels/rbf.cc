#include "kernels/rbf.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/parallel.h"
#include "metaqnn/base/error.h"

namespace metaqnn::kernels {
namespace {

// Columns of the result computed at once: their distances stay in the cache until exp() is taken.
constexpr Eigen::Index kColumnBlock = 64;

void check_features(Eigen::Index a, Eigen::Index b) {
  if (a != b) {
    throw UsageError("points of " + std::to_string(a) + " and " + std::to_string(b) +
                     " features do not compare; encode them alike");
  }
}

void check_widths(const std::vector<ColumnGroup>& groups, const Eigen::VectorXd& widths) {
  if (static_cast<Eigen::Index>(groups.size()) != widths.size()) {
    throw UsageError("rbf: " + std::to_string(groups.size()) + " groups of columns, but " +
                     std::to_string(widths.size()) + " widths; give one for each");
  }
  for (Eigen::Index g = 0; g < widths.size(); ++g) {
    if (!(widths(g) > 0) || !std::isfinite(widths(g))) {
      throw UsageError("rbf: width " + std::to_string(g) + " is " + std::to_string(widths(g)) +
                       "; widths are positive and finite");
    }
  }
}

// Columns of a group divided by sqrt(2 c) w, so that exp(-|a - b|^2) is the kernel.
Eigen::MatrixXd scaled(const Eigen::MatrixXd& x, const std::vector<ColumnGroup>& groups,
                       const Eigen::VectorXd& widths) {
  Eigen::Index columns = 0;
  for (const ColumnGroup& group : groups) columns += group.count;
  Eigen::MatrixXd result(x.rows(), columns);
  Eigen::Index next = 0;
  for (size_t g = 0; g < groups.size(); ++g) {
    const auto [begin, count] = groups[g];
    const double scale =
        1 / (std::sqrt(2.0 * static_cast<double>(count)) * widths(static_cast<Eigen::Index>(g)));
    result.middleCols(next, count) = x.middleCols(begin, count) * scale;
    next += count;
  }
  return result;
}

}  // namespace

Eigen::MatrixXd squared_distances(const Eigen::Ref<const Eigen::MatrixXd>& a,
                                  const Eigen::Ref<const Eigen::MatrixXd>& b) {
  check_features(a.cols(), b.cols());
  Eigen::MatrixXd result = -2 * a * b.transpose();
  result.colwise() += a.rowwise().squaredNorm();
  result.rowwise() += b.rowwise().squaredNorm().transpose();
  return result.cwiseMax(0);
}

Eigen::MatrixXd rbf(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b,
                    const std::vector<ColumnGroup>& groups, const Eigen::VectorXd& widths,
                    int threads) {
  check_features(a.cols(), b.cols());
  check_widths(groups, widths);
  const Eigen::MatrixXd left = scaled(a, groups, widths);
  const Eigen::MatrixXd right = scaled(b, groups, widths);
  Eigen::MatrixXd result(a.rows(), b.rows());
  parallel_for((b.rows() + kColumnBlock - 1) / kColumnBlock, threads, [&](Eigen::Index block) {
    const Eigen::Index begin = block * kColumnBlock,
                       count = std::min(kColumnBlock, b.rows() - begin);
    result.middleCols(begin, count) =
        (-squared_distances(left, right.middleRows(begin, count)).array()).exp();
  });
  return result;
}

}  // namespace metaqnn::kernels
