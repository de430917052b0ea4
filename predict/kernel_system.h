// A kernel at the training points, ready for all targets and penalties.
//
// Up to `centres` points their Gram matrix is decomposed (predict/least_squares.h). Beyond, it is
// approximated by what m = `centres` landmarks among them say (Nystrom):
//
//   K ~ Phi Phi' = V diag(w) V'        Phi = K_nm U diag(u)^-1/2,  K_mm = U diag(u) U'
//
// with n x r numbers V, r <= m, and least squares, penalty and left-out residuals are those of
// predict/least_squares.h with this K, to rounding; predictions are expansions in the landmarks. A
// direction that V lacks has the eigenvalue 0. Source: Williams and Seeger, NIPS 13 (2001).
//
// The landmarks are drawn by the seed, none like another. Cost: n m^2 + m^3 once and n m for each
// penalty; memory n m. What it costs in accuracy: docs/performance.md.
//
//   auto system = make_system(kernel, parameters, points, {.threads = 2});
//   const LeastSquaresFit fit = system->solve(targets, system->best_penalty(targets));
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/kernel.h"
#include "metaqnn/predict/options.h"
#include "predict/least_squares.h"

namespace metaqnn::predict {

// Centres of an expansion that are some of the training points, and what deviations need of them.
struct Landmarks {
  std::vector<Eigen::Index> rows;  // ascending
  kernels::Spectrum basis;         // for explained(); a row for each of them
};

class KernelSystem {
 public:
  virtual ~KernelSystem() = default;
  // Between kSmallestPenalty and kLargestPenalty, with the smallest sum of squared left-out residuals.
  virtual double best_penalty(const Eigen::VectorXd& targets) const = 0;
  // One coefficient for each centre.
  virtual LeastSquaresFit solve(const Eigen::VectorXd& targets, double penalty) const = 0;

  // One of both is null: the centres, or the Gram matrix of all points, which are centres then.
  virtual std::shared_ptr<const Landmarks> landmarks() const = 0;
  virtual std::shared_ptr<const Decomposition> decomposition() const = 0;
  virtual kernels::RepairReport repair() const = 0;
};

struct SystemSettings {
  uint64_t seed = 0;
  int threads = 1;
  int centres = kMostCentres;  // at most; 0 = all points
};

std::shared_ptr<const KernelSystem> make_system(const kernels::Kernel& kernel,
                                                const Eigen::VectorXd& parameters,
                                                const kernels::Points& points,
                                                const SystemSettings& settings);

// By an exact decomposition.
std::shared_ptr<const KernelSystem> make_system(std::shared_ptr<const Decomposition> decomposition);

// The space in which a kernel is an inner product, as far as `centres` span it: k(x,y) is about
// phi(x)'phi(y) with phi(x) = to_features' k(x).
struct FeatureSpace {
  Eigen::MatrixXd to_features;  // centres x r
  kernels::RepairReport repair;
};
FeatureSpace make_space(const kernels::Spectrum& of_centres);

}  // namespace metaqnn::predict
