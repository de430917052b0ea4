#include "predict/form.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "metaqnn/predict/cross_validation.h"
#include "predict/gaussian_process.h"

namespace metaqnn::predict {
namespace {

using Eigen::Index;
using Eigen::VectorXd;

// Parts of fewer networks are not tried.
constexpr Index kFewest = 10;

double r2_of(const VectorXd& targets, const VectorXd& predicted) {
  const double variance = (targets.array() - targets.mean()).square().sum();
  return variance > 0 ? 1 - (targets - predicted).squaredNorm() / variance : 0;
}

// The criterion of ranks; `targets` and `scores`: larger is better.
double order_of(const VectorXd& targets, const VectorXd& scores) {
  std::vector<Index> rows(static_cast<size_t>(targets.size()));
  std::iota(rows.begin(), rows.end(), Index{0});
  std::stable_sort(rows.begin(), rows.end(),
                   [&](Index a, Index b) { return targets(a) > targets(b); });
  rows.resize((rows.size() + 1) / 2);
  return 0.5 * (kendall_tau(targets, scores).value_or(0) +
                kendall_tau(targets(rows), scores(rows)).value_or(0));
}

// By the process with this kernel, each point left out.
struct LeftOut {
  VectorXd on_scale, restored;
};

LeftOut left_out(const Training& training, const TargetScale& scale, const KernelKind& kind) {
  const VectorXd& targets = scale.standardised();
  const Training::System system = training.system_of(kind);
  const VectorXd residuals = system->solve(targets, system->best_penalty(targets)).left_out;
  const double spread = std::sqrt(residuals.squaredNorm() / static_cast<double>(residuals.size()));
  LeftOut left{targets - residuals, {}};
  left.restored =
      scale.restored(Moments{left.on_scale, VectorXd::Constant(targets.size(), spread)}).mean;
  return left;
}

constexpr std::array kWarps{Warp::none, Warp::normal_scores, Warp::log_distance};

struct Judged {
  double r2 = 0, order = 0;
};

std::string line(const char* what, const Judged& judged) {
  char text[120];
  std::snprintf(text, sizeof text, "%s: left-out R2 %.3f, tau of all and of the better half %.3f",
                what, judged.r2, judged.order);
  return text;
}

// Of the two parts, what they say of all points; those that failed are predicted by how well as they
// are by what never saw them.
Judged judge_parts(const Training& training, const KernelKind& kind) {
  const TwoParts& parts = *training.parts;
  const LeftOut trains = left_out(parts.trains, parts.trains.scale, kind),
                accuracy = left_out(parts.accuracy, parts.accuracy.scale, kind);
  const VectorXd& scores = parts.accuracy.scale.standardised();
  const GaussianProcess process = GaussianProcess::fit(
      kind.make(*training.encoding), training.hyperparameters_of(kind).parameters, std::nullopt,
      parts.accuracy.points, scores, *parts.accuracy.system_of(kind));
  Moments all{process.mean(training.points, training.settings.threads), {}};
  all.mean(parts.trained) = accuracy.on_scale;
  const VectorXd residuals = scores - accuracy.on_scale;
  all.deviation = VectorXd::Constant(
      all.mean.size(), std::sqrt(residuals.squaredNorm() / static_cast<double>(residuals.size())));
  const TargetScale& scale = parts.accuracy.scale;
  const Mixture mixed =
      mixture(trains.restored, scale.restored(all).mean, scale.better(all.mean), parts.chance);
  return {r2_of(training.targets, mixed.mean),
          order_of(training.scale.sign() * training.targets, mixed.score)};
}

bool worth_trying(const TwoParts& parts) {
  const Index failed = parts.trains.points.size() - parts.accuracy.points.size();
  return std::min(failed, parts.accuracy.points.size()) >= kFewest;
}

}  // namespace

Mixture mixture(const VectorXd& trains, const VectorXd& accuracy, const VectorXd& scores,
                double chance) {
  const VectorXd p = trains.cwiseMax(0).cwiseMin(1);
  return {(p.array() * (accuracy.array() - chance) + chance).matrix(), scores + kSure * p};
}

namespace {

Form choose(const Training& training, const KernelKind& kind) {
  std::array<Judged, kWarps.size()> judged;
  size_t value = 0, rank = 0;
  for (size_t w = 0; w < kWarps.size(); ++w) {
    const TargetScale scale(training.targets, kWarps[w], training.direction);
    const LeftOut left = left_out(training, scale, kind);
    judged[w] = {r2_of(training.targets, left.restored),
                 order_of(scale.sign() * training.targets, scale.better(left.on_scale))};
    if (judged[w].r2 > judged[value].r2) value = w;
    if (judged[w].order > judged[rank].order) rank = w;
  }
  if (judged[value].order > judged[rank].order - kWorthAFit) rank = value;
  if (judged[rank].r2 > judged[value].r2 - kWorthAFit) value = rank;
  Form form{.value = kWarps[value], .rank = kWarps[rank]};
  const Judged best{judged[value].r2, judged[rank].order};
  form.report.push_back("scale: " + std::string(to_string(form.value)) + " for values, " +
                        to_string(form.rank) + " for ranks");
  if (!training.parts || !worth_trying(*training.parts)) return form;
  const Judged parts = judge_parts(training, kind);
  form.two_parts = parts.r2 + parts.order > best.r2 + best.order;
  form.report = {line(form.two_parts ? "one regression" : "one regression, taken", best),
                 line(form.two_parts ? "whether it trains, and how well, taken"
                                     : "whether it trains, and how well",
                      parts)};
  return form;
}

}  // namespace

const Form& choose_form(const Training& training, const KernelKind& kind) {
  return *training.forms->get(kind.name, [&] { return choose(training, kind); });
}

}  // namespace metaqnn::predict
