// What may a network add to the front of several measures, given what processes say of each?
//
//   u_j      = m_j + exploration * s_j                     of each measure that is searched for
//   prospect = (H(F + u) - H(F)) * prod_l P(measure l keeps its limit)
//
// with m_j and s_j mean and deviation, H the hypervolume (kernels/pareto.h), F the front so far, all on the scale
// of normal scores: whatever the units, a step up counts by how many networks it overtakes. With one measure this
// orders networks as the upper confidence bound does. Where nothing would add anything, what lacks least of the
// reference comes first.
//
// Source: the gain of an optimistic point is the criterion of SMS-EGO (Ponweiser, Wagner, Biermann, Vincze, PPSN
// 2008), without its penalty; constraints as in Gelbart, Snoek, Adams, UAI 2014.
#pragma once

#include <Eigen/Core>
#include <optional>
#include <vector>

#include "kernels/pareto.h"

namespace metaqnn::search {

// From values to normal scores, as the values at hand define them.
class ScoreScale {
 public:
  // At least one, none NaN.
  explicit ScoreScale(Eigen::VectorXd values);
  // Between two values on the line between theirs; 1 below that of the least where the value is less, and that of
  // the largest where it is more.
  double score(double value) const;

 private:
  Eigen::VectorXd values_, scores_;  // ascending, different
};

// Of a measure that is limited, by its place among all: larger than this score is within.
struct LeastScore {
  Eigen::Index goal;
  double score;
};

class Prospects {
 public:
  // `reference`: a score for each of the measures that are searched for, which come first among all.
  Prospects(const Eigen::VectorXd& reference, std::vector<LeastScore> limits, double exploration)
      : reference_(reference),
        front_(reference),
        limits_(std::move(limits)),
        exploration_(exploration) {}

  // A network of these scores is known, or as good as.
  void add(const Eigen::VectorXd& scores) { front_.add(scores.head(reference_.size())); }
  // `mean`, `deviation`: of all measures of one network.
  double of(const Eigen::VectorXd& mean, const Eigen::VectorXd& deviation) const;

 private:
  Eigen::VectorXd reference_;
  kernels::HypervolumeFront front_;
  std::vector<LeastScore> limits_;
  double exploration_;
};

}  // namespace metaqnn::search
