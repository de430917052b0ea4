#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/numbers.h"
#include "base/parallel.h"
#include "kernels/tsne.h"
#include "predict/encoding.h"
#include "report/figures.h"
#include "report/networks.h"

namespace metaqnn::report {
namespace {

constexpr size_t kMostOnMap = 1000;
constexpr size_t kFewestOnMap = 12;
constexpr int kLevels = 8;

struct Map {
  Networks networks;
  Eigen::MatrixX2d places;  // n x 2
  double kept = 0;          // share of ten nearest neighbours
};

Eigen::MatrixXd distances_between(const Networks& networks, int threads) {
  const std::vector<std::string>& architectures = networks.samples.architectures;
  const predict::Encoding encoding(networks.encoding, architectures);
  const kernels::CostFamily costs = encoding.costs();
  Eigen::VectorXd start(static_cast<Eigen::Index>(costs.parameters.size()));
  for (size_t i = 0; i < costs.parameters.size(); ++i)
    start[static_cast<Eigen::Index>(i)] = costs.parameters[i].start;
  return kernels::point_distances(costs, start, encoding.points(architectures), threads);
}

Map make_map(Networks networks) {
  const int threads = available_cores();
  Map map{std::move(networks), {}, 0};
  const Eigen::MatrixXd distances = distances_between(map.networks, threads);
  map.places = kernels::tsne(distances, {.threads = threads});
  map.kept = kernels::kept_neighbours(distances, map.places, 10, threads);
  return map;
}

// 0 for the worst eighth, 7 for the best; equal values alike.
std::vector<int> levels_of(const ReportedStudy& study, const Trials& trials) {
  std::vector<double> sorted;
  for (const search::Trial* trial : trials) sorted.push_back(*value_of(*trial));
  std::sort(sorted.begin(), sorted.end(),
            [&](double a, double b) { return study.is_better(b, a); });
  std::vector<int> levels;
  for (const search::Trial* trial : trials) {
    const auto worse = std::lower_bound(sorted.begin(), sorted.end(), *value_of(*trial),
                                        [&](double a, double b) { return study.is_better(b, a); });
    levels.push_back(static_cast<int>(kLevels * (worse - sorted.begin()) /
                                      static_cast<std::ptrdiff_t>(sorted.size())));
  }
  return levels;
}

std::string picture_of_map(const Canvas& canvas, const std::string& title,
                           const ReportedStudy& study, const Map& map) {
  const Trials& trials = map.networks.trials;
  const Eigen::RowVector2d low = map.places.colwise().minCoeff(),
                           high = map.places.colwise().maxCoeff();
  const double room_x = 0.02 * (high[0] - low[0]) + 1e-9, room_y = 0.02 * (high[1] - low[1]) + 1e-9;
  const Canvas tall{canvas.width, canvas.width < kWide.width ? canvas.width : 560};
  Chart chart(tall, title, Axis{"", low[0] - room_x, high[0] + room_x, false, {}},
              Axis{"", low[1] - room_y, high[1] + room_y, false, {}});
  const std::vector<int> levels = levels_of(study, trials);
  const auto place = [&](size_t i) {
    const auto row = static_cast<Eigen::Index>(i);
    return Point{map.places(row, 0), map.places(row, 1)};
  };
  std::vector<std::string> classes;
  for (int level = 0; level < kLevels; ++level) {
    std::vector<Point> points;
    for (size_t i = 0; i < trials.size(); ++i) {
      if (levels[i] == level && !search::is_screened(*trials[i])) points.push_back(place(i));
    }
    classes.push_back(fmt::format("level{}", level + 1));
    chart.mark(Mark::dot, points, classes.back(), trials.size() > 400 ? 2.6 : 3.6);
  }
  for (size_t i = 0; i < trials.size(); ++i) {
    if (search::is_screened(*trials[i]))
      chart.mark(Mark::diamond, {place(i)}, fmt::format("level{}", levels[i] + 1), 5.5);
  }
  std::vector<Point> best;
  for (const search::Trial& trial : study.best) {
    for (size_t i = 0; i < trials.size(); ++i) {
      if (trials[i]->number != trial.number) continue;
      best.push_back(place(i));
      chart.hint(place(i), hint_of(trial));
    }
  }
  chart.mark(Mark::ring, best, "best", 6);
  const auto [least, most] = std::minmax_element(
      trials.begin(), trials.end(), [&](const search::Trial* a, const search::Trial* b) {
        return study.is_better(*value_of(*b), *value_of(*a));
      });
  chart.legend_scale(measured(*value_of(**least)), classes, measured(*value_of(**most)));
  if (!best.empty()) chart.legend(Mark::ring, "the best", "best");
  if (std::any_of(trials.begin(), trials.end(),
                  [](const search::Trial* trial) { return search::is_screened(*trial); }))
    chart.legend(Mark::diamond, "picked by screening", "level8");
  return chart.svg();
}

}  // namespace

Figure map_of_architectures(const ReportedStudy& study) {
  Figure figure{"map", "A map of the architectures", {}, ""};
  Networks networks = networks_of(study, kMostOnMap, true);
  if (networks.trials.size() < kFewestOnMap) {
    figure.caption =
        fmt::format("Not here: a map needs {} networks with {}.", kFewestOnMap, study.a_value());
    return figure;
  }
  const auto map = std::make_shared<const Map>(make_map(std::move(networks)));
  figure.draw = [&study, title = figure.title, map](const Canvas& canvas) {
    return picture_of_map(canvas, title, study, *map);
  };
  figure.caption = fmt::format(
      "Do good networks look alike? Networks whose strings are near in edit distance lie near each "
      "other; the colour is {}, in eight groups of equal size. Axes and distances between heaps "
      "mean "
      "nothing (t-SNE); {:.0f}% of the ten nearest neighbours are kept.{}",
      study.axis_name(), 100 * map->kept, drawn(study, map->networks));
  return figure;
}

}  // namespace metaqnn::report
