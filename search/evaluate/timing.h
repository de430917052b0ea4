// How long does a device take for one image, when it takes them in batches?
//
// `measure(images, steps)` does so many steps of so many images each, waits for the device and says
// how many seconds that took. It is called with
//
//   1. batches of 1/64, 1/16, 1/4 of `batch_size` and the whole, each size twice: a first time for
//      what happens once, libraries that load and kernels that are chosen, which is not counted;
//      the second time says whether the next size fits the time that is left. The last size that
//      does is the one that counts: a wide network on a slow device would take minutes for a whole
//      batch.
//   2. 1, 2, 4, ... steps of that size, so that a GPU is waited for seldom, until the time is used
//      or the rate is steady: at least kSteadySeconds counted, and the last two of these runs
//      within kSteadyChange of each other.
//
//   BatchTime time = time_batches(128, 10, measure);
//   time.seconds_per_image
//
// Takes about `seconds`, and never less than three calls. Small batches are slower for each image,
// never faster, so where `batch_size` was not reached the figure errs to the slow side.
#pragma once

#include <cstdint>
#include <functional>

namespace metaqnn::search {

constexpr double kSteadySeconds = 1, kSteadyChange = 0.05;

struct BatchTime {
  int64_t batch_size = 0;  // that was timed
  double seconds_per_image = 0;
};

BatchTime time_batches(int64_t batch_size, double seconds,
                       const std::function<double(int64_t images, int64_t steps)>& measure);

}  // namespace metaqnn::search
