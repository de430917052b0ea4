// Fronts and hypervolumes as their definitions read.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <set>
#include <vector>

namespace metaqnn::reference {

inline bool dominates(const Eigen::MatrixXd& points, Eigen::Index a, Eigen::Index b) {
  bool is_no_worse = true, is_better = false;
  for (Eigen::Index j = 0; j < points.cols(); ++j) {
    is_no_worse = is_no_worse && points(a, j) >= points(b, j);
    is_better = is_better || points(a, j) > points(b, j);
  }
  return is_no_worse && is_better;
}

// Those that none of the rest dominates are taken away, again and again.
inline std::vector<int> front_numbers(const Eigen::MatrixXd& points) {
  std::vector<int> numbers(static_cast<size_t>(points.rows()), -1);
  for (int number = 0; std::count(numbers.begin(), numbers.end(), -1) > 0; ++number) {
    std::vector<Eigen::Index> front;
    for (Eigen::Index i = 0; i < points.rows(); ++i) {
      bool is_free = numbers[static_cast<size_t>(i)] < 0;
      for (Eigen::Index k = 0; k < points.rows(); ++k)
        is_free = is_free && !(numbers[static_cast<size_t>(k)] < 0 && dominates(points, k, i));
      if (is_free) front.push_back(i);
    }
    for (const Eigen::Index i : front) numbers[static_cast<size_t>(i)] = number;
  }
  return numbers;
}

// The boxes between neighbouring values of every column are inside or outside as a whole.
inline double hypervolume(const Eigen::MatrixXd& points, const Eigen::VectorXd& reference) {
  const Eigen::Index d = points.cols();
  std::vector<std::vector<double>> values;
  for (Eigen::Index j = 0; j < d; ++j) {
    std::set<double> different{reference(j)};
    for (Eigen::Index i = 0; i < points.rows(); ++i)
      different.insert(std::max(points(i, j), reference(j)));
    values.emplace_back(different.begin(), different.end());
  }
  double sum = 0;
  std::vector<size_t> box(static_cast<size_t>(d), 1);
  const auto volume_of = [&] {
    double volume = 1;
    for (size_t j = 0; j < box.size(); ++j) {
      if (box[j] >= values[j].size()) return 0.0;
      volume *= values[j][box[j]] - values[j][box[j] - 1];
    }
    for (Eigen::Index i = 0; i < points.rows(); ++i) {
      bool covers = true;
      for (size_t j = 0; j < box.size(); ++j)
        covers = covers && points(i, static_cast<Eigen::Index>(j)) >= values[j][box[j]];
      if (covers) return volume;
    }
    return 0.0;
  };
  for (size_t j = 0; j < box.size();) {
    sum += volume_of();
    for (j = 0; j < box.size() && ++box[j] >= values[j].size(); ++j) box[j] = 1;
  }
  return sum;
}

}  // namespace metaqnn::reference
