#include "predict/kernel_system.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_set>

#include "kernels/dense.h"
#include "metaqnn/base/random.h"
#include "predict/hyperparameters.h"

namespace metaqnn::predict {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr Index kRows = 2048;  // points in hand at a time

class ExactSystem : public KernelSystem {
 public:
  explicit ExactSystem(std::shared_ptr<const Decomposition> decomposition)
      : decomposition_(std::move(decomposition)) {}

  double best_penalty(const VectorXd& targets) const override {
    return LeastSquares(decomposition_, targets).best_penalty(kSmallestPenalty, kLargestPenalty);
  }
  LeastSquaresFit solve(const VectorXd& targets, double penalty) const override {
    return LeastSquares(decomposition_, targets).solve(penalty);
  }
  std::shared_ptr<const Landmarks> landmarks() const override { return nullptr; }
  std::shared_ptr<const Decomposition> decomposition() const override { return decomposition_; }
  kernels::RepairReport repair() const override { return report(decomposition_->spectrum); }

 private:
  std::shared_ptr<const Decomposition> decomposition_;
};

class LandmarkSystem : public KernelSystem {
 public:
  LandmarkSystem(const kernels::Kernel& kernel, const VectorXd& parameters,
                 const kernels::Points& points, const std::vector<Index>& landmarks, int threads) {
    const kernels::Points centres = points.subset(landmarks);
    const FeatureSpace space =
        make_space(kernels::decompose(kernel.gram(parameters, centres, threads)));
    repair_ = space.repair;
    const Index r = space.to_features.cols();
    vectors_.resize(points.size(), r);
    MatrixXd inner = MatrixXd::Zero(r, r);
    in_blocks([&](Index first, Index count) {
      const MatrixXd features = kernels::product(
          kernel.gram(parameters, points.range(first, count), centres, threads), space.to_features);
      inner += kernels::product_t(features, features);
      vectors_.middleRows(first, count) = features;
    });
    kernels::Spectrum spectrum = kernels::decompose(0.5 * (inner + inner.transpose()));
    values_ = spectrum.clipped();
    const VectorXd roots = values_.cwiseSqrt();
    const VectorXd inverse = roots.unaryExpr([](double root) { return root > 0 ? 1 / root : 0; });
    const MatrixXd to_vectors = spectrum.vectors * inverse.asDiagonal();
    rest_.resize(points.size());
    in_blocks([&](Index first, Index count) {
      const MatrixXd features = vectors_.middleRows(first, count);
      auto rows = vectors_.middleRows(first, count);
      rows = kernels::product(features, to_vectors);
      rest_.segment(first, count) = (1 - rows.rowwise().squaredNorm().array()).cwiseMax(0);
    });
    to_coefficients_ = kernels::product(space.to_features, spectrum.vectors * roots.asDiagonal());
    // Saved models keep these in single precision, and predict what they predicted before.
    landmarks_ = std::make_shared<Landmarks>(
        Landmarks{landmarks, {values_, to_coefficients_.cast<float>().cast<double>()}});
    const VectorXd ones = VectorXd::Ones(points.size());
    ones_ = split(ones);
  }

  double best_penalty(const VectorXd& targets) const override {
    const Split y = split(targets);
    const auto squares = [&](const VectorXd& penalties) -> VectorXd {
      return residuals(y, penalties).colwise().squaredNorm();
    };
    return least_on_path(kSmallestPenalty, kLargestPenalty, 25, squares);
  }
  LeastSquaresFit solve(const VectorXd& targets, double penalty) const override {
    const Split y = split(targets);
    LeastSquaresFit fit;
    const VectorXd one = VectorXd::Constant(1, penalty);
    MatrixXd diagonal;
    fit.left_out = residuals(y, one, &diagonal);
    fit.left_out_gain = diagonal.cwiseInverse();
    const Path path = path_of(y, one);
    fit.coefficients = to_coefficients_ * path.alpha;
    fit.intercept = path.intercept(0);
    return fit;
  }
  std::shared_ptr<const Landmarks> landmarks() const override { return landmarks_; }
  std::shared_ptr<const Decomposition> decomposition() const override { return nullptr; }
  kernels::RepairReport repair() const override { return repair_; }

 private:
  // A vector of n numbers by what lies in V and what does not.
  struct Split {
    VectorXd inside;   // r, V'y
    VectorXd outside;  // n, y - V V'y
  };
  // For each penalty, in the basis V: H, H 1 and alpha; and 1' H 1 and b.
  struct Path {
    MatrixXd h, ones, alpha;
    VectorXd total, intercept;
  };

  template <typename Run>
  void in_blocks(const Run& run) const {
    for (Index first = 0; first < vectors_.rows(); first += kRows)
      run(first, std::min(kRows, vectors_.rows() - first));
  }

  Split split(const VectorXd& y) const {
    Split parts;
    parts.inside = vectors_.transpose() * y;
    parts.outside = y - vectors_ * parts.inside;
    return parts;
  }

  Path path_of(const Split& y, const VectorXd& penalties) const {
    const Index r = values_.size(), count = penalties.size();
    Path path{MatrixXd(r, count), MatrixXd(r, count), MatrixXd(r, count), VectorXd(count),
              VectorXd(count)};
    const double ones_outside = ones_.outside.squaredNorm();
    const double targets_outside = ones_.outside.dot(y.outside);
    for (Index p = 0; p < count; ++p) {
      const VectorXd h = (values_.array() + penalties(p)).inverse();
      const VectorXd ones = h.cwiseProduct(ones_.inside);
      path.total(p) = ones_.inside.dot(ones) + ones_outside / penalties(p);
      path.intercept(p) = (ones.dot(y.inside) + targets_outside / penalties(p)) / path.total(p);
      path.h.col(p) = h;
      path.ones.col(p) = ones;
      path.alpha.col(p) = h.cwiseProduct(y.inside) - path.intercept(p) * ones;
    }
    return path;
  }

  // alpha_i / C_ii, n x penalties, and C_ii.
  MatrixXd residuals(const Split& y, const VectorXd& penalties,
                     MatrixXd* diagonal = nullptr) const {
    const Path path = path_of(y, penalties);
    MatrixXd left_out(vectors_.rows(), penalties.size());
    if (diagonal) diagonal->resize(vectors_.rows(), penalties.size());
    const Eigen::RowVectorXd inverse = penalties.cwiseInverse().transpose();
    in_blocks([&](Index first, Index count) {
      const MatrixXd rows = vectors_.middleRows(first, count);
      const VectorXd y_outside = y.outside.segment(first, count),
                     ones_outside = ones_.outside.segment(first, count);
      MatrixXd alpha = kernels::product(rows, path.alpha);
      alpha += y_outside * inverse;
      alpha -= ones_outside * inverse.cwiseProduct(path.intercept.transpose());
      const MatrixXd h1 = kernels::product(rows, path.ones) + ones_outside * inverse;
      MatrixXd c = kernels::product(rows.cwiseAbs2(), path.h);
      c += rest_.segment(first, count) * inverse;
      c -= h1.cwiseAbs2() * path.total.cwiseInverse().asDiagonal();
      left_out.middleRows(first, count) = alpha.cwiseQuotient(c);
      if (diagonal) diagonal->middleRows(first, count) = c;
    });
    return left_out;
  }

  std::shared_ptr<const Landmarks> landmarks_;
  MatrixXd vectors_;  // V, n x r
  VectorXd values_;   // w
  VectorXd rest_;     // n, what the rows of V lack of the length 1
  Split ones_;
  MatrixXd to_coefficients_;  // m x r
  kernels::RepairReport repair_;
};

// Different from each other in features or tokens.
std::vector<Index> draw_landmarks(const kernels::Points& points, Index count, uint64_t seed) {
  std::vector<Index> order(static_cast<size_t>(points.size()));
  std::iota(order.begin(), order.end(), Index{0});
  Random random = Random::stream(seed, "landmarks");
  shuffle(order, random);
  std::vector<Index> chosen;
  std::unordered_set<std::string> met;
  for (size_t i = 0; i < order.size() && static_cast<Index>(chosen.size()) < count; ++i) {
    const Eigen::RowVectorXd features = points.features.row(order[i]);
    const kernels::Tokens& tokens = points.tokens[static_cast<size_t>(order[i])];
    std::string key(reinterpret_cast<const char*>(features.data()),
                    static_cast<size_t>(features.size()) * sizeof(double));
    key.append(reinterpret_cast<const char*>(tokens.data()), tokens.size() * sizeof(int));
    if (met.insert(std::move(key)).second) chosen.push_back(order[i]);
  }
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

}  // namespace

// Directions that hold next to nothing, or no more than is wrong with the kernel, would only be
// divided by next to nothing.
FeatureSpace make_space(const kernels::Spectrum& spectrum) {
  const double smallest = std::max(1e-10 * spectrum.values.maxCoeff(), -spectrum.values.minCoeff());
  const Index kept = (spectrum.values.array() > smallest).count();
  return {spectrum.vectors.rightCols(kept) *
              spectrum.values.tail(kept).cwiseSqrt().cwiseInverse().asDiagonal(),
          kernels::report(spectrum)};
}

std::shared_ptr<const KernelSystem> make_system(const kernels::Kernel& kernel,
                                                const VectorXd& parameters,
                                                const kernels::Points& points,
                                                const SystemSettings& settings) {
  if (settings.centres == 0 || points.size() <= settings.centres) {
    return make_system(std::make_shared<const Decomposition>(
        kernels::decompose(kernel.gram(parameters, points, settings.threads))));
  }
  return std::make_shared<const LandmarkSystem>(
      kernel, parameters, points, draw_landmarks(points, settings.centres, settings.seed),
      settings.threads);
}

std::shared_ptr<const KernelSystem> make_system(
    std::shared_ptr<const Decomposition> decomposition) {
  return std::make_shared<const ExactSystem>(std::move(decomposition));
}

}  // namespace metaqnn::predict
