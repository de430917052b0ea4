// Which of several points with more than one value each are worth having, and how much of them together?
// Larger is better in every column; who minimises a measure gives minus its values.
//
//   a dominates b          a_j >= b_j for all j, and a_j > b_j for one
//   front                  the points that no other dominates
//   fronts                 that of all points is 0, that of the others 1, and so on
//   crowding_i             sum over j of (next larger - next smaller value of column j on the front of i)
//                          / (range of column j there); infinite at the ends of a column
//   hypervolume(S, r)      the volume of  union over s in S of { x : r_j < x_j <= s_j for all j }
//   gain(p, S, r)          hypervolume(S + p, r) - hypervolume(S, r)
//
// A value that is no number is as bad as can be. Points that are equal dominate each other no more than
// others, so they share a front; non_dominated() keeps the first of them.
//
// Cost, for n points of d values: n^2 d for fronts, n log n for a front of two values; hypervolumes are exact,
// n log n for d = 2 and n^(d-1) log n beyond.
//
// Sources: Deb, Pratap, Agarwal, Meyarivan, IEEE Transactions on Evolutionary Computation 6 (2002), sections III.A
// and III.B; Zitzler, Thiele, ibid. 3 (1999), for the hypervolume; sliced by one value after another as in Knowles,
// "Local-search and hybrid evolutionary algorithms for Pareto optimization" (2002). The greedy choice reaches
// 1 - 1/e of the best at least, since a hypervolume is submodular (Nemhauser, Wolsey, Fisher 1978).
//
//   MatrixXd points(3, 2);
//   points << 1, 3,  2, 2,  1, 1;
//   non_dominated(points);                       // {0, 1}
//   hypervolume(points, Vector2d(0, 0));         // 5: 1 * 3 + 1 * 2
#pragma once

#include <Eigen/Core>
#include <vector>

namespace metaqnn::kernels {

// Rows of `points`, in their order.
std::vector<Eigen::Index> non_dominated(const Eigen::MatrixXd& points);

// The number of each row's front.
std::vector<int> front_numbers(const Eigen::MatrixXd& points);
// Of each row on its front, with the numbers from above.
Eigen::VectorXd crowding(const Eigen::MatrixXd& points, const std::vector<int>& numbers);

// `reference` has a value for each column; points that are not beyond it in all of them add nothing.
double hypervolume(const Eigen::MatrixXd& points, const Eigen::VectorXd& reference);

// A front that grows, and what others would add to it.
class HypervolumeFront {
 public:
  explicit HypervolumeFront(Eigen::VectorXd reference);
  void add(const Eigen::VectorXd& point);
  double gain(const Eigen::VectorXd& point) const;

 private:
  bool is_beyond(const Eigen::VectorXd& point) const;

  Eigen::VectorXd reference_;
  std::vector<Eigen::VectorXd> points_;  // that none dominates, the largest first value first
};

// At most `count` rows: the one that adds most to those before it, the first of equals, and so on until none adds
// anything.
std::vector<Eigen::Index> most_hypervolume(const Eigen::MatrixXd& points,
                                           const Eigen::VectorXd& reference, Eigen::Index count);

// The same, and once none adds anything the same again among the others, so that there are as many as there can be:
// a spread over the front first, then over what is behind it. Where none is beyond the reference, in the order of the
// fronts.
std::vector<Eigen::Index> spread_over_front(const Eigen::MatrixXd& points,
                                            const Eigen::VectorXd& reference, Eigen::Index count);

}  // namespace metaqnn::kernels
