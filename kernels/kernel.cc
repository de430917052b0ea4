#include "kernels/kernel.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/parallel.h"
#include "metaqnn/base/error.h"

namespace metaqnn::kernels {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// Rows of an expansion computed at once: fewer, and what each call prepares of all centres weighs;
// more, and they leave the cache and their memory is returned to the system after each.
constexpr Index kExpansionRows = 256;

// Some rows after others of the Gram matrix of `size` points, times c.
template <typename GramRows>
VectorXd expand(Index size, const VectorXd& coefficients, int threads, const GramRows& rows) {
  VectorXd result(size);
  parallel_for((size + kExpansionRows - 1) / kExpansionRows, threads, [&](Index block) {
    const Index first = block * kExpansionRows, count = std::min(kExpansionRows, size - first);
    result.segment(first, count) = rows(first, count) * coefficients;
  });
  return result;
}

std::vector<ColumnGroup> columns_of(const std::vector<NamedGroup>& groups) {
  std::vector<ColumnGroup> columns;
  for (const NamedGroup& group : groups) columns.push_back(group.columns);
  return columns;
}

class Linear : public Kernel {
 public:
  explicit Linear(std::vector<NamedGroup> groups) : groups_(std::move(groups)) {}

  std::vector<KernelParameter> parameters() const override {
    std::vector<KernelParameter> parameters;
    for (const NamedGroup& group : groups_)
      parameters.push_back({"scale." + group.name, 0, -6, 6, 1.5});
    return parameters;
  }
  MatrixXd gram(const VectorXd& parameters, const Points& a, const Points& b, int) const override {
    return scaled(parameters, a) * scaled(parameters, b).transpose();
  }
  MatrixXd gram(const VectorXd& parameters, const Points& a, int threads) const override {
    return gram(parameters, a, a, threads);
  }
  VectorXd expansion(const VectorXd& parameters, const Points& a, const Points& b,
                     const VectorXd& coefficients, int) const override {
    const VectorXd weights = scaled(parameters, b).transpose() * coefficients;
    return scaled(parameters, a) * weights;
  }
  VectorXd diagonal(const VectorXd& parameters, const Points& a) const override {
    return scaled(parameters, a).rowwise().squaredNorm();
  }
  std::vector<MatrixXd> derivatives(const VectorXd& parameters, const Points& a) const override {
    std::vector<MatrixXd> derivatives;
    for (size_t g = 0; g < groups_.size(); ++g) {
      const auto [begin, count] = groups_[g].columns;
      const MatrixXd x = a.features.middleCols(begin, count);
      derivatives.push_back(std::exp(parameters(static_cast<Index>(g))) /
                            static_cast<double>(count) * (x * x.transpose()));
    }
    return derivatives;
  }

 private:
  MatrixXd scaled(const VectorXd& parameters, const Points& a) const {
    MatrixXd x = MatrixXd::Zero(a.features.rows(), a.features.cols());
    for (size_t g = 0; g < groups_.size(); ++g) {
      const auto [begin, count] = groups_[g].columns;
      x.middleCols(begin, count) =
          a.features.middleCols(begin, count) *
          std::sqrt(std::exp(parameters(static_cast<Index>(g))) / static_cast<double>(count));
    }
    return x;
  }
  std::vector<NamedGroup> groups_;
};

class Rbf : public Kernel {
 public:
  explicit Rbf(std::vector<NamedGroup> groups)
      : groups_(std::move(groups)), columns_(columns_of(groups_)) {}

  // With one group of standardised columns |a - b|^2 / c is about 2; several add up.
  std::vector<KernelParameter> parameters() const override {
    const double start = 0.5 * std::log(static_cast<double>(groups_.size())) + 0.3;
    std::vector<KernelParameter> parameters;
    for (const NamedGroup& group : groups_)
      parameters.push_back({"width." + group.name, start, start - 3, start + 4, 1});
    return parameters;
  }
  MatrixXd gram(const VectorXd& parameters, const Points& a, const Points& b,
                int threads) const override {
    return rbf(a.features, b.features, columns_, parameters.array().exp(), threads);
  }
  MatrixXd gram(const VectorXd& parameters, const Points& a, int threads) const override {
    MatrixXd k = gram(parameters, a, a, threads);
    return 0.5 * (k + k.transpose());  // a product is symmetric only up to rounding
  }
  VectorXd expansion(const VectorXd& parameters, const Points& a, const Points& b,
                     const VectorXd& coefficients, int threads) const override {
    return expand(a.size(), coefficients, threads, [&](Index first, Index count) {
      return gram(parameters, a.range(first, count), b, 1);
    });
  }
  VectorXd diagonal(const VectorXd&, const Points& a) const override {
    return VectorXd::Ones(a.size());
  }
  std::vector<MatrixXd> derivatives(const VectorXd& parameters, const Points& a) const override {
    const MatrixXd k = gram(parameters, a, 1);
    std::vector<MatrixXd> derivatives;
    for (size_t g = 0; g < groups_.size(); ++g) {
      const auto [begin, count] = columns_[g];
      const MatrixXd x = a.features.middleCols(begin, count);
      const double scale =
          std::exp(-2 * parameters(static_cast<Index>(g))) / static_cast<double>(count);
      derivatives.push_back(k.cwiseProduct(scale * squared_distances(x, x)));
    }
    return derivatives;
  }

 private:
  std::vector<NamedGroup> groups_;
  std::vector<ColumnGroup> columns_;
};

class Edit : public Kernel {
 public:
  explicit Edit(CostFamily costs) : costs_(std::move(costs)) {}

  std::vector<KernelParameter> parameters() const override {
    std::vector<KernelParameter> parameters{{"width", 0.7, -1.5, 3, 0.7}};
    parameters.insert(parameters.end(), costs_.parameters.begin(), costs_.parameters.end());
    return parameters;
  }
  MatrixXd gram(const VectorXd& parameters, const Points& a, const Points& b,
                int threads) const override {
    const PointDistances distances(costs_, of_costs(parameters), a, b);
    return kernel(parameters, distances.rows(0, a.size(), threads).cwiseSqrt());
  }
  MatrixXd gram(const VectorXd& parameters, const Points& a, int threads) const override {
    return kernel(parameters, roots(parameters, a, threads));
  }
  VectorXd expansion(const VectorXd& parameters, const Points& a, const Points& b,
                     const VectorXd& coefficients, int threads) const override {
    const PointDistances distances(costs_, of_costs(parameters), a, b);
    return expand(a.size(), coefficients, threads, [&](Index first, Index count) {
      return kernel(parameters, distances.rows(first, count).cwiseSqrt());
    });
  }
  VectorXd diagonal(const VectorXd&, const Points& a) const override {
    return VectorXd::Ones(a.size());
  }
  std::vector<MatrixXd> derivatives(const VectorXd& parameters, const Points& a) const override {
    const MatrixXd root = roots(parameters, a, 1);
    const MatrixXd k = kernel(parameters, root);
    const double h = std::exp(parameters(0));
    std::vector<MatrixXd> derivatives{k.cwiseProduct(root / h)};
    for (Index i = 1; i < parameters.size(); ++i) {
      VectorXd moved = parameters;
      moved(i) += kCostStep;
      derivatives.push_back(-k.cwiseProduct(roots(moved, a, 1) - root) / (h * kCostStep));
    }
    return derivatives;
  }

 private:
  static VectorXd of_costs(const VectorXd& parameters) {
    return parameters.tail(parameters.size() - 1);
  }
  MatrixXd roots(const VectorXd& parameters, const Points& a, int threads) const {
    return point_distances(costs_, of_costs(parameters), a, threads).cwiseSqrt();
  }
  static MatrixXd kernel(const VectorXd& parameters, const MatrixXd& roots) {
    return (roots.array() / -std::exp(parameters(0))).exp();
  }
  CostFamily costs_;
};

class Sum : public Kernel {
 public:
  Sum(std::vector<std::string> names, std::vector<KernelPointer> terms)
      : names_(std::move(names)), terms_(std::move(terms)) {
    for (const KernelPointer& term : terms_)
      sizes_.push_back(static_cast<Index>(term->parameters().size()));
  }

  std::vector<KernelParameter> parameters() const override {
    std::vector<KernelParameter> parameters;
    const double start = -std::log(static_cast<double>(names_.size()));
    for (const std::string& name : names_)
      parameters.push_back({"amplitude." + name, start, start - 5, start + 3, 1.5});
    for (size_t t = 0; t < names_.size(); ++t) {
      for (KernelParameter parameter : terms_[t]->parameters()) {
        parameter.name = names_[t] + "." + parameter.name;
        parameters.push_back(parameter);
      }
    }
    return parameters;
  }
  MatrixXd gram(const VectorXd& parameters, const Points& a, const Points& b,
                int threads) const override {
    return add(parameters, [&](const Kernel& term, const VectorXd& p) -> MatrixXd {
      return term.gram(p, a, b, threads);
    });
  }
  MatrixXd gram(const VectorXd& parameters, const Points& a, int threads) const override {
    return add(parameters, [&](const Kernel& term, const VectorXd& p) -> MatrixXd {
      return term.gram(p, a, threads);
    });
  }
  VectorXd expansion(const VectorXd& parameters, const Points& a, const Points& b,
                     const VectorXd& coefficients, int threads) const override {
    return add(parameters, [&](const Kernel& term, const VectorXd& p) -> MatrixXd {
      return term.expansion(p, a, b, coefficients, threads);
    });
  }
  VectorXd diagonal(const VectorXd& parameters, const Points& a) const override {
    return add(parameters, [&](const Kernel& term, const VectorXd& p) -> MatrixXd {
      return term.diagonal(p, a);
    });
  }
  std::vector<MatrixXd> derivatives(const VectorXd& parameters, const Points& a) const override {
    std::vector<MatrixXd> by_amplitude, by_others;
    const std::vector<VectorXd> split = of_terms(parameters);
    for (size_t t = 0; t < split.size(); ++t) {
      const double amplitude = std::exp(parameters(static_cast<Index>(t)));
      by_amplitude.push_back(amplitude * terms_[t]->gram(split[t], a));
      for (const MatrixXd& derivative : terms_[t]->derivatives(split[t], a))
        by_others.push_back(amplitude * derivative);
    }
    by_amplitude.insert(by_amplitude.end(), by_others.begin(), by_others.end());
    return by_amplitude;
  }

 private:
  // The parameters of each term, which stand after the amplitudes.
  std::vector<VectorXd> of_terms(const VectorXd& parameters) const {
    std::vector<VectorXd> split;
    Index first = static_cast<Index>(names_.size());
    for (Index size : sizes_) {
      split.push_back(parameters.segment(first, size));
      first += size;
    }
    return split;
  }
  template <typename Evaluate>
  MatrixXd add(const VectorXd& parameters, const Evaluate& evaluate) const {
    const std::vector<VectorXd> split = of_terms(parameters);
    MatrixXd sum;
    for (size_t t = 0; t < split.size(); ++t) {
      MatrixXd term = std::exp(parameters(static_cast<Index>(t))) * evaluate(*terms_[t], split[t]);
      if (t == 0) {
        sum = std::move(term);
      } else {
        sum += term;
      }
    }
    return sum;
  }
  std::vector<std::string> names_;
  std::vector<KernelPointer> terms_;
  std::vector<Index> sizes_;  // parameters of each
};

}  // namespace

KernelPointer make_linear(std::vector<NamedGroup> groups) {
  return std::make_shared<Linear>(std::move(groups));
}
KernelPointer make_rbf(std::vector<NamedGroup> groups) {
  return std::make_shared<Rbf>(std::move(groups));
}
KernelPointer make_edit(CostFamily costs) { return std::make_shared<Edit>(std::move(costs)); }
KernelPointer make_sum(std::vector<std::string> names, std::vector<KernelPointer> terms) {
  METAQNN_ASSERT(
      !terms.empty() && names.size() == terms.size(),
      std::to_string(names.size()) + " names, " + std::to_string(terms.size()) + " terms");
  return std::make_shared<Sum>(std::move(names), std::move(terms));
}

VectorXd starts(const Kernel& kernel) {
  const std::vector<KernelParameter> parameters = kernel.parameters();
  VectorXd starts(static_cast<Index>(parameters.size()));
  for (size_t i = 0; i < parameters.size(); ++i)
    starts(static_cast<Index>(i)) = parameters[i].start;
  return starts;
}

}  // namespace metaqnn::kernels
