#include "kernels/tsne.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "metaqnn/base/error.h"

namespace metaqnn::kernels {
namespace {

constexpr int kNeighboursPerPerplexity = 3;
constexpr double kSharpness = 4;
constexpr double kEnlarged = 12;   // times p, at first
constexpr int kEnlargedShare = 3;  // for a third of the iterations

// The `count` nearest other points of i; of equal ones those of lower number.
std::vector<Eigen::Index> nearest(const Eigen::MatrixXd& distances, Eigen::Index i,
                                  Eigen::Index count) {
  std::vector<Eigen::Index> others(static_cast<size_t>(distances.rows()));
  std::iota(others.begin(), others.end(), Eigen::Index{0});
  others.erase(others.begin() + i);
  std::partial_sort(others.begin(), others.begin() + count, others.end(),
                    [&](Eigen::Index a, Eigen::Index b) {
                      const double to_a = distances(a, i), to_b = distances(b, i);
                      return to_a != to_b ? to_a < to_b : a < b;
                    });
  others.resize(static_cast<size_t>(count));
  return others;
}

// p_j|i of neighbours at these distances to a power: the precision is found by bisection.
Eigen::VectorXd conditional(const Eigen::VectorXd& powers, double perplexity) {
  constexpr int kSteps = 60;
  const double wanted = std::log(perplexity), nearest = powers.minCoeff();
  double low = 0, high = std::numeric_limits<double>::infinity(), precision = 1;
  Eigen::VectorXd p;
  for (int step = 0; step < kSteps; ++step) {
    p = (-precision * (powers.array() - nearest)).exp();
    const double sum = p.sum();
    p /= sum;
    const double entropy =
        std::log(sum) + precision * (p.array() * (powers.array() - nearest)).sum();
    (entropy > wanted ? low : high) = precision;
    precision = std::isinf(high) ? 2 * precision : (low + high) / 2;
    if (!std::isfinite(precision)) break;  // more equal distances than the perplexity
  }
  return p;
}

// p_ij, row by row.
struct Attraction {
  std::vector<size_t> begin{0};
  std::vector<int32_t> other;
  std::vector<float> p;
};

Attraction attraction_of(const Eigen::MatrixXd& distances, const TsneSettings& settings) {
  const Eigen::Index n = distances.rows();
  const auto count = std::min<Eigen::Index>(
      n - 1, static_cast<Eigen::Index>(kNeighboursPerPerplexity * settings.perplexity));
  std::vector<std::vector<Eigen::Index>> neighbours(static_cast<size_t>(n));
  std::vector<Eigen::VectorXd> given(static_cast<size_t>(n));
  parallel_for(n, settings.threads, [&](int64_t i) {
    std::vector<Eigen::Index>& own = neighbours[static_cast<size_t>(i)];
    own = nearest(distances, i, count);
    given[static_cast<size_t>(i)] =
        conditional(distances(own, i).array().pow(kSharpness), settings.perplexity);
  });
  std::vector<std::vector<std::pair<int32_t, double>>> rows(static_cast<size_t>(n));
  for (Eigen::Index i = 0; i < n; ++i) {
    const std::vector<Eigen::Index>& own = neighbours[static_cast<size_t>(i)];
    for (size_t k = 0; k < own.size(); ++k) {
      const double half =
          given[static_cast<size_t>(i)][static_cast<Eigen::Index>(k)] / static_cast<double>(2 * n);
      rows[static_cast<size_t>(i)].emplace_back(static_cast<int32_t>(own[k]), half);
      rows[static_cast<size_t>(own[k])].emplace_back(static_cast<int32_t>(i), half);
    }
  }
  Attraction attraction;
  for (auto& row : rows) {
    std::stable_sort(row.begin(), row.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    for (size_t k = 0; k < row.size(); ++k) {
      if (k > 0 && row[k].first == row[k - 1].first) {
        attraction.p.back() += static_cast<float>(row[k].second);
      } else {
        attraction.other.push_back(row[k].first);
        attraction.p.push_back(static_cast<float>(row[k].second));
      }
    }
    attraction.begin.push_back(attraction.p.size());
  }
  return attraction;
}

// The two main axes of the points (classical scaling), the first with a deviation of 1e-4.
Eigen::MatrixX2d main_axes(const Eigen::MatrixXd& distances) {
  constexpr int kSteps = 30;
  const Eigen::Index n = distances.rows();
  const Eigen::MatrixXd squares = -0.5 * distances.array().square().matrix();
  const Eigen::VectorXd means = squares.rowwise().mean();
  const double mean = means.mean();
  Eigen::MatrixX2d axes(n, 2);
  for (Eigen::Index i = 0; i < n; ++i) {
    const double share = static_cast<double>(i + 1) / static_cast<double>(n);
    axes.row(i) << std::sin(37 * share), std::cos(91 * share * share);  // in general position
  }
  for (int step = 0; step < kSteps; ++step) {
    Eigen::MatrixX2d product = squares * axes;
    for (Eigen::Index k = 0; k < 2; ++k) {
      const double sum = axes.col(k).sum();
      product.col(k).array() -= means.dot(axes.col(k)) - mean * sum;
      product.col(k) -= means * sum;
    }
    product.col(0).normalize();
    product.col(1) -= product.col(0) * product.col(0).dot(product.col(1));
    if (!(product.col(1).norm() > 0)) product.col(1).setUnit(0);
    product.col(1).normalize();
    axes = product;
  }
  return axes * (1e-4 * std::sqrt(static_cast<double>(n)));
}

// Whole lanes of points, so that the compiler keeps the sums of a lane apart in one register.
constexpr size_t kLanes = 16;

struct Places {
  explicit Places(const Eigen::MatrixX2d& places)
      : count(static_cast<size_t>(places.rows())),
        x((count + kLanes - 1) / kLanes * kLanes, kFar),
        y(x.size(), kFar) {
    for (size_t i = 0; i < count; ++i) {
      x[i] = static_cast<float>(places(static_cast<Eigen::Index>(i), 0));
      y[i] = static_cast<float>(places(static_cast<Eigen::Index>(i), 1));
    }
  }
  static constexpr float kFar = 1e12F;  // what fills the last lane repels nobody

  size_t count;
  std::vector<float> x, y;
};

struct Repulsion {
  float weight = 0, x = 0, y = 0;  // sums of w, and of w^2 times the difference
};

Repulsion repulsion_at(const Places& places, size_t i) {
  using Lanes = std::array<float, kLanes>;
  Lanes weight{}, along_x{}, along_y{};
  const float x = places.x[i], y = places.y[i];
  for (size_t j = 0; j < places.x.size(); j += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const float dx = x - places.x[j + lane], dy = y - places.y[j + lane];
      const float w = 1 / (1 + dx * dx + dy * dy);
      weight[lane] += w;
      along_x[lane] += w * w * dx;
      along_y[lane] += w * w * dy;
    }
  }
  const auto sum = [](const Lanes& lanes) {
    return std::accumulate(lanes.begin(), lanes.end(), 0.0F);
  };
  return {sum(weight) - 1, sum(along_x), sum(along_y)};  // less its own
}

// Of the divergence, n x 2. `enlarged`: what the p are multiplied by.
Eigen::MatrixX2d gradient_at(const Eigen::MatrixX2d& y, const Attraction& attraction,
                             double enlarged, int threads) {
  const Places places(y);
  std::vector<Repulsion> repulsion(places.count);
  Eigen::MatrixX2d gradient(y.rows(), 2);
  parallel_for(y.rows(), threads, [&](int64_t index) {
    const auto i = static_cast<size_t>(index);
    repulsion[i] = repulsion_at(places, i);
    double along_x = 0, along_y = 0;
    for (size_t k = attraction.begin[i]; k < attraction.begin[i + 1]; ++k) {
      const auto j = static_cast<size_t>(attraction.other[k]);
      const float dx = places.x[i] - places.x[j], dy = places.y[i] - places.y[j];
      const float pull = attraction.p[k] / (1 + dx * dx + dy * dy);
      along_x += pull * dx;
      along_y += pull * dy;
    }
    gradient.row(index) << enlarged * along_x, enlarged * along_y;
  });
  double weight = 0;
  for (const Repulsion& one : repulsion) weight += one.weight;
  for (Eigen::Index i = 0; i < y.rows(); ++i) {
    const Repulsion& one = repulsion[static_cast<size_t>(i)];
    gradient(i, 0) -= one.x / weight;
    gradient(i, 1) -= one.y / weight;
  }
  return 4 * gradient;
}

}  // namespace

Eigen::MatrixX2d tsne(const Eigen::MatrixXd& distances, const TsneSettings& settings) {
  const Eigen::Index n = distances.rows();
  if (distances.cols() != n) {
    throw UsageError("distances are " + std::to_string(n) + " x " +
                     std::to_string(distances.cols()) + "; a map needs as many rows as columns");
  }
  if (!(settings.perplexity > 1) || settings.iterations < 1) {
    throw UsageError("a map needs a perplexity above 1 and 1 iteration at least");
  }
  if (n < 3) {
    Eigen::MatrixX2d line = Eigen::MatrixX2d::Zero(n, 2);
    if (n == 2) line.col(0) << -distances(0, 1) / 2, distances(0, 1) / 2;
    return line;
  }
  TsneSettings used = settings;
  used.perplexity = std::clamp(settings.perplexity, 1.0 + 1e-3, std::max(1.5, (n - 1) / 3.0));
  const Attraction attraction = attraction_of(distances, used);
  const double rate = std::max(static_cast<double>(n) / kEnlarged / 4, 50.0);
  Eigen::MatrixX2d places = main_axes(distances);
  Eigen::MatrixX2d step = Eigen::MatrixX2d::Zero(n, 2), gains = Eigen::MatrixX2d::Ones(n, 2);
  for (int iteration = 0; iteration < used.iterations; ++iteration) {
    const bool early = iteration < used.iterations / kEnlargedShare;
    const Eigen::MatrixX2d gradient =
        gradient_at(places, attraction, early ? kEnlarged : 1, used.threads);
    gains = ((gradient.array() > 0) != (step.array() > 0))
                .select(gains.array() + 0.2, (gains.array() * 0.8).max(0.01));
    step = (early ? 0.5 : 0.8) * step - rate * gains.cwiseProduct(gradient);
    places += step;
    places.rowwise() -= places.colwise().mean().eval();
  }
  return places;
}

double kept_neighbours(const Eigen::MatrixXd& distances, const Eigen::MatrixX2d& places, int count,
                       int threads) {
  const Eigen::Index n = distances.rows();
  if (n <= count) return std::numeric_limits<double>::quiet_NaN();
  Eigen::VectorXd shares(n);
  parallel_for(n, threads, [&](int64_t i) {
    const double last = distances(nearest(distances, i, count).back(), i);
    Eigen::VectorXd on_map = (places.rowwise() - places.row(i)).rowwise().squaredNorm();
    on_map[i] = std::numeric_limits<double>::infinity();
    std::vector<Eigen::Index> others(static_cast<size_t>(n));
    std::iota(others.begin(), others.end(), Eigen::Index{0});
    std::nth_element(others.begin(), others.begin() + count - 1, others.end(),
                     [&](Eigen::Index a, Eigen::Index b) {
                       return on_map[a] != on_map[b] ? on_map[a] < on_map[b] : a < b;
                     });
    double kept = 0;
    for (int k = 0; k < count; ++k)
      kept += distances(others[static_cast<size_t>(k)], i) <= last ? 1 : 0;
    shares[i] = kept / count;
  });
  return shares.mean();
}

}  // namespace metaqnn::kernels
