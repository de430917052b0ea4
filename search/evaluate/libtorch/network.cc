#include "search/evaluate/libtorch/network.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "metaqnn/base/error.h"
#include "metaqnn/base/random.h"
#include "search/evaluate/libtorch/layers.h"

namespace metaqnn::search {
namespace {

using Kind = Operation::Kind;

// Half precision becomes float32.
at::Tensor widened(const at::Tensor& x) {
  return x.to(c10::promoteTypes(x.scalar_type(), at::kFloat));
}

// A channels-last map flattens to height x width x channels without a copy.
at::Tensor flat_rows(const at::Tensor& x) { return x.permute({0, 2, 3, 1}).flatten(1); }

at::Tensor convolve(const Operation& operation, const at::Tensor& x, const at::Tensor& weight,
                    const at::Tensor& bias) {
  const auto convolved = [&](const at::Tensor& map, const at::Tensor& w, const at::Tensor& b) {
    return at::conv2d(map, w, b, operation.stride, operation.field / 2, 1, operation.groups);
  };
  if (!operation.is_wide_depthwise() || !x.is_cpu()) return convolved(x, weight, bias);
  return convolved(widened(x), widened(weight), widened(bias)).to(x.scalar_type());
}

// Pixels and what was normalised may be below 0 and stay so; of all else ReLU changes nothing.
at::Tensor max_pool(const Operation& operation, const at::Tensor& x) {
  return operation.is_of_no_negative ? relu_max_pool(x, operation.field, operation.stride)
                                     : at::max_pool2d(x, operation.field, operation.stride);
}

at::Tensor mixed_pool(const Operation& operation, const at::Tensor& x, const at::Tensor& weight) {
  const at::Tensor average = at::avg_pool2d(x, operation.field, operation.stride);
  const at::Tensor share = at::sigmoid(widened(weight)).to(x.scalar_type());
  // So that one map is kept for the share's gradient.
  return average + share * (max_pool(operation, x) - average);
}

}  // namespace

int64_t Network::Parameter::size() const {
  int64_t product = 1;
  for (int64_t extent : shape) product *= extent;
  return product;
}

Network::Network(const Architecture& architecture, const Shape& input, bool batch_normalization)
    : operations_(operations_of(architecture, input, batch_normalization)),
      uses_(uses_of(operations_)) {
  for (const Operation& operation : operations_) add_parameters(operation);
  METAQNN_ASSERT(parameters_.size() >= 2, "a network needs its softmax layer");
  for (const Parameter& parameter : parameters_) sizes_.push_back(parameter.size());
}

void Network::add_parameters(const Operation& operation) {
  const int64_t outputs = operation.output.channels;
  switch (operation.kind) {
    case Kind::convolution: {
      const int64_t area = int64_t{operation.field} * operation.field;
      const int64_t inputs = operation.input.channels / operation.groups;
      parameters_.push_back({{outputs, operation.field, operation.field, inputs},
                             area * inputs,
                             area * outputs / operation.groups,
                             0});
      parameters_.push_back({{outputs}, 0, 0, 0});
      break;
    }
    case Kind::linear: {
      const int64_t inputs = operation.input.elements();
      parameters_.push_back({{outputs, inputs}, inputs, outputs, 0});
      parameters_.push_back({{outputs}, 0, 0, 0});
      break;
    }
    case Kind::batch_normalization:
      parameters_.push_back({{outputs}, 0, 0, 1});
      parameters_.push_back({{outputs}, 0, 0, 0});
      normalized_channels_.push_back(outputs);
      break;
    case Kind::mixed_pooling:
      parameters_.push_back({{1}, 0, 0, 0});
      break;
    default:
      break;
  }
}

int64_t Network::parameter_count() const {
  return std::accumulate(sizes_.begin(), sizes_.end(), int64_t{0});
}

int64_t Network::statistic_count() const {
  return 2 * std::accumulate(normalized_channels_.begin(), normalized_channels_.end(), int64_t{0});
}

int64_t Network::shared_parameters(const Network& other) const {
  const size_t most = std::min(parameters_.size(), other.parameters_.size()) - 2;  // without SM
  int64_t count = 0;
  for (size_t i = 0; i < most && parameters_[i].shape == other.parameters_[i].shape; ++i)
    count += sizes_[i];
  return count;
}

at::Tensor Network::initial_parameters(uint64_t seed) const {
  at::Tensor flat = at::empty({parameter_count()}, at::kFloat);
  float* out = flat.data_ptr<float>();
  for (size_t index = 0; index < parameters_.size(); ++index) {
    const Parameter& parameter = parameters_[index];
    Random random = Random::stream(seed, "initial weights", index);
    const double bound =
        parameter.fan_in == 0
            ? 0
            : std::sqrt(6.0 / static_cast<double>(parameter.fan_in + parameter.fan_out));
    for (int64_t i = 0; i < parameter.size(); ++i) {
      *out++ = static_cast<float>(parameter.fan_in == 0 ? parameter.constant
                                                        : bound * (2 * random.uniform() - 1));
    }
  }
  return flat;
}

std::vector<at::Tensor> Network::weights(const at::Tensor& flat, at::ScalarType precision) const {
  std::vector<at::Tensor> views = flat.to(precision).split_with_sizes(sizes_);
  for (size_t i = 0; i < views.size(); ++i) {
    views[i] = views[i].view(parameters_[i].shape);
    if (views[i].dim() == 4) views[i] = views[i].permute({0, 3, 1, 2});
  }
  return views;
}

void Network::reset_running_statistics(const at::TensorOptions& options) {
  running_mean_.clear();
  running_variance_.clear();
  for (int64_t channels : normalized_channels_) {
    running_mean_.push_back(at::zeros({channels}, options));
    running_variance_.push_back(at::ones({channels}, options));
  }
}

at::Tensor Network::running_statistics() const {
  std::vector<at::Tensor> all = running_mean_;
  all.insert(all.end(), running_variance_.begin(), running_variance_.end());
  return all.empty() ? at::empty({0}, at::kFloat) : at::cat(all);
}

void Network::set_running_statistics(const at::Tensor& flat, const at::Device& device) {
  METAQNN_ASSERT(flat.numel() == statistic_count(), std::to_string(flat.numel()) +
                                                        " running statistics for a network of " +
                                                        std::to_string(statistic_count()));
  reset_running_statistics(device);
  int64_t begin = 0;
  for (std::vector<at::Tensor>* part : {&running_mean_, &running_variance_}) {
    for (at::Tensor& values : *part) {
      values.copy_(flat.narrow(0, begin, values.numel()));
      begin += values.numel();
    }
  }
}

at::Tensor Network::forward(const std::vector<at::Tensor>& weights, at::Tensor images,
                            bool training) {
  std::vector<at::Tensor> values{std::move(images)};
  std::vector<int> uses = uses_;
  Pass pass{training, weights.data()};
  for (size_t i = 0; i < operations_.size(); ++i) {
    std::vector<at::Tensor> inputs;
    for (const size_t input : operations_[i].inputs) {
      inputs.push_back(values[input]);
      if (--uses[input] == 0) values[input].reset();  // its memory is free when nobody needs it
    }
    values.push_back(apply(i, std::move(inputs), pass));
  }
  return widened(values.back());
}

at::Tensor Network::apply(size_t index, std::vector<at::Tensor> inputs, Pass& pass) {
  const Operation& operation = operations_[index];
  at::Tensor& x = inputs.front();
  const auto take = [&]() -> const at::Tensor& { return *pass.next++; };
  switch (operation.kind) {
    case Kind::convolution: {
      const at::Tensor &weight = take(), &bias = take();
      return convolve(operation, x, weight, bias);
    }
    case Kind::linear: {
      const at::Tensor &weight = take(), &bias = take();
      return at::linear(x, weight, bias);
    }
    case Kind::batch_normalization: {
      const at::Tensor &scale = take(), &shift = take();
      return normalize(x, scale, shift, pass);
    }
    case Kind::relu:  // in the memory of x, which nothing else takes
      return is_left_to_pooling(operations_, uses_, index) ? x : x.relu_();
    case Kind::max_pooling:
      return max_pool(operation, x);
    case Kind::average_pooling:
      return at::avg_pool2d(x, operation.field, operation.stride);
    case Kind::mixed_pooling:
      return mixed_pool(operation, x, take());
    case Kind::mean:
      return x.mean({2, 3});
    case Kind::flattening:
      return flat_rows(x);
    case Kind::dropout:
      return pass.training ? dropout(x, operation.probability) : x;
    case Kind::addition:
      return inputs[0] + inputs[1];
    case Kind::concatenation:
      return at::cat(inputs, 1);
  }
  fail_assertion(__FILE__, __LINE__, "an operation of no kind");
}

at::Tensor Network::normalize(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& shift,
                              Pass& pass) {
  const size_t i = pass.normalization++;
  // Statistics in float32: a sum over a batch of maps does not fit bfloat16's 8 bits.
  return at::batch_norm(widened(x), widened(scale), widened(shift), running_mean_[i],
                        running_variance_[i], pass.training, 0.1, 1e-5, false)
      .to(x.scalar_type());
}

at::Tensor to_tensor(const std::vector<float>& values) {
  return at::from_blob(const_cast<float*>(values.data()), {static_cast<int64_t>(values.size())},
                       at::kFloat)
      .clone();
}

std::vector<float> to_vector(const at::Tensor& flat) {
  const at::Tensor here = flat.cpu().contiguous();
  return {here.data_ptr<float>(), here.data_ptr<float>() + here.numel()};
}

}  // namespace metaqnn::search
