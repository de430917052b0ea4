#include "search/evaluate/pooling.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include "search/evaluate/pooling_lanes.h"

namespace metaqnn::search {
namespace {

constexpr auto kLayout = at::MemoryFormat::ChannelsLast;

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

}  // namespace

at::Tensor relu_max_pool(const at::Tensor& x, int field, int stride) {
  const bool in_one_pass = x.device().is_cpu() && int64_t{field} * field < kNoCell &&
                           (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16);
  if (in_one_pass) return ReluMaxPool::apply(x, field, stride);
  return at::max_pool2d(x, field, stride).relu_();
}

}  // namespace metaqnn::search
