#include "search/evaluate/libtorch/network.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "metaqnn/base/error.h"
#include "metaqnn/base/random.h"
#include "search/evaluate/libtorch/layers.h"

namespace metaqnn::search {
namespace {

// A channels-last map flattens to height x width x channels without a copy.
at::Tensor flat_rows(const at::Tensor& x) {
  return x.dim() == 4 ? x.permute({0, 2, 3, 1}).flatten(1) : x;
}

}  // namespace

int64_t Network::Parameter::size() const {
  int64_t product = 1;
  for (int64_t extent : shape) product *= extent;
  return product;
}

Network::Network(const Architecture& architecture, const Shape& input, bool batch_normalization)
    : architecture_(architecture), batch_normalization_(batch_normalization) {
  Shape shape = input;
  const Analysis analysis = analyse(architecture, input);
  for (const LayerAnalysis& layer : analysis.layers) {
    const int64_t channels = shape.channels;
    std::visit(
        Match{
            [&](const Convolution& c) {
              const int64_t area = int64_t{c.field} * c.field;
              parameters_.push_back(
                  {{c.filters, c.field, c.field, channels}, area * channels, area * c.filters, 0});
              parameters_.push_back({{c.filters}, 0, 0, 0});
              add_normalization(c.filters);
            },
            [&](const GlobalAveragePooling& g) {
              parameters_.push_back({{g.classes, 1, 1, channels}, channels, g.classes, 0});
              parameters_.push_back({{g.classes}, 0, 0, 0});
              add_normalization(g.classes);
            },
            [&](const FullyConnected& f) {
              add_linear(shape.elements(), f.neurons);
              add_normalization(f.neurons);
            },
            [&](const Softmax& s) { add_linear(shape.elements(), s.classes); }, [](const auto&) {}},
        layer.layer);
    shape = layer.output;
  }
  METAQNN_ASSERT(parameters_.size() >= 2, "a network needs its softmax layer");
  for (const Parameter& parameter : parameters_) sizes_.push_back(parameter.size());
}

void Network::add_linear(int64_t inputs, int64_t outputs) {
  parameters_.push_back({{outputs, inputs}, inputs, outputs, 0});
  parameters_.push_back({{outputs}, 0, 0, 0});
}

void Network::add_normalization(int64_t channels) {
  if (!batch_normalization_) return;
  parameters_.push_back({{channels}, 0, 0, 1});
  parameters_.push_back({{channels}, 0, 0, 0});
  normalized_channels_.push_back(channels);
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

void Network::reset_running_statistics(const at::Device& device) {
  running_mean_.clear();
  running_variance_.clear();
  const auto options = at::TensorOptions().dtype(at::kFloat).device(device);
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

at::Tensor Network::normalize(const at::Tensor& x, const std::vector<at::Tensor>& weights,
                              size_t& next, size_t& norm, bool training) {
  if (!batch_normalization_) return x;
  // Statistics in float32: a sum over a batch of maps does not fit bfloat16's 8 bits.
  const at::Tensor normalized =
      at::batch_norm(x.to(at::kFloat), weights[next].to(at::kFloat),
                     weights[next + 1].to(at::kFloat), running_mean_[norm], running_variance_[norm],
                     training, 0.1, 1e-5, false)
          .to(x.scalar_type());
  next += 2;
  ++norm;
  return normalized;
}

at::Tensor Network::forward(const std::vector<at::Tensor>& weights, at::Tensor x, bool training) {
  size_t next = 0;  // the next weight
  size_t norm = 0;  // the next batch normalisation
  bool is_image = true;
  const auto take = [&]() -> const at::Tensor& {
    is_image = false;
    return weights[next++];
  };
  const auto normalized = [&](const at::Tensor& values) {
    return normalize(values, weights, next, norm, training);
  };
  const std::vector<Layer>& layers = architecture_.layers;
  for (size_t i = 0; i < layers.size(); ++i) {
    std::visit(Match{[&](const Convolution& c) {
                       const at::Tensor& weight = take();
                       const at::Tensor& bias = take();
                       x = normalized(at::conv2d(x, weight, bias, c.stride, c.field / 2));
                       if (!std::holds_alternative<Pooling>(layers[i + 1])) x.relu_();
                     },
                     [&](const Pooling& p) {
                       // Pixels may be below 0 and stay so; ReLU leaves every later input as it is.
                       x = is_image ? at::max_pool2d(x, p.field, p.stride)
                                    : relu_max_pool(x, p.field, p.stride);
                     },
                     [&](const GlobalAveragePooling&) {
                       const at::Tensor& weight = take();
                       const at::Tensor& bias = take();
                       x = normalized(at::conv2d(x, weight, bias)).relu_().mean({2, 3});
                     },
                     [&](const FullyConnected&) {
                       const at::Tensor& weight = take();
                       const at::Tensor& bias = take();
                       x = normalized(at::linear(flat_rows(x), weight, bias)).relu_();
                     },
                     [&](const Dropout& d) {
                       if (training) x = dropout(x, d.probability());
                     },
                     [&](const Softmax&) {
                       const at::Tensor& weight = take();
                       const at::Tensor& bias = take();
                       x = at::linear(flat_rows(x), weight, bias).to(at::kFloat);
                     }},
               layers[i]);
  }
  return x;
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
