// What does it cost to edit tokens, as a function of parameters, and how far apart are points then?
//
// Costs are asked for the alphabet and the unseen tokens at hand (kernels/points.h). Are these many,
// as in candidates of quite another alphabet, then only for those of some rows and columns at a
// time: with u of them no matrix is larger than the alphabet and 2 * kUnseenAtOnce, or the tokens of
// two single points, squared.
//
//   PointDistances distances(family, parameters, candidates, centres);
//   Eigen::MatrixXd all = distances.rows(0, candidates.size());
#pragma once

#include <Eigen/Core>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernels/edit_distance.h"
#include "kernels/points.h"

namespace metaqnn::kernels {

struct KernelParameter {
  std::string name;
  double start, lower, upper;  // natural logarithms
  double deviation;            // of the prior around the start
};

struct CostFamily {
  std::vector<KernelParameter> parameters;
  int alphabet = 0;  // tokens
  // Of the alphabet, and after it of unseen tokens by their names. Safe from several threads.
  std::function<EditCosts(const Eigen::VectorXd& parameters,
                          const std::vector<std::string>& unseen)>
      costs;
};

// Unseen tokens of either side whose costs are held together.
constexpr size_t kUnseenAtOnce = 500;

// Edit distances from each of some points to each of others. Refers to both and to the family, which
// must outlive it. Safe from several threads.
class PointDistances {
 public:
  PointDistances(const CostFamily& family, Eigen::VectorXd parameters, const Points& a,
                 const Points& b);
  // count x b.size(): from points first to first + count - 1 of a.
  Eigen::MatrixXd rows(Eigen::Index first, Eigen::Index count, int threads = 1) const;

 private:
  struct Together;  // all sequences in one numbering, and its costs
  const CostFamily& family_;
  Eigen::VectorXd parameters_;
  const Points& a_;
  const Points& b_;
  std::shared_ptr<const Together> together_;  // null where there are too many unseen tokens
};

// a.size() x a.size().
Eigen::MatrixXd point_distances(const CostFamily& family, const Eigen::VectorXd& parameters,
                                const Points& a, int threads = 1);

}  // namespace metaqnn::kernels
