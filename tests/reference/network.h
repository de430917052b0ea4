// A convolutional network computed the obvious way: loops over plain arrays in double precision,
// one image at a time. Slow, and there to be right: the twin of
// search/evaluate/libtorch/network.cc.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "metaqnn/architecture/architecture.h"
#include "metaqnn/architecture/shapes.h"

namespace metaqnn::reference {

struct Map {
  int channels, height, width;
  std::vector<double> values;  // channels x height x width

  double& at(int c, int y, int x) {
    return values[static_cast<size_t>((c * height + y) * width + x)];
  }
  double at(int c, int y, int x) const {
    return values[static_cast<size_t>((c * height + y) * width + x)];
  }
};

inline Map make_map(int channels, int height, int width) {
  return {channels, height, width,
          std::vector<double>(static_cast<size_t>(channels * height * width), 0.0)};
}

// Takes numbers from the flat parameters one after another, in the order in which the network keeps
// them.
class Parameters {
 public:
  explicit Parameters(std::vector<double> values) : values_(std::move(values)) {}
  double next() { return values_[position_++]; }
  bool at_end() const { return position_ == values_.size(); }

 private:
  std::vector<double> values_;
  size_t position_ = 0;
};

// Weights lie as output x field x field x input, then the biases.
inline Map convolve(const Map& in, int filters, int field, int stride, Parameters& parameters) {
  const int pad = field / 2;
  const int height = convolution_output(in.height, field, stride);
  const int width = convolution_output(in.width, field, stride);
  Map out = make_map(filters, height, width);
  for (int o = 0; o < filters; ++o)
    for (int fy = 0; fy < field; ++fy)
      for (int fx = 0; fx < field; ++fx)
        for (int i = 0; i < in.channels; ++i) {
          const double weight = parameters.next();
          for (int y = 0; y < height; ++y)
            for (int x = 0; x < width; ++x) {
              const int sy = y * stride + fy - pad, sx = x * stride + fx - pad;
              if (sy >= 0 && sy < in.height && sx >= 0 && sx < in.width)
                out.at(o, y, x) += weight * in.at(i, sy, sx);
            }
        }
  for (int o = 0; o < filters; ++o) {
    const double bias = parameters.next();
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x) out.at(o, y, x) += bias;
  }
  return out;
}

// Each channel by itself.
inline Map convolve_each(const Map& in, int field, int stride, Parameters& parameters) {
  const int pad = field / 2;
  Map out = make_map(in.channels, convolution_output(in.height, field, stride),
                     convolution_output(in.width, field, stride));
  for (int c = 0; c < in.channels; ++c)
    for (int fy = 0; fy < field; ++fy)
      for (int fx = 0; fx < field; ++fx) {
        const double weight = parameters.next();
        for (int y = 0; y < out.height; ++y)
          for (int x = 0; x < out.width; ++x) {
            const int sy = y * stride + fy - pad, sx = x * stride + fx - pad;
            if (sy >= 0 && sy < in.height && sx >= 0 && sx < in.width)
              out.at(c, y, x) += weight * in.at(c, sy, sx);
          }
      }
  for (int c = 0; c < out.channels; ++c) {
    const double bias = parameters.next();
    for (int y = 0; y < out.height; ++y)
      for (int x = 0; x < out.width; ++x) out.at(c, y, x) += bias;
  }
  return out;
}

inline Map pool(const Map& in, int field, int stride) {
  Map out = make_map(in.channels, pooling_output(in.height, field, stride),
                     pooling_output(in.width, field, stride));
  for (int c = 0; c < in.channels; ++c)
    for (int y = 0; y < out.height; ++y)
      for (int x = 0; x < out.width; ++x) {
        double best = -std::numeric_limits<double>::infinity();
        for (int fy = 0; fy < field; ++fy)
          for (int fx = 0; fx < field; ++fx)
            best = std::max(best, in.at(c, y * stride + fy, x * stride + fx));
        out.at(c, y, x) = best;
      }
  return out;
}

inline Map average_pool(const Map& in, int field, int stride) {
  Map out = make_map(in.channels, pooling_output(in.height, field, stride),
                     pooling_output(in.width, field, stride));
  for (int c = 0; c < in.channels; ++c)
    for (int y = 0; y < out.height; ++y)
      for (int x = 0; x < out.width; ++x)
        for (int fy = 0; fy < field; ++fy)
          for (int fx = 0; fx < field; ++fx)
            out.at(c, y, x) += in.at(c, y * stride + fy, x * stride + fx) / (field * field);
  return out;
}

inline Map mixed_pool(const Map& in, int field, int stride, Parameters& parameters) {
  const double share = 1 / (1 + std::exp(-parameters.next()));
  Map out = pool(in, field, stride);
  const Map averages = average_pool(in, field, stride);
  for (size_t i = 0; i < out.values.size(); ++i)
    out.values[i] = share * out.values[i] + (1 - share) * averages.values[i];
  return out;
}

// With mean 0 and variance 1.
inline void normalize(Map& map, Parameters& parameters) {
  for (const bool is_scale : {true, false})
    for (int c = 0; c < map.channels; ++c) {
      const double parameter = parameters.next();
      for (int y = 0; y < map.height; ++y)
        for (int x = 0; x < map.width; ++x) {
          double& value = map.at(c, y, x);
          value = is_scale ? value / std::sqrt(1 + 1e-5) * parameter : value + parameter;
        }
    }
}

// The input is flattened as height x width x channels.
inline Map connect(const Map& in, int outputs, Parameters& parameters) {
  Map out = make_map(outputs, 1, 1);
  for (int o = 0; o < outputs; ++o)
    for (int y = 0; y < in.height; ++y)
      for (int x = 0; x < in.width; ++x)
        for (int c = 0; c < in.channels; ++c) out.at(o, 0, 0) += parameters.next() * in.at(c, y, x);
  for (int o = 0; o < outputs; ++o) out.at(o, 0, 0) += parameters.next();
  return out;
}

inline void rectify(Map& map) {
  for (double& value : map.values) value = std::max(value, 0.0);
}

inline Map average(const Map& in) {
  Map out = make_map(in.channels, 1, 1);
  for (int c = 0; c < in.channels; ++c)
    for (int y = 0; y < in.height; ++y)
      for (int x = 0; x < in.width; ++x) out.at(c, 0, 0) += in.at(c, y, x) / (in.height * in.width);
  return out;
}

inline Map follow(const std::vector<LayerAnalysis>& layers, Map map, Parameters& parameters);

inline Map add(const LayerAnalysis& residual, const Map& in, Parameters& parameters) {
  Map out = follow(residual.lists[0], in, parameters);
  const Map shortcut = residual.shortcut ? convolve(in, residual.shortcut->filters, 1,
                                                    residual.shortcut->stride, parameters)
                                         : in;
  for (size_t i = 0; i < out.values.size(); ++i) out.values[i] += shortcut.values[i];
  return out;
}

inline Map join(const LayerAnalysis& split, const Map& in, Parameters& parameters) {
  Map out = make_map(split.output.channels, split.output.height, split.output.width);
  out.values.clear();
  for (const std::vector<LayerAnalysis>& branch : split.lists) {
    const Map map = follow(branch, in, parameters);
    out.values.insert(out.values.end(), map.values.begin(), map.values.end());
  }
  return out;
}

inline Map follow(const std::vector<LayerAnalysis>& layers, Map map, Parameters& parameters) {
  for (const LayerAnalysis& layer : layers) {
    std::visit(
        Match{[&](const Convolution& c) {
                map = convolve(map, c.filters, c.field, c.stride, parameters);
                rectify(map);
              },
              [&](const DepthwiseConvolution& c) {
                map = convolve_each(map, c.field, c.stride, parameters);
                rectify(map);
              },
              [&](const Pooling& p) { map = pool(map, p.field, p.stride); },
              [&](const AveragePooling& p) { map = average_pool(map, p.field, p.stride); },
              [&](const MixedPooling& p) { map = mixed_pool(map, p.field, p.stride, parameters); },
              [&](const BatchNormalization&) { normalize(map, parameters); },
              [&](const FullyConnected& f) {
                map = connect(map, f.neurons, parameters);
                rectify(map);
              },
              [&](const GlobalAveragePooling& g) {
                map = convolve(map, g.classes, 1, 1, parameters);
                rectify(map);
                map = average(map);
              },
              [&](const Residual&) {
                map = add(layer, map, parameters);
                rectify(map);
              },
              [&](const Split&) { map = join(layer, map, parameters); }, [](const Dropout&) {},
              [&](const Softmax& s) { map = connect(map, s.classes, parameters); }},
        layer.layer);
  }
  return map;
}

// Logits of one image, without dropout and the setting of batch normalisation.
inline std::vector<double> forward(const Architecture& architecture, Map map,
                                   Parameters& parameters) {
  const Shape input{map.channels, map.height, map.width};
  return follow(analyse(architecture, input).layers, std::move(map), parameters).values;
}

}  // namespace metaqnn::reference
