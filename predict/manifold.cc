#include "predict/manifold.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "kernels/dense.h"
#include "kernels/graph.h"
#include "metaqnn/base/error.h"
#include "metaqnn/base/random.h"
#include "predict/state.h"

namespace metaqnn::predict {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr int kNeighbours = 10;
// What another graph weight than 0 has to gain, as a share of the squared residuals.
constexpr double kGain = 0.01;
constexpr double kGraphWeights[] = {0.03, 0.1, 0.3, 1, 3, 10, 100, 1000};
// Labelled points on which weights are compared; the time goes with their cube.
constexpr Index kMostCompared = 400;

struct ManifoldKind {
  const KernelKind& kernel;
  // Blocks of distances between all points, for the graph.
  kernels::DistanceRows (*distances)(const Encoding&, const Hyperparameters&,
                                     const kernels::Points&);
};

kernels::DistanceRows feature_distances(const Encoding&, const Hyperparameters&,
                                        const kernels::Points& all) {
  return [&all](Index first, Index count) -> MatrixXd {
    return kernels::squared_distances(all.features.middleRows(first, count), all.features);
  };
}

// Squared, in the space of the kernel.
kernels::DistanceRows kernel_distances(const Encoding& encoding, const Hyperparameters& chosen,
                                       const kernels::Points& all) {
  const kernels::KernelPointer kernel = edit_kernel(encoding);
  const VectorXd parameters = chosen.parameters, diagonal = kernel->diagonal(parameters, all);
  return [kernel, parameters, diagonal, &all](Index first, Index count) -> MatrixXd {
    MatrixXd distances = -2 * kernel->gram(parameters, all.range(first, count), all);
    distances.colwise() += diagonal.segment(first, count);
    distances.rowwise() += diagonal.transpose();
    return distances.cwiseMax(0);
  };
}

// Of strings alone under the costs chosen for the kernel; its first parameter is the width.
kernels::DistanceRows token_distances(const Encoding& encoding, const Hyperparameters& chosen,
                                      const kernels::Points& all) {
  if (!encoding.settings().features.empty()) return kernel_distances(encoding, chosen, all);
  const auto family = std::make_shared<const kernels::CostFamily>(encoding.costs());
  const kernels::PointDistances distances(
      *family, chosen.parameters.tail(chosen.parameters.size() - 1), all, all);
  return [family, distances](Index first, Index count) { return distances.rows(first, count); };
}

const ManifoldKind kRbfManifold{kRbf, feature_distances};
const ManifoldKind kEditManifold{kEdit, token_distances};

// Rows of the labelled points first, then those of the others.
std::vector<Index> choose_landmarks(Index labelled, Index all, const FitSettings& settings) {
  std::vector<Index> rows(static_cast<size_t>(all));
  std::iota(rows.begin(), rows.end(), Index{0});
  if (all <= kExactPoints || settings.centres == 0) return rows;
  Random random = Random::stream(settings.seed, "landmarks");
  std::vector<Index> known(rows.begin(), rows.begin() + labelled);
  std::vector<Index> others(rows.begin() + labelled, rows.end());
  shuffle(known, random);
  shuffle(others, random);
  const auto half = static_cast<size_t>(
      std::max(kExactPoints / 2, kExactPoints - static_cast<Index>(others.size())));
  known.resize(std::min(known.size(), half));
  others.resize(std::min(others.size(), static_cast<size_t>(kExactPoints) - known.size()));
  known.insert(known.end(), others.begin(), others.end());
  std::sort(known.begin(), known.end());
  return known;
}

struct Solution {
  double rho = 0, lambda = 1;  // rho 0: without a graph
  double squared = INFINITY;   // sum of squared left-out residuals
};

// The left singular vectors of `rows` (l x m) and its squared singular values, by the smaller of
// the two products with itself.
kernels::Spectrum left_spectrum(const MatrixXd& rows) {
  const bool wide = rows.rows() <= rows.cols();
  const MatrixXd product = wide ? kernels::product_nt(rows, rows) : kernels::product_t(rows, rows);
  kernels::Spectrum spectrum =
      kernels::decompose(MatrixXd(product.selfadjointView<Eigen::Lower>()));
  spectrum.values = spectrum.clipped();
  if (wide) return spectrum;
  const VectorXd inverse =
      spectrum.values.unaryExpr([](double w) { return w > 0 ? 1 / std::sqrt(w) : 0.0; });
  spectrum.vectors = kernels::product(rows, spectrum.vectors * inverse.asDiagonal());
  return spectrum;
}

// Ridge regression on the rows of `rows` (l x m, any l and m) for every lambda at once.
Solution best_lambda(const MatrixXd& rows, const VectorXd& targets, double rho) {
  const kernels::Spectrum spectrum = left_spectrum(rows);
  const VectorXd& w = spectrum.values;
  const MatrixXd squared = spectrum.vectors.cwiseAbs2();
  const VectorXd y = spectrum.vectors.transpose() * targets;
  const auto n = static_cast<double>(targets.size());
  const VectorXd lambdas = pow(10, VectorXd::LinSpaced(65, -5, 3).array());
  MatrixXd shrink(w.size(), lambdas.size());
  for (Index i = 0; i < lambdas.size(); ++i) shrink.col(i) = w.array() / (w.array() + lambdas(i));
  const MatrixXd fitted = kernels::product(spectrum.vectors, y.asDiagonal() * shrink);
  const MatrixXd kept = (1 - 1 / n - kernels::product(squared, shrink).array()).cwiseMax(1e-9);
  const MatrixXd left_out = (-fitted).colwise() + targets;
  Index best = 0;
  const double least = left_out.cwiseQuotient(kept).colwise().squaredNorm().minCoeff(&best);
  return {rho, lambdas(best), least};
}

// G of the header.
MatrixXd graph_form(const MatrixXd& features, const kernels::DistanceRows& distances, int threads) {
  const Eigen::SparseMatrix<double> l = kernels::laplacian(
      kernels::neighbour_graph(features.rows(), kNeighbours, distances, threads));
  const MatrixXd g =
      kernels::product_t(features, l * features) / static_cast<double>(features.rows());
  return 0.5 * (g + g.transpose());
}

std::string describe_space(const FeatureSpace& space, Index landmarks, const MatrixXd& features,
                           const VectorXd& diagonal) {
  char text[200];
  const VectorXd difference = features.rowwise().squaredNorm() - diagonal;
  std::snprintf(text, sizeof text,
                "%lld landmarks for %lld points change k(x,x) by %.2g%% in the mean; %lld negative "
                "eigenvalues of the landmarks clipped",
                static_cast<long long>(landmarks), static_cast<long long>(features.rows()),
                100 * difference.cwiseAbs().cwiseQuotient(diagonal).mean(),
                static_cast<long long>(space.repair.negative));
  return text;
}

class Manifold : public Regressor {
 public:
  // `landmarks`: the architectures of the expansion's centres.
  Manifold(Expansion expansion, double penalty, double spread, std::vector<std::string> landmarks,
           double graph_weight, std::vector<std::string> report = {})
      : expansion_(std::move(expansion)),
        penalty_(penalty),
        spread_(spread),
        landmarks_(std::move(landmarks)),
        graph_weight_(graph_weight),
        report_(std::move(report)) {}

  Moments predict(const kernels::Points& points, const PredictSettings& settings) const override {
    return {expansion_(points, settings.threads), {}};
  }
  double spread() const override { return spread_; }
  std::vector<std::pair<std::string, double>> hyperparameters() const override {
    auto list = named_hyperparameters(expansion_, penalty_);
    list.insert(list.begin() + 1, {"graph_weight", graph_weight_});
    return list;
  }
  std::vector<std::string> report() const override { return report_; }
  nlohmann::json state() const override {
    nlohmann::json state = expansion_state(expansion_, penalty_);
    state["spread"] = spread_;
    state["graph_weight"] = graph_weight_;
    state["landmarks"] = landmarks_;
    return state;
  }

 private:
  Expansion expansion_;
  double penalty_, spread_;
  std::vector<std::string> landmarks_;
  double graph_weight_;
  std::vector<std::string> report_;
};

class ManifoldFit {
 public:
  ManifoldFit(const Training& training, const ManifoldKind& kind)
      : training_(training),
        kind_(kind),
        kernel_(kind.kernel.make(*training.encoding)),
        chosen_(training.hyperparameters_of(kind.kernel)),
        targets_(training.scale.standardised()) {}

  std::unique_ptr<Regressor> run() {
    if (training_.settings.graph_weight == 0.0) return without_graph("graph weight 0, as told");
    const int threads = training_.settings.threads;
    all_ = training_.points;
    all_.append(training_.unlabelled);
    std::vector<Index> landmarks =
        choose_landmarks(training_.points.size(), all_.size(), training_.settings);
    // Without other points all training points are landmarks, whose Gram matrix is decomposed.
    const bool is_plain = static_cast<Index>(landmarks.size()) == training_.points.size() &&
                          training_.unlabelled.size() == 0;
    const std::shared_ptr<const Decomposition> known =
        is_plain ? training_.system_of(kind_.kernel)->decomposition() : nullptr;
    centres_ = all_.subset(landmarks);
    landmarks_ = std::move(landmarks);
    space_ = make_space(
        known ? known->spectrum
              : kernels::decompose(kernel_->gram(chosen_.parameters, centres_, threads)));
    const MatrixXd features = kernels::product(
        kernel_->gram(chosen_.parameters, all_, centres_, threads), space_.to_features);
    report_.push_back(describe_space(space_, centres_.size(), features,
                                     kernel_->diagonal(chosen_.parameters, all_)));
    const kernels::Spectrum graph = kernels::decompose(
        graph_form(features, kind_.distances(*training_.encoding, chosen_, all_), threads));
    graph_ = graph.clipped();
    space_.to_features = kernels::product(space_.to_features, graph.vectors);
    rows_ = kernels::product(features.topRows(training_.points.size()), graph.vectors);
    means_ = rows_.colwise().mean();
    rows_.rowwise() -= means_.transpose();
    const Solution best = choose_weights();
    if (best.rho == 0) return without_graph("leave-one-out chose graph weight 0");
    return with_graph(best);
  }

 private:
  // The labelled rows in the coordinates where |v|^2 + rho v' G v is |v|^2.
  MatrixXd smoothed_rows(double rho) const {
    return rows_ * (1 + rho * graph_.array()).rsqrt().matrix().asDiagonal();
  }

  // The weight with the least residuals on some of the labelled points, if on all of them it gains
  // on what needs no landmarks.
  Solution choose_weights() const {
    if (training_.settings.graph_weight) {
      const double rho = *training_.settings.graph_weight;
      return best_lambda(smoothed_rows(rho), targets_, rho);
    }
    std::vector<Index> some(static_cast<size_t>(targets_.size()));
    std::iota(some.begin(), some.end(), Index{0});
    Random random = Random::stream(training_.settings.seed, "graph weights");
    shuffle(some, random);
    some.resize(std::min(some.size(), static_cast<size_t>(kMostCompared)));
    const auto judged = [&](double rho) -> Solution {
      const MatrixXd all = smoothed_rows(rho);
      MatrixXd rows(static_cast<Index>(some.size()), all.cols());
      for (size_t i = 0; i < some.size(); ++i) rows.row(static_cast<Index>(i)) = all.row(some[i]);
      return best_lambda(rows, targets_(some), rho);
    };
    const Solution without = judged(0);
    Solution best = without;
    for (double rho : kGraphWeights) {
      const Solution found = judged(rho);
      if (found.squared < best.squared) best = found;
    }
    if (best.squared >= (1 - kGain) * without.squared) return {};
    best = best_lambda(smoothed_rows(best.rho), targets_, best.rho);
    const Training::System plain = training_.system_of(kind_.kernel);
    const double least =
        plain->solve(targets_, plain->best_penalty(targets_)).left_out.squaredNorm();
    return best.squared < (1 - kGain) * least ? best : Solution{};
  }

  std::unique_ptr<Regressor> with_graph(const Solution& solution) {
    MatrixXd a = kernels::product_t(rows_, rows_);
    a.diagonal().array() += solution.lambda * (1 + solution.rho * graph_.array());
    const VectorXd v = Eigen::LLT<MatrixXd>(a).solve(rows_.transpose() * targets_);
    char text[100];
    std::snprintf(text, sizeof text, "graph weight %.3g by leave-one-out, %lld unlabelled points",
                  solution.rho, static_cast<long long>(training_.unlabelled.size()));
    report_.emplace_back(text);
    report_.insert(report_.begin(), describe(training_, kind_.kernel));
    Expansion expansion{kernel_, chosen_.parameters, centres_, space_.to_features * v,
                        -means_.dot(v)};
    const double spread = std::sqrt(solution.squared / static_cast<double>(targets_.size()));
    return std::make_unique<Manifold>(std::move(expansion), solution.lambda, spread,
                                      landmark_names(), solution.rho, report_);
  }

  std::unique_ptr<Regressor> without_graph(std::string why) {
    report_.push_back(std::move(why));
    const auto plain = fit_kernel(training_, kind_.kernel);
    std::vector<std::string> lines = plain->report(), centres = training_.architectures;
    lines.insert(lines.end(), report_.begin(), report_.end());
    if (const Landmarks* landmarks = plain->process().landmarks()) {
      centres.clear();
      for (Index row : landmarks->rows)
        centres.push_back(training_.architectures[static_cast<size_t>(row)]);
    }
    return std::make_unique<Manifold>(plain->process().expansion(), plain->process().penalty(),
                                      plain->spread(), std::move(centres), 0, std::move(lines));
  }

  std::vector<std::string> landmark_names() const {
    std::vector<std::string> names;
    const auto labelled = static_cast<Index>(training_.architectures.size());
    for (Index row : landmarks_) {
      names.push_back(
          row < labelled ? training_.architectures[static_cast<size_t>(row)]
                         : training_.unlabelled_architectures[static_cast<size_t>(row - labelled)]);
    }
    return names;
  }

  const Training& training_;
  const ManifoldKind& kind_;
  kernels::KernelPointer kernel_;
  const Hyperparameters& chosen_;
  VectorXd targets_;
  kernels::Points all_;
  std::vector<Index> landmarks_;
  kernels::Points centres_;  // of these
  FeatureSpace space_;
  VectorXd graph_;  // G's eigenvalues; the feature space has its eigenvectors as axes
  MatrixXd rows_;   // P
  VectorXd means_;  // what was taken out of it
  std::vector<std::string> report_;
};

std::unique_ptr<Regressor> restore(const Training& training, const nlohmann::json& state,
                                   const ManifoldKind& kind) {
  std::vector<std::string> landmarks = texts_at(state, "landmarks");
  kernels::Points centres = training.encoding->points(landmarks);
  Expansion expansion =
      expansion_from(state, kind.kernel.make(*training.encoding), std::move(centres));
  const double penalty = penalty_from(state), graph_weight = number_at(state, "graph_weight");
  const double spread = state.contains("spread") ? number_at(state, "spread") : 1;
  return std::make_unique<Manifold>(std::move(expansion), penalty, spread, std::move(landmarks),
                                    graph_weight);
}

}  // namespace

std::unique_ptr<Regressor> fit_rbf_mr(const Training& training) {
  return ManifoldFit(training, kRbfManifold).run();
}
std::unique_ptr<Regressor> fit_ed_mr(const Training& training) {
  return ManifoldFit(training, kEditManifold).run();
}
std::unique_ptr<Regressor> restore_rbf_mr(const Training& training, const nlohmann::json& state) {
  return restore(training, state, kRbfManifold);
}
std::unique_ptr<Regressor> restore_ed_mr(const Training& training, const nlohmann::json& state) {
  return restore(training, state, kEditManifold);
}

}  // namespace metaqnn::predict
