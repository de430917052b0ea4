#include "kernels/cost_family.h"

#include <unordered_set>
#include <utility>

namespace metaqnn::kernels {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

struct Block {
  Index first, count;
};

Index count_of(const Points& points) { return static_cast<Index>(points.tokens.size()); }

// Points first to first + count - 1 in parts that have at most kUnseenAtOnce different unseen tokens
// each, or are single points.
std::vector<Block> blocks_of(const Points& points, Index first, Index count) {
  if (points.unseen == nullptr) return {{first, count}};
  std::vector<Block> blocks;
  std::unordered_set<int> unseen;
  const auto add = [&](Index point) {
    for (int token : points.tokens[static_cast<size_t>(point)]) {
      if (token >= points.unseen->first) unseen.insert(token);
    }
  };
  for (Index point = first; point < first + count; ++point) {
    add(point);
    if (blocks.empty() || unseen.size() > kUnseenAtOnce) {
      unseen.clear();
      add(point);
      blocks.push_back({point, 0});
    }
    ++blocks.back().count;
  }
  return blocks;
}

}  // namespace

struct PointDistances::Together {
  std::vector<Tokens> a, b;
  EditCosts costs;
};

PointDistances::PointDistances(const CostFamily& family, VectorXd parameters, const Points& a,
                               const Points& b)
    : family_(family), parameters_(std::move(parameters)), a_(a), b_(b) {
  TokenNumbers numbers(family.alphabet);
  std::vector<Tokens> rows = numbers.number(a, 0, count_of(a));
  std::vector<Tokens> columns = numbers.number(b, 0, count_of(b));
  if (numbers.names().size() > kUnseenAtOnce) return;
  together_ = std::make_shared<const Together>(
      Together{std::move(rows), std::move(columns), family.costs(parameters_, numbers.names())});
}

MatrixXd PointDistances::rows(Index first, Index count, int threads) const {
  if (together_ != nullptr) {
    const std::vector<Tokens> rows(together_->a.begin() + first,
                                   together_->a.begin() + first + count);
    return edit_distances(rows, together_->b, together_->costs, threads);
  }
  MatrixXd result(count, count_of(b_));
  const std::vector<Block> columns = blocks_of(b_, 0, count_of(b_));
  for (const Block& row : blocks_of(a_, first, count)) {
    for (const Block& column : columns) {
      TokenNumbers numbers(family_.alphabet);
      const std::vector<Tokens> a = numbers.number(a_, row.first, row.count);
      const std::vector<Tokens> b = numbers.number(b_, column.first, column.count);
      result.block(row.first - first, column.first, row.count, column.count) =
          edit_distances(a, b, family_.costs(parameters_, numbers.names()), threads);
    }
  }
  return result;
}

MatrixXd point_distances(const CostFamily& family, const VectorXd& parameters, const Points& a,
                         int threads) {
  TokenNumbers numbers(family.alphabet);
  const std::vector<Tokens> sequences = numbers.number(a, 0, count_of(a));
  if (numbers.names().size() > kUnseenAtOnce)
    return PointDistances(family, parameters, a, a).rows(0, count_of(a), threads);
  return edit_distances(sequences, family.costs(parameters, numbers.names()), threads);
}

}  // namespace metaqnn::kernels
