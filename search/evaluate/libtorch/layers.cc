#include "search/evaluate/libtorch/layers.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>

#include "metaqnn/base/random.h"
#include "search/evaluate/libtorch/layer_lanes.h"

namespace metaqnn::search {
namespace {

constexpr auto kLayout = at::MemoryFormat::ChannelsLast;

// Are these numbers for the loops of layer_lanes.h?
bool has_lanes(const at::Tensor& x) {
  return x.device().is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16);
}

class ReluMaxPool : public torch::autograd::Function<ReluMaxPool> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            int64_t field, int64_t stride) {
    const at::Tensor map = x.contiguous(kLayout);
    const Windows windows = windows_of(map.sizes(), field, stride, map.scalar_type());
    const std::vector<int64_t> sizes{map.size(0), map.size(1), windows.rows, windows.columns};
    const at::Tensor output = at::empty(sizes, map.options(), kLayout);
    const at::Tensor cells = at::empty(sizes, map.options().dtype(at::kByte), kLayout);
    at::parallel_for(0, map.size(0), 1, [&](int64_t begin, int64_t end) {
      pool(windows, begin, end, map.data_ptr(), output.data_ptr(), cells.data_ptr<uint8_t>());
    });
    context->save_for_backward({cells});
    context->saved_data["map"] = map.sizes().vec();
    context->saved_data["field"] = field;
    context->saved_data["stride"] = stride;
    return output;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const std::vector<int64_t> sizes = context->saved_data["map"].toIntVector();
    const at::Tensor cells = context->get_saved_variables()[0];
    const at::Tensor gradient = gradients[0].contiguous(kLayout);
    const Windows windows =
        windows_of(sizes, context->saved_data["field"].toInt(),
                   context->saved_data["stride"].toInt(), gradient.scalar_type());
    at::Tensor map = at::empty(sizes, gradient.options(), kLayout);
    at::parallel_for(0, sizes[0], 1, [&](int64_t begin, int64_t end) {
      spread(windows, begin, end, gradient.data_ptr(), cells.data_ptr<uint8_t>(), map.data_ptr());
    });
    return {map, at::Tensor(), at::Tensor()};
  }

 private:
  static Windows windows_of(at::IntArrayRef map, int64_t field, int64_t stride,
                            at::ScalarType type) {
    const auto count = [&](int64_t extent) { return (extent - field) / stride + 1; };
    return {map[1],        map[2], map[3], count(map[2]),
            count(map[3]), field,  stride, type == at::kBFloat16};
  }
};

class RandomDropout : public torch::autograd::Function<RandomDropout> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            int64_t threshold) {
    const at::Tensor bytes = random_bytes(x.numel());
    context->save_for_backward({bytes});
    context->saved_data["threshold"] = threshold;
    return drop_some(x, bytes, threshold);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    return {drop_some(gradients[0], context->get_saved_variables()[0],
                      context->saved_data["threshold"].toInt()),
            at::Tensor()};
  }

 private:
  // Seeded by LibTorch's generator, drawn by ours, which is several times faster.
  static at::Tensor random_bytes(int64_t count) {
    at::Tensor words = at::empty({(count + 7) / 8}, at::kLong);
    Random random(static_cast<uint64_t>(at::empty({1}, at::kLong).random_().item<int64_t>()));
    int64_t* out = words.data_ptr<int64_t>();
    for (int64_t i = 0; i < words.numel(); ++i) out[i] = static_cast<int64_t>(random());
    return words.view(at::kByte);
  }

  // In the order of memory, which is channels-last for maps, so that x and its gradient agree.
  static at::Tensor drop_some(const at::Tensor& x, const at::Tensor& bytes, int64_t threshold) {
    const at::Tensor input = x.dim() == 4 ? x.contiguous(kLayout) : x.contiguous();
    at::Tensor output = at::empty_like(input);
    const auto scale = static_cast<float>(256.0 / static_cast<double>(256 - threshold));
    const int64_t width = input.element_size();
    at::parallel_for(0, input.numel(), at::internal::GRAIN_SIZE, [&](int64_t begin, int64_t end) {
      drop(input.scalar_type() == at::kBFloat16, end - begin,
           static_cast<const char*>(input.data_ptr()) + begin * width,
           bytes.data_ptr<uint8_t>() + begin, static_cast<int>(threshold), scale,
           static_cast<char*>(output.data_ptr()) + begin * width);
    });
    return output;
  }
};

}  // namespace

at::Tensor relu_max_pool(const at::Tensor& x, int field, int stride) {
  if (has_lanes(x) && int64_t{field} * field < kNoCell) return ReluMaxPool::apply(x, field, stride);
  return at::max_pool2d(x, field, stride).relu_();
}

at::Tensor dropout(const at::Tensor& x, double probability) {
  if (!has_lanes(x)) return at::dropout(x, probability, true);
  return RandomDropout::apply(x, std::lround(probability * 256));
}

}  // namespace metaqnn::search
