#include "search/evaluate/timing.h"

#include <algorithm>
#include <cmath>

namespace metaqnn::search {
namespace {

constexpr int64_t kSizes = 64, kGrowth = 4;
// Of one image batch normalisation knows no variance.
constexpr int64_t kSmallestBatch = 2;

}  // namespace

BatchTime time_batches(int64_t batch_size, double seconds,
                       const std::function<double(int64_t images, int64_t steps)>& measure) {
  double left = seconds;
  const auto timed = [&](int64_t images, int64_t steps) {
    const double taken = measure(images, steps);
    left -= taken;
    return taken;
  };
  int64_t size = std::min(batch_size, std::max(kSmallestBatch, batch_size / kSizes));
  double step = 0;
  for (;;) {
    timed(size, 1);
    step = timed(size, 1);
    const int64_t next = std::min(batch_size, kGrowth * size);
    const double growth = static_cast<double>(next) / static_cast<double>(size);
    if (size == batch_size || 2 * growth * step > left) break;
    size = next;
  }
  double counted = step;
  int64_t steps = 1;
  for (int64_t wanted = 1;; wanted *= 2) {
    const double room = std::floor(left / (counted / static_cast<double>(steps)));
    if (!(room >= 1)) break;
    const int64_t run = std::min(wanted, static_cast<int64_t>(std::min(room, 1e6)));
    const double taken = timed(size, run);
    const double previous = step;
    step = taken / static_cast<double>(run);
    counted += taken;
    steps += run;
    if (counted >= kSteadySeconds && std::abs(step - previous) <= kSteadyChange * previous) break;
  }
  return {size, counted / static_cast<double>(steps * size)};
}

}  // namespace metaqnn::search
