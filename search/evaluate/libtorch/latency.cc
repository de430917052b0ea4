#include "search/evaluate/libtorch/latency.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <vector>

#include "search/evaluate/libtorch/training_run.h"

namespace metaqnn::search {
namespace {

constexpr double kSeconds = 0.3;  // of pictures that count
constexpr size_t kFewest = 20, kMost = 2000, kWarming = 5;

class OneThread {
 public:
  explicit OneThread(int before) : before_(before) { set_threads(1); }
  ~OneThread() { set_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

}  // namespace

double latency_ms(Network network, const at::Tensor& parameters, const Shape& input,
                  const at::Device& device, int threads) {
  const OneThread one(threads);
  const at::NoGradGuard no_grad;
  network.reset_running_statistics(device);
  const std::vector<at::Tensor> weights = network.weights(parameters.to(device), at::kFloat);
  const at::Tensor picture = at::linspace(-1, 1, input.elements(), at::kFloat)
                                 .reshape({1, input.channels, input.height, input.width})
                                 .to(device)
                                 .contiguous(at::MemoryFormat::ChannelsLast);
  const auto seconds_of_one = [&] {
    const auto start = Clock::now();
    network.forward(weights, picture, false).cpu();  // waits for the device
    return seconds_since(start);
  };
  for (size_t i = 0; i < kWarming; ++i) seconds_of_one();
  std::vector<double> times;
  for (double sum = 0; times.size() < kFewest || (sum < kSeconds && times.size() < kMost);) {
    times.push_back(seconds_of_one());
    sum += times.back();
  }
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  constexpr double kMilliseconds = 1000;
  return kMilliseconds * *middle;
}

}  // namespace metaqnn::search
