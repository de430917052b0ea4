#include "predict/forest.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/parallel.h"
#include "metaqnn/base/random.h"

namespace metaqnn::predict {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

// Points that meet a tree while it is in the cache.
constexpr Index kBlock = 256;

}  // namespace

// Grows one tree.
class Forest::Grower {
 public:
  Grower(const MatrixXd& x, const VectorXd& y, const ForestSettings& settings, Random random)
      : x_(x),
        y_(y),
        settings_(settings),
        random_(random),
        columns_(static_cast<size_t>(x.cols())) {
    std::iota(columns_.begin(), columns_.end(), 0);
    tried_ = std::max(1, static_cast<int>(std::ceil(settings.tried_share *
                                                    static_cast<double>(columns_.size()))));
  }

  // `seen` tells which points the bootstrap drew.
  Tree grow(std::vector<char>& seen) {
    const auto n = static_cast<size_t>(x_.rows());
    seen.assign(n, 0);
    rows_.resize(n);
    for (Index& row : rows_) {
      row = static_cast<Index>(random_.below(n));
      seen[static_cast<size_t>(row)] = 1;
    }
    Tree tree;
    split(tree, 0, n);
    return tree;
  }

 private:
  struct Candidate {
    int column = -1;
    double threshold = 0, gain = 0;
  };

  int split(Tree& tree, size_t begin, size_t end) {
    const int self = static_cast<int>(tree.size());
    tree.emplace_back();
    const Candidate best = best_split(begin, end);
    if (best.column < 0) {
      tree[static_cast<size_t>(self)].value = mean(begin, end);
      return self;
    }
    const auto middle =
        std::partition(rows_.begin() + static_cast<std::ptrdiff_t>(begin),
                       rows_.begin() + static_cast<std::ptrdiff_t>(end),
                       [&](Index row) { return x_(row, best.column) <= best.threshold; });
    const auto at = static_cast<size_t>(middle - rows_.begin());
    split(tree, begin, at);
    const int right = split(tree, at, end);
    tree[static_cast<size_t>(self)] = {best.column, best.threshold, right};
    return self;
  }

  double mean(size_t begin, size_t end) const {
    double sum = 0;
    for (size_t i = begin; i < end; ++i) sum += y_(rows_[i]);
    return sum / static_cast<double>(end - begin);
  }

  // The drop of the sum of squares is n_left n_right / n (mean_left - mean_right)^2.
  Candidate best_split(size_t begin, size_t end) {
    Candidate best;
    const auto smallest = static_cast<size_t>(settings_.smallest_leaf);
    if (end - begin < 2 * smallest || constant(begin, end)) return best;
    double total = 0;
    for (size_t i = begin; i < end; ++i) total += y_(rows_[i]);
    int tried = 0;
    // Columns that are constant here do not count as tried.
    for (size_t c = 0; c < columns_.size() && tried < tried_; ++c) {
      std::swap(columns_[c], columns_[c + random_.below(columns_.size() - c)]);
      const int column = columns_[c];
      const auto [low, high] = bounds(column, begin, end);
      if (!(low < high)) continue;
      ++tried;
      const double threshold = low + random_.uniform() * (high - low);
      double sum = 0;
      size_t count = 0;
      for (size_t i = begin; i < end; ++i) {
        if (x_(rows_[i], column) > threshold) continue;
        sum += y_(rows_[i]);
        ++count;
      }
      const size_t others = end - begin - count;
      if (count < smallest || others < smallest) continue;
      const auto a = static_cast<double>(count), b = static_cast<double>(others);
      const double apart = sum / a - (total - sum) / b;
      const double gain = a * b / (a + b) * apart * apart;
      if (gain > best.gain) best = {column, threshold, gain};
    }
    return best;
  }

  bool constant(size_t begin, size_t end) const {
    for (size_t i = begin + 1; i < end; ++i) {
      if (y_(rows_[i]) != y_(rows_[begin])) return false;
    }
    return true;
  }

  std::pair<double, double> bounds(int column, size_t begin, size_t end) const {
    double low = x_(rows_[begin], column), high = low;
    for (size_t i = begin + 1; i < end; ++i) {
      low = std::min(low, x_(rows_[i], column));
      high = std::max(high, x_(rows_[i], column));
    }
    return {low, high};
  }

  const MatrixXd& x_;
  const VectorXd& y_;
  const ForestSettings& settings_;
  Random random_;
  std::vector<int> columns_;
  std::vector<Index> rows_;
  int tried_ = 1;
};

Forest::Forest(const MatrixXd& x, const VectorXd& y, const ForestSettings& settings, uint64_t seed,
               int threads)
    : trees_(static_cast<size_t>(settings.trees)) {
  std::vector<std::vector<char>> seen(trees_.size());
  parallel_for(settings.trees, threads, [&](Index t) {
    const auto tree = static_cast<size_t>(t);
    trees_[tree] = Grower(x, y, settings, Random::stream(seed, "tree", tree)).grow(seen[tree]);
  });
  left_out_.resize(x.rows());
  const MatrixXd points = x.transpose();
  parallel_for(x.rows(), threads, [&](Index row) {
    double unseen = 0, all = 0;
    int count = 0;
    for (size_t t = 0; t < trees_.size(); ++t) {
      const double value = follow(trees_[t], points.col(row).data());
      all += value;
      if (seen[t][static_cast<size_t>(row)]) continue;
      unseen += value;
      ++count;
    }
    left_out_(row) = count > 0 ? unseen / count : all / static_cast<double>(trees_.size());
  });
}

double Forest::follow(const Tree& tree, const double* point) {
  const Node* node = tree.data();
  while (node->column >= 0)
    node = point[node->column] <= node->value ? node + 1 : tree.data() + node->right;
  return node->value;
}

VectorXd Forest::predict(const MatrixXd& x, int threads) const {
  VectorXd sums = VectorXd::Zero(x.rows());
  parallel_for((x.rows() + kBlock - 1) / kBlock, threads, [&](Index block) {
    const Index first = block * kBlock, count = std::min(kBlock, x.rows() - first);
    const MatrixXd points = x.middleRows(first, count).transpose();
    for (const Tree& tree : trees_) {
      for (Index i = 0; i < count; ++i) sums(first + i) += follow(tree, points.col(i).data());
    }
  });
  return sums / static_cast<double>(trees_.size());
}

}  // namespace metaqnn::predict
