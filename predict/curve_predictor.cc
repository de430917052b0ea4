#include "predict/curve_predictor.h"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <numeric>

#include "metaqnn/base/error.h"
#include "predict/encoding.h"
#include "predict/least_squares.h"

namespace metaqnn::predict {
namespace {

using datasets::EpochResult;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::RowVectorXd;
using Eigen::VectorXd;

constexpr double kLeastPenalty = 1e-6, kMostPenalty = 1e2;  // relative to standardised columns
constexpr int kPenalties = 17;
constexpr double kArchitectureWeights[] = {0, 0.3, 1};
constexpr size_t kTrainingsPerColumn = 2;  // of the architecture, at least
constexpr Index kNeighbourShare = 4;       // one in so many

// Few columns are enough beside a curve, and many would be fitted to chance: of networks in the grammar
// what is counted and how large they are.
std::vector<Index> described_columns(const Encoding& encoding) {
  std::vector<Index> all, few;
  for (const FeatureColumn& column : encoding.columns()) {
    const auto index = static_cast<Index>(all.size());
    all.push_back(index);
    if (column.group == "counts" || column.group == "sizes") few.push_back(index);
  }
  return few.empty() ? all : few;
}

// What is searched for, or else the accuracy.
double measured_of(const EpochResult& epoch) {
  return std::isnan(epoch.value) ? epoch.validation_accuracy : epoch.value;
}

RowVectorXd joined(const RowVectorXd& a, const RowVectorXd& b) {
  RowVectorXd both(a.size() + b.size());
  both << a, b;
  return both;
}

double best_of(const std::vector<EpochResult>& curve, size_t epochs, double sign) {
  double best = -std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < epochs; ++i) best = std::max(best, sign * measured_of(curve[i]));
  return sign * best;
}

// The first epochs of a curve as columns. Not finite where one is not known.
RowVectorXd measured_columns(const std::vector<EpochResult>& curve, size_t epochs, double sign) {
  RowVectorXd columns(static_cast<Index>(epochs) + 1);
  for (size_t i = 0; i < epochs; ++i) columns(static_cast<Index>(i)) = measured_of(curve[i]);
  columns(static_cast<Index>(epochs)) = best_of(curve, epochs, sign);
  return columns;
}

using Member = double EpochResult::*;
constexpr Member kOthers[] = {&EpochResult::training_loss, &EpochResult::training_accuracy,
                              &EpochResult::validation_loss, &EpochResult::validation_accuracy};

RowVectorXd columns_of(const std::vector<EpochResult>& curve, size_t epochs, Member member) {
  RowVectorXd columns(static_cast<Index>(epochs));
  for (size_t i = 0; i < epochs; ++i) columns(static_cast<Index>(i)) = curve[i].*member;
  return columns;
}

}  // namespace

double Forecast::chance_to_beat(double value, datasets::Direction direction) const {
  const double margin = datasets::sign_of(direction) * (mean - value);
  if (deviation <= 0) return margin > 0 ? 1 : 0;
  return 0.5 * std::erfc(-margin / deviation / std::sqrt(2.0));
}

// What a ridge regression sees of one training.
struct CurvePredictor::Columns {
  std::vector<Member> others;
  double architecture = 0;  // its weight

  RowVectorXd of(const std::vector<EpochResult>& curve, size_t epochs, double sign,
                 const RowVectorXd& features) const {
    RowVectorXd columns = measured_columns(curve, epochs, sign);
    for (Member other : others) columns = joined(columns, columns_of(curve, epochs, other));
    return architecture > 0 ? joined(columns, features) : columns;
  }
};

// With an intercept that is not penalised:  w = V (D + l)^-1 V' Z'y / n,  Z'Z / n = V D V', where Z
// are the standardised columns. A point left out has the residual r_i / (1 - h_i).
class CurvePredictor::Ridge {
 public:
  // `weights`: of the columns, once they are standardised.
  Ridge(const MatrixXd& x, const VectorXd& y, const RowVectorXd& weights)
      : means_(x.colwise().mean()), intercept_(y.mean()) {
    const auto n = static_cast<double>(x.rows());
    MatrixXd z = x.rowwise() - means_;
    scales_ = (z.colwise().squaredNorm() / n).cwiseSqrt();
    for (Index i = 0; i < scales_.size(); ++i) {
      const bool varies = scales_(i) > 1e-9 * (std::abs(means_(i)) + 1e-9);
      scales_(i) = varies ? weights(i) / scales_(i) : 0;
    }
    z = z * scales_.asDiagonal();
    const Eigen::SelfAdjointEigenSolver<MatrixXd> solver(z.transpose() * z / n);
    const VectorXd spectrum = solver.eigenvalues().cwiseMax(0);
    const MatrixXd rotated = z * solver.eigenvectors();
    const MatrixXd squares = rotated.cwiseAbs2() / n;
    const VectorXd centred = y.array() - intercept_;
    const VectorXd projected = rotated.transpose() * centred / n;
    const auto residuals = [&](double penalty) -> VectorXd {
      const VectorXd inverse = (spectrum.array() + penalty).inverse();
      const VectorXd leverage = (squares * inverse).array() + 1 / n;
      return (centred - rotated * projected.cwiseProduct(inverse)).array() /
             (1 - leverage.array()).max(1e-3);
    };
    const double penalty =
        least_on_path(kLeastPenalty, kMostPenalty, kPenalties, [&](const VectorXd& penalties) {
          return VectorXd(
              penalties.unaryExpr([&](double l) { return residuals(l).squaredNorm(); }));
        });
    left_out_ = residuals(penalty);
    weights_ = solver.eigenvectors() *
               projected.cwiseProduct(VectorXd((spectrum.array() + penalty).inverse()));
  }

  const VectorXd& left_out() const { return left_out_; }  // residuals
  double predict(const RowVectorXd& x) const {
    return intercept_ + (x - means_).cwiseProduct(scales_).dot(weights_.transpose());
  }

 private:
  RowVectorXd means_, scales_;
  double intercept_;
  VectorXd weights_, left_out_;
};

struct CurvePredictor::Regression {
  Columns columns;
  Ridge ridge;
  VectorXd predicted;  // the training points, each left out

  double deviation_near(double mean) const;
};

CurvePredictor::CurvePredictor(const datasets::Log& log, const EncodingSettings& encoding)
    : measure_(log.measure) {
  std::vector<std::string> texts;
  for (const datasets::LogRow& row : log.rows) {
    if (row.state != "complete" || !row.value || row.curve.empty()) continue;
    finished_.push_back({row.architecture, row.curve, *row.value, {}});
    texts.push_back(row.architecture);
  }
  if (finished_.empty()) return;
  ends_at_its_best_ = std::all_of(finished_.begin(), finished_.end(), [&](const Finished& one) {
    if (!measure_.is_accuracy() && std::isnan(one.curve.back().value)) return false;
    return sign() * (one.value - best_of(one.curve, one.curve.size(), sign())) >= 0;
  });
  try {
    encoding_ = std::make_unique<Encoding>(encoding, texts);
    columns_ = described_columns(*encoding_);
    const MatrixXd all = encoding_->points(texts).features;
    const MatrixXd features = all(Eigen::seqN(0, all.rows()), columns_);
    for (size_t i = 0; i < finished_.size(); ++i)
      finished_[i].features = features.row(static_cast<Index>(i));
  } catch (const UsageError&) {
    encoding_.reset();
  }
}

CurvePredictor::~CurvePredictor() = default;
CurvePredictor::CurvePredictor(CurvePredictor&&) noexcept = default;
CurvePredictor& CurvePredictor::operator=(CurvePredictor&&) noexcept = default;

std::optional<RowVectorXd> CurvePredictor::features_of(const std::string& architecture) const {
  try {
    return encoding_->points({architecture}).features(0, columns_);
  } catch (const UsageError&) {
    return std::nullopt;
  }
}

std::vector<const CurvePredictor::Finished*> CurvePredictor::longer_than(size_t epochs) const {
  std::vector<const Finished*> longer;
  for (const Finished& one : finished_) {
    if (one.curve.size() > epochs && measured_columns(one.curve, epochs, sign()).allFinite())
      longer.push_back(&one);
  }
  return longer;
}

CurvePredictor::Regression CurvePredictor::fit(const std::vector<const Finished*>& trainings,
                                               size_t epochs, const Columns& columns) const {
  MatrixXd x;
  VectorXd values(static_cast<Index>(trainings.size()));
  for (size_t i = 0; i < trainings.size(); ++i) {
    const RowVectorXd row = columns.of(trainings[i]->curve, epochs, sign(), trainings[i]->features);
    if (i == 0) x.resize(values.size(), row.size());
    x.row(static_cast<Index>(i)) = row;
    values(static_cast<Index>(i)) = trainings[i]->value;
  }
  RowVectorXd weights = RowVectorXd::Ones(x.cols());
  if (columns.architecture > 0)
    weights.tail(trainings[0]->features.size()).setConstant(columns.architecture);
  Ridge ridge(x, values, weights);
  VectorXd predicted = values - ridge.left_out();
  return {columns, std::move(ridge), std::move(predicted)};
}

const CurvePredictor::Regression* CurvePredictor::regression(size_t epochs) {
  const auto [place, is_new] = regressions_.try_emplace(epochs);
  std::unique_ptr<Regression>& best = place->second;
  if (!is_new) return best.get();
  const std::vector<const Finished*> longer = longer_than(epochs);
  if (longer.size() < kFewestTrainings) return nullptr;
  std::vector<Member> known;
  std::copy_if(std::begin(kOthers), std::end(kOthers), std::back_inserter(known),
               [&](Member other) {
                 return std::all_of(longer.begin(), longer.end(), [&](const Finished* one) {
                   return columns_of(one->curve, epochs, other).allFinite();
                 });
               });
  for (const std::vector<Member>& others : {std::vector<Member>(), known}) {
    if (others.empty() && best) continue;  // there are no others
    for (double architecture : kArchitectureWeights) {
      if (architecture > 0 && (!encoding_ || longer.size() < kTrainingsPerColumn * columns_.size()))
        continue;
      Regression next = fit(longer, epochs, {others, architecture});
      if (!best || next.ridge.left_out().squaredNorm() < best->ridge.left_out().squaredNorm())
        best = std::make_unique<Regression>(std::move(next));
    }
  }
  return best.get();
}

double CurvePredictor::Regression::deviation_near(double mean) const {
  const Index n = predicted.size();
  const Index neighbours = std::min(n, std::max(kFewestNeighbours, n / kNeighbourShare));
  std::vector<Index> nearest(static_cast<size_t>(n));
  std::iota(nearest.begin(), nearest.end(), Index{0});
  std::stable_sort(nearest.begin(), nearest.end(), [&](Index a, Index b) {
    return std::abs(predicted(a) - mean) < std::abs(predicted(b) - mean);
  });
  nearest.resize(static_cast<size_t>(neighbours));
  return std::sqrt(ridge.left_out()(nearest).squaredNorm() / static_cast<double>(neighbours));
}

std::optional<Forecast> CurvePredictor::predict(const std::string& architecture,
                                                const Curve& curve) {
  if (curve.empty()) return std::nullopt;
  const Regression* found = regression(curve.size());
  if (found == nullptr) return std::nullopt;
  RowVectorXd features;
  if (found->columns.architecture > 0) {
    std::optional<RowVectorXd> known = features_of(architecture);
    if (!known) return std::nullopt;
    features = std::move(*known);
  }
  const RowVectorXd x = found->columns.of(curve, curve.size(), sign(), features);
  if (!x.allFinite()) return std::nullopt;
  Forecast forecast{.mean = found->ridge.predict(x)};
  if (ends_at_its_best_) {
    const double best = best_of(curve, curve.size(), sign());
    if (sign() * forecast.mean < sign() * best) forecast.mean = best;
  }
  forecast.deviation = found->deviation_near(forecast.mean);
  return forecast;
}

}  // namespace metaqnn::predict
