#include "report/training_sizes.h"

#include <algorithm>
#include <utility>

#include "metaqnn/base/error.h"
#include "report/svg.h"

namespace metaqnn::report {

std::string picture_of_sizes(const std::string& figure, const std::vector<SizeCurve>& curves) {
  std::vector<double> sizes, heights;
  for (const SizeCurve& curve : curves) {
    for (const SizePoint& point : curve.points) {
      sizes.push_back(point.networks);
      heights.push_back(point.mean - point.deviation);
      heights.push_back(point.mean + point.deviation);
    }
  }
  if (sizes.empty()) throw DataError("no predictor has an order, so there is nothing to draw");
  const auto [fewest, most] = std::minmax_element(sizes.begin(), sizes.end());
  const auto [low, high] = std::minmax_element(heights.begin(), heights.end());
  Chart chart(kWide, figure + " by the number of training networks",
              logarithmic_axis("networks to learn from (logarithmic)", *fewest, *most),
              linear_axis(figure + ", mean and deviation over the repeats", *low, *high));
  size_t longest = 0;
  for (const SizeCurve& curve : curves) longest = std::max(longest, curve.name.size());
  chart.leave_room(longest);
  std::vector<NamedEnd> ends;
  for (size_t i = 0; i < curves.size(); ++i) {
    if (curves[i].points.empty()) continue;
    const std::string css_class = "line" + std::to_string(i % 6 + 1);
    std::vector<Point> means;
    for (const SizePoint& point : curves[i].points) {
      means.push_back({point.networks, point.mean});
      chart.line({{point.networks, point.mean - point.deviation},
                  {point.networks, point.mean + point.deviation}},
                 css_class);
    }
    chart.line(means, css_class);
    chart.mark(Mark::dot, means, css_class, 3.5);
    ends.push_back({means.back(), curves[i].name, ""});
  }
  chart.name_lines(std::move(ends));
  return chart.svg();
}

}  // namespace metaqnn::report
