#include "kernels/pareto.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "metaqnn/base/error.h"

namespace metaqnn::kernels {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using Vectors = std::vector<VectorXd>;

constexpr double kInfinite = std::numeric_limits<double>::infinity();

VectorXd row_of(const MatrixXd& points, Index row) {
  VectorXd point = points.row(row);
  for (double& value : point) {
    if (std::isnan(value)) value = -kInfinite;
  }
  return point;
}

Vectors rows_of(const MatrixXd& points) {
  Vectors rows;
  for (Index row = 0; row < points.rows(); ++row) rows.push_back(row_of(points, row));
  return rows;
}

bool is_no_worse(const VectorXd& a, const VectorXd& b) { return (a.array() >= b.array()).all(); }
bool dominates(const VectorXd& a, const VectorXd& b) { return is_no_worse(a, b) && a != b; }

// Largest first, by the first value, then the second, and so on.
bool comes_before(const VectorXd& a, const VectorXd& b) {
  return std::lexicographical_compare(b.begin(), b.end(), a.begin(), a.end());
}

// What is worse comes later in this order.
std::vector<Index> in_order(const Vectors& points) {
  std::vector<Index> order(points.size());
  std::iota(order.begin(), order.end(), Index{0});
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) {
    return comes_before(points[static_cast<size_t>(a)], points[static_cast<size_t>(b)]);
  });
  return order;
}

// Of points that are beyond the origin, by their first `dimensions` values: slices of equal last value, from the
// largest down, each as deep as the way to the next, and as large as all points so far.
double volume(Vectors points, Index dimensions) {
  if (points.empty()) return 0;
  if (dimensions == 1) {
    double largest = 0;
    for (const VectorXd& point : points) largest = std::max(largest, point(0));
    return largest;
  }
  const Index last = dimensions - 1;
  std::stable_sort(points.begin(), points.end(),
                   [&](const VectorXd& a, const VectorXd& b) { return a(last) > b(last); });
  double sum = 0, largest = 0;
  for (size_t i = 0; i < points.size(); ++i) {
    const double depth = points[i](last) - (i + 1 < points.size() ? points[i + 1](last) : 0);
    if (dimensions == 2) {
      largest = std::max(largest, points[i](0));
      sum += largest * depth;
    } else if (depth > 0) {
      const auto end = points.begin() + static_cast<std::ptrdiff_t>(i) + 1;
      sum += depth * volume(Vectors(points.begin(), end), last);
    }
  }
  return sum;
}

}  // namespace

std::vector<Index> non_dominated(const MatrixXd& points) {
  const Vectors rows = rows_of(points);
  std::vector<Index> front;
  for (const Index row : in_order(rows)) {
    const VectorXd& point = rows[static_cast<size_t>(row)];
    const auto beats = [&](Index other) {
      return is_no_worse(rows[static_cast<size_t>(other)], point);
    };
    // Of two values the last of the front has the largest second one.
    const bool is_beaten = points.cols() == 2 ? !front.empty() && beats(front.back())
                                              : std::any_of(front.begin(), front.end(), beats);
    if (!is_beaten) front.push_back(row);
  }
  std::sort(front.begin(), front.end());
  return front;
}

std::vector<int> front_numbers(const MatrixXd& points) {
  const Vectors rows = rows_of(points);
  std::vector<int> numbers(rows.size(), 0);
  const std::vector<Index> order = in_order(rows);
  // Whatever dominates a point comes before it, and its number is known by then.
  for (size_t i = 0; i < order.size(); ++i) {
    int& number = numbers[static_cast<size_t>(order[i])];
    for (size_t k = 0; k < i; ++k) {
      const auto other = static_cast<size_t>(order[k]);
      if (numbers[other] >= number && dominates(rows[other], rows[static_cast<size_t>(order[i])]))
        number = numbers[other] + 1;
    }
  }
  return numbers;
}

VectorXd crowding(const MatrixXd& points, const std::vector<int>& numbers) {
  METAQNN_ASSERT(
      numbers.size() == static_cast<size_t>(points.rows()),
      std::to_string(numbers.size()) + " fronts of " + std::to_string(points.rows()) + " points");
  VectorXd distances = VectorXd::Zero(points.rows());
  const int fronts = numbers.empty() ? 0 : 1 + *std::max_element(numbers.begin(), numbers.end());
  std::vector<std::vector<Index>> members(static_cast<size_t>(fronts));
  for (Index row = 0; row < points.rows(); ++row)
    members[static_cast<size_t>(numbers[static_cast<size_t>(row)])].push_back(row);
  for (std::vector<Index>& front : members) {
    for (Index column = 0; column < points.cols(); ++column) {
      std::stable_sort(front.begin(), front.end(),
                       [&](Index a, Index b) { return points(a, column) < points(b, column); });
      const double range = points(front.back(), column) - points(front.front(), column);
      distances(front.front()) = distances(front.back()) = kInfinite;
      for (size_t i = 1; i + 1 < front.size() && range > 0; ++i)
        distances(front[i]) +=
            (points(front[i + 1], column) - points(front[i - 1], column)) / range;
    }
  }
  return distances;
}

double hypervolume(const MatrixXd& points, const VectorXd& reference) {
  METAQNN_ASSERT(points.cols() == reference.size(), "points of " + std::to_string(points.cols()) +
                                                        " values, a reference of " +
                                                        std::to_string(reference.size()));
  Vectors beyond;
  for (const Index row : non_dominated(points)) {
    VectorXd point = row_of(points, row) - reference;
    if ((point.array() > 0).all()) beyond.push_back(std::move(point));
  }
  return volume(std::move(beyond), reference.size());
}

HypervolumeFront::HypervolumeFront(VectorXd reference) : reference_(std::move(reference)) {}

bool HypervolumeFront::is_beyond(const VectorXd& point) const {
  return (point.array() > reference_.array()).all();
}

void HypervolumeFront::add(const VectorXd& point) {
  const auto beats = [&](const VectorXd& other) { return is_no_worse(other, point); };
  if (!is_beyond(point) || std::any_of(points_.begin(), points_.end(), beats)) return;
  std::erase_if(points_, [&](const VectorXd& other) { return is_no_worse(point, other); });
  points_.insert(std::upper_bound(points_.begin(), points_.end(), point, comes_before), point);
}

// The volume up to the point, less what the others, cut off at it, cover of that.
double HypervolumeFront::gain(const VectorXd& point) const {
  if (!is_beyond(point)) return 0;
  if (reference_.size() == 2) {
    // Step by step to the left from the first that has more of the first value.
    double sum = 0, right = point(0), height = reference_(1);
    for (const VectorXd& other : points_) {
      if (height >= point(1)) return sum;
      const double left = std::min(other(0), right);
      sum += (right - left) * (point(1) - height);
      right = left;
      height = std::max(height, other(1));
    }
    return sum + (right - reference_(0)) * std::max(point(1) - height, 0.0);
  }
  const VectorXd whole = point - reference_;
  MatrixXd cut(static_cast<Index>(points_.size()), reference_.size());
  for (Index i = 0; i < cut.rows(); ++i)
    cut.row(i) = points_[static_cast<size_t>(i)].cwiseMin(point).transpose();
  return std::max(whole.prod() - hypervolume(cut, reference_), 0.0);
}

std::vector<Index> most_hypervolume(const MatrixXd& points, const VectorXd& reference,
                                    Index count) {
  HypervolumeFront front(reference);
  const std::vector<Index> rows = non_dominated(points);
  std::vector<Index> chosen;
  while (static_cast<Index>(chosen.size()) < count) {
    Index best = -1;
    double most = 0;
    for (const Index row : rows) {
      const double gain = front.gain(row_of(points, row));
      if (gain > most) {
        most = gain;
        best = row;
      }
    }
    if (best < 0) break;
    front.add(row_of(points, best));
    chosen.push_back(best);
  }
  return chosen;
}

std::vector<Index> spread_over_front(const MatrixXd& points, const VectorXd& reference,
                                     Index count) {
  std::vector<Index> chosen, left(static_cast<size_t>(points.rows()));
  std::iota(left.begin(), left.end(), Index{0});
  while (static_cast<Index>(chosen.size()) < count && !left.empty()) {
    MatrixXd others(static_cast<Index>(left.size()), points.cols());
    for (size_t i = 0; i < left.size(); ++i)
      others.row(static_cast<Index>(i)) = points.row(left[i]);
    const Index wanted = count - static_cast<Index>(chosen.size());
    std::vector<Index> next = most_hypervolume(others, reference, wanted);
    if (next.empty()) next = non_dominated(others);
    next.resize(std::min(next.size(), static_cast<size_t>(wanted)));
    for (const Index row : next) chosen.push_back(left[static_cast<size_t>(row)]);
    for (const Index row : next) left[static_cast<size_t>(row)] = -1;
    std::erase(left, Index{-1});
  }
  return chosen;
}

}  // namespace metaqnn::kernels
