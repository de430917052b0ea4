#include "predict/tree.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/parallel.h"
#include "predict/state.h"

namespace metaqnn::predict {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

// Points that meet a tree while it is in the cache.
constexpr Index kBlock = 256;

}  // namespace

class Tree::Grower {
 public:
  Grower(const MatrixXd& x, const VectorXd& y, std::vector<Index>& rows,
         const TreeSettings& settings, Random& random)
      : x_(x),
        y_(y),
        rows_(rows),
        settings_(settings),
        random_(random),
        columns_(static_cast<size_t>(x.cols())),
        targets_(rows.size()) {
    std::iota(columns_.begin(), columns_.end(), 0);
    tried_ = std::max(1, static_cast<int>(std::ceil(settings.tried_share *
                                                    static_cast<double>(columns_.size()))));
  }

  Tree grow() {
    Tree tree;
    split(tree.nodes_, 0, rows_.size(), 0);
    return tree;
  }

 private:
  struct Candidate {
    int column = -1;
    double threshold = 0, gain = 0;
  };

  int split(std::vector<Node>& nodes, size_t begin, size_t end, int depth) {
    const int self = static_cast<int>(nodes.size());
    nodes.emplace_back();
    const Candidate best = depth < settings_.deepest ? best_split(begin, end) : Candidate{};
    if (best.column < 0) {
      nodes[static_cast<size_t>(self)].value = sum(begin, end) / static_cast<double>(end - begin);
      return self;
    }
    const auto middle =
        std::partition(rows_.begin() + static_cast<std::ptrdiff_t>(begin),
                       rows_.begin() + static_cast<std::ptrdiff_t>(end),
                       [&](Index row) { return x_(row, best.column) <= best.threshold; });
    const auto at = static_cast<size_t>(middle - rows_.begin());
    split(nodes, begin, at, depth + 1);
    const int right = split(nodes, at, end, depth + 1);
    nodes[static_cast<size_t>(self)] = {best.column, best.threshold, right};
    return self;
  }

  double sum(size_t begin, size_t end) const {
    double sum = 0;
    for (size_t i = begin; i < end; ++i) sum += y_(rows_[i]);
    return sum;
  }

  // The drop of the sum of squares is n_left n_right / n (mean_left - mean_right)^2.
  Candidate best_split(size_t begin, size_t end) {
    Candidate best;
    const auto smallest = static_cast<size_t>(settings_.smallest_leaf);
    if (end - begin < 2 * smallest || constant(begin, end)) return best;
    double total = 0;
    for (size_t i = begin; i < end; ++i) total += targets_[i] = y_(rows_[i]);
    const double* targets = targets_.data();
    const Index* rows = rows_.data();
    int tried = 0;
    // Columns that are constant here do not count as tried.
    for (size_t c = 0; c < columns_.size() && tried < tried_; ++c) {
      std::swap(columns_[c], columns_[c + random_.below(columns_.size() - c)]);
      const int column = columns_[c];
      const auto [low, high] = bounds(column, begin, end);
      if (!(low < high)) continue;
      ++tried;
      const double threshold = low + random_.uniform() * (high - low);
      // Without branches, which nobody could foresee.
      const double* x = x_.col(column).data();
      double sum = 0;
      size_t count = 0;
      for (size_t i = begin; i < end; ++i) {
        const bool is_left = x[rows[i]] <= threshold;
        sum += static_cast<double>(is_left) * targets[i];
        count += is_left;
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
    const double* x = x_.col(column).data();
    const Index* rows = rows_.data();
    double low = x[rows[begin]], high = low;
    for (size_t i = begin + 1; i < end; ++i) {
      low = std::min(low, x[rows[i]]);
      high = std::max(high, x[rows[i]]);
    }
    return {low, high};
  }

  const MatrixXd& x_;
  const VectorXd& y_;
  std::vector<Index>& rows_;
  const TreeSettings& settings_;
  Random& random_;
  std::vector<int> columns_;
  std::vector<double> targets_;  // of the node in hand, in the order of its rows
  int tried_ = 1;
};

Tree Tree::grow(const MatrixXd& x, const VectorXd& y, std::vector<Index>& rows,
                const TreeSettings& settings, Random& random) {
  return Grower(x, y, rows, settings, random).grow();
}

// A tree's nodes stand one after another, each before its left subtree and that before its right one,
// which says where every tree ends.
nlohmann::json state_of(const std::vector<Tree>& trees) {
  std::vector<int32_t> columns;
  std::vector<double> values;
  for (const Tree& tree : trees) {
    for (const Tree::Node& node : tree.nodes_) {
      columns.push_back(node.column);
      values.push_back(node.value);
    }
  }
  return {{"columns", packed(columns.data(), columns.size())},
          {"values", packed(values.data(), values.size())}};
}

std::vector<Tree> trees_from(const nlohmann::json& state, Index columns) {
  const auto split = unpacked_at<int32_t>(state, "columns");
  const auto values = unpacked_at<double>(state, "values");
  if (split.size() != values.size()) throw DataError("trees have a column or a value too few");
  std::vector<Tree> trees;
  std::vector<size_t> waiting;  // nodes of the last tree whose right child is to come
  bool is_complete = true;
  for (size_t i = 0; i < values.size(); ++i) {
    if (split[i] >= columns)
      throw DataError("a tree splits column " + std::to_string(split[i]) + " of " +
                      std::to_string(columns));
    if (is_complete) trees.emplace_back();
    std::vector<Tree::Node>& nodes = trees.back().nodes_;
    nodes.push_back({std::max(split[i], -1), values[i], 0});
    is_complete = split[i] < 0 && waiting.empty();
    if (split[i] >= 0) {
      waiting.push_back(nodes.size() - 1);
    } else if (!is_complete) {
      nodes[waiting.back()].right = static_cast<int>(nodes.size());
      waiting.pop_back();
    }
  }
  if (!is_complete) throw DataError("the last tree is cut short");
  return trees;
}

VectorXd sum_of(const std::vector<Tree>& trees, const MatrixXd& x, int threads) {
  VectorXd sums = VectorXd::Zero(x.rows());
  parallel_for((x.rows() + kBlock - 1) / kBlock, threads, [&](Index block) {
    const Index first = block * kBlock, count = std::min(kBlock, x.rows() - first);
    const MatrixXd points = x.middleRows(first, count).transpose();
    for (const Tree& tree : trees) {
      for (Index i = 0; i < count; ++i) sums(first + i) += tree(points.col(i).data());
    }
  });
  return sums;
}

}  // namespace metaqnn::predict
