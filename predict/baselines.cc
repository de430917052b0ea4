#include "predict/baselines.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace metaqnn::predict {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

class Baseline : public Regressor {
 public:
  nlohmann::json state() const override { return nlohmann::json::object(); }
};

// slope 0 for the mean.
class Line : public Baseline {
 public:
  Line(Index column, double slope) : column_(column), slope_(slope) {}
  Moments predict(const kernels::Points& points, const PredictSettings&) const override {
    VectorXd mean = VectorXd::Zero(points.size());
    if (column_ >= 0) mean += slope_ * points.features.col(column_);
    return {std::move(mean), {}};
  }

 private:
  Index column_;
  double slope_;
};

// Columns are standardised on the training points: mean 0, variance 1.
std::unique_ptr<Regressor> fit_line(const Training& training,
                                    const std::vector<std::string>& names) {
  const auto& columns = training.encoding->columns();
  for (size_t c = 0; c < columns.size(); ++c) {
    for (const std::string& name : names) {
      if (columns[c].name != name) continue;
      const VectorXd x = training.points.features.col(static_cast<Index>(c));
      return std::make_unique<Line>(static_cast<Index>(c), x.dot(training.scale.standardised()) /
                                                               static_cast<double>(x.size()));
    }
  }
  return fit_mean(training);
}

class Nearest : public Baseline {
 public:
  explicit Nearest(const Training& training)
      : costs_(training.encoding->costs()),
        points_(training.points),
        targets_(training.scale.standardised()) {
    for (const kernels::NamedGroup& group : training.encoding->described_groups())
      described_ += group.columns.count;
  }
  Moments predict(const kernels::Points& points, const PredictSettings& settings) const override {
    VectorXd start(static_cast<Index>(costs_.parameters.size()));
    for (size_t i = 0; i < costs_.parameters.size(); ++i)
      start(static_cast<Index>(i)) = costs_.parameters[i].start;
    MatrixXd distances = MatrixXd::Zero(points.size(), points_.size());
    if (costs_.alphabet > 0) {
      distances = kernels::PointDistances(costs_, start, points, points_)
                      .rows(0, points.size(), settings.threads);
    }
    if (described_ > 0) {
      distances += kernels::squared_distances(points.features.rightCols(described_),
                                              points_.features.rightCols(described_)) /
                   static_cast<double>(described_);
    }
    VectorXd mean(points.size());
    for (Index i = 0; i < mean.size(); ++i) {
      const double near = distances.row(i).minCoeff() + 1e-9;
      double sum = 0;
      int count = 0;
      for (Index j = 0; j < targets_.size(); ++j) {
        if (distances(i, j) > near) continue;
        sum += targets_(j);
        ++count;
      }
      mean(i) = sum / count;
    }
    return {mean, {}};
  }

 private:
  kernels::CostFamily costs_;
  kernels::Points points_;
  VectorXd targets_;
  Index described_ = 0;  // columns, the last ones
};

}  // namespace

std::unique_ptr<Regressor> fit_mean(const Training&) { return std::make_unique<Line>(-1, 0); }
std::unique_ptr<Regressor> fit_depth(const Training& training) {
  return fit_line(training, {"depth", "length"});
}
std::unique_ptr<Regressor> fit_log_parameters(const Training& training) {
  return fit_line(training, {"log2_parameters"});
}
std::unique_ptr<Regressor> fit_nearest(const Training& training) {
  return std::make_unique<Nearest>(training);
}

}  // namespace metaqnn::predict
