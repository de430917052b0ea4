#include "metaqnn/architecture/shapes.h"

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <limits>

#include "base/foreign_text.h"
#include "metaqnn/base/error.h"

namespace metaqnn {
namespace {

constexpr int kLargestSide = 65536;

int64_t checked_product(std::initializer_list<int64_t> factors) {
  int64_t product = 1;
  for (int64_t factor : factors) {
    if (__builtin_mul_overflow(product, factor, &product))
      throw UsageError(
          "architecture: a layer has more than 2^63 parameters or MACs; make it smaller");
  }
  return product;
}

void checked_add(int64_t& sum, int64_t value) {
  if (__builtin_add_overflow(sum, value, &sum))
    throw UsageError("architecture: it has more than 2^63 parameters or MACs; make it smaller");
}

void check_input(const Shape& input) {
  for (int side : {input.channels, input.height, input.width}) {
    if (side < 1 || side > kLargestSide)
      throw UsageError("input " + to_string(input) + ": its sides are whole numbers from 1 to " +
                       std::to_string(kLargestSide));
  }
}

int least_number(const Layer& layer) {
  return std::visit(Match{[](const Convolution& c) {
                            return std::min({c.filters, c.field, c.stride});
                          },
                          [](const Pooling& p) { return std::min(p.field, p.stride); },
                          [](const FullyConnected& f) { return f.neurons; },
                          [](const GlobalAveragePooling& g) { return g.classes; },
                          [](const Dropout& d) { return std::min(d.index, d.count); },
                          [](const Softmax& s) { return s.classes; },
                          [](const AveragePooling& p) { return std::min(p.field, p.stride); },
                          [](const MixedPooling& p) { return std::min(p.field, p.stride); },
                          [](const DepthwiseConvolution& c) { return std::min(c.field, c.stride); },
                          [](const auto&) { return 1; }},
                    layer);
}

// What a body does to the size, as a shortcut has to do it in one step.
int64_t product_of_strides(const Layers& layers) {
  int64_t product = 1;
  for (const Layer& layer : layers) {
    const int64_t stride =
        std::visit(Match{[](const Convolution& c) { return int64_t{c.stride}; },
                         [](const DepthwiseConvolution& c) { return int64_t{c.stride}; },
                         [](const Pooling& p) { return int64_t{p.stride}; },
                         [](const AveragePooling& p) { return int64_t{p.stride}; },
                         [](const MixedPooling& p) { return int64_t{p.stride}; },
                         [](const Residual& r) { return product_of_strides(r.body); },
                         [](const Split& s) { return product_of_strides(s.branches.front()); },
                         [](const auto&) { return int64_t{1}; }},
                   layer);
    if (__builtin_mul_overflow(product, stride, &product) || product > kLargestSide)
      return kLargestSide;  // leaves one pixel of any input
  }
  return product;
}

// Follows the representation through the layers and adds up the costs.
class Analyser {
 public:
  Analyser(const Architecture& architecture, const Shape& input) : architecture_(architecture) {
    check_input(input);
    result_.input = input;
    shape_ = input;
  }

  Analysis run() {
    result_.layers = follow(architecture_.layers);
    for (const LayerAnalysis& layer : result_.layers) {
      checked_add(result_.parameters, layer.parameters);
      checked_add(result_.macs, layer.macs);
    }
    result_.depth = depth(architecture_);
    return std::move(result_);
  }

 private:
  std::vector<LayerAnalysis> follow(const Layers& layers) {
    if (layers.empty()) impossible("a list needs at least one layer");
    std::vector<LayerAnalysis> analysed;
    for (size_t i = 0; i < layers.size(); ++i) {
      way_.push_back({i, &layers[i]});
      if (least_number(layers[i]) < 1) impossible("its numbers must be 1 or more");
      LayerAnalysis layer{layers[i], {}, 0, 0};
      now_ = &layer;
      std::visit([this](const auto& it) { apply(it); }, layers[i]);
      layer.output = shape_;
      analysed.push_back(std::move(layer));
      way_.pop_back();
    }
    return analysed;
  }

  // At the layer in hand, which is named by its way.
  [[noreturn]] void impossible(const std::string& why) const {
    if (way_.empty()) throw UsageError("architecture: " + why);
    std::string name;
    for (const auto& [index, layer] : way_)
      name += (name.empty() ? "" : ".") + std::to_string(index + 1);
    throw UsageError("architecture, layer " + name + ", " + to_string(*way_.back().layer) + ": " +
                     why);
  }

  void need_map() {
    if (flat_) impossible("there is no map left after FC or GAP; put it before them");
  }

  // Follows a list of the layer in hand from `input`, and adds what it costs to the layer's.
  Shape follow_list(LayerAnalysis& owner, const Layers& list, const Shape& input) {
    shape_ = input;
    way_.push_back({owner.lists.size(), way_.back().layer});
    owner.lists.push_back(follow(list));
    way_.pop_back();
    now_ = &owner;
    if (flat_) impossible("what a list holds needs a map; FC and GAP stand behind it");
    for (const LayerAnalysis& inside : owner.lists.back()) {
      checked_add(owner.parameters, inside.parameters);
      checked_add(owner.macs, inside.macs);
    }
    return shape_;
  }

  // Of maps, `groups` of the input's channels apart.
  void convolve(const Convolution& c, int channels_each) {
    need_map();
    if (c.field % 2 == 0)
      impossible("an even receptive field cannot keep the size; use an odd one");
    const int height = convolution_output(shape_.height, c.field, c.stride);
    const int width = convolution_output(shape_.width, c.field, c.stride);
    const int64_t weights = checked_product({channels_each, c.filters, c.field, c.field});
    checked_add(now_->parameters, weights);
    checked_add(now_->parameters, c.filters);
    checked_add(now_->macs, checked_product({weights, height, width}));
    checked_add(result_.hidden_weights, weights);
    shape_ = {c.filters, height, width};
  }

  void pool(int field, int stride) {
    need_map();
    const int height = pooling_output(shape_.height, field, stride);
    const int width = pooling_output(shape_.width, field, stride);
    if (height < 1 || width < 1)
      impossible("its field is larger than its input of " + to_string(shape_));
    shape_ = {shape_.channels, height, width};
  }

  void connect(int64_t outputs, bool hidden) {
    const int64_t weights = checked_product({shape_.elements(), outputs});
    now_->parameters = weights;
    checked_add(now_->parameters, outputs);
    now_->macs = weights;
    if (hidden) checked_add(result_.hidden_weights, weights);
    shape_ = {static_cast<int>(outputs), 1, 1};
    flat_ = true;
  }

  void apply(const Convolution& c) { convolve(c, shape_.channels); }
  void apply(const DepthwiseConvolution& c) { convolve({shape_.channels, c.field, c.stride}, 1); }
  void apply(const Pooling& p) { pool(p.field, p.stride); }
  void apply(const AveragePooling& p) { pool(p.field, p.stride); }
  void apply(const MixedPooling& p) {
    pool(p.field, p.stride);
    now_->parameters = 1;
  }
  void apply(const BatchNormalization&) { now_->parameters = 2 * int64_t{shape_.channels}; }

  void apply(const Residual& residual) {
    need_map();
    LayerAnalysis& layer = *now_;
    const Shape input = shape_;
    const Shape body = follow_list(layer, residual.body, input);
    if (body == input) return;
    const Convolution shortcut{body.channels, 1,
                               static_cast<int>(product_of_strides(residual.body))};
    shape_ = input;
    convolve(shortcut, input.channels);
    if (shape_ != body) {
      impossible("its body gives " + to_string(body) + " and a shortcut of stride " +
                 std::to_string(shortcut.stride) + " gives " + to_string(shape_) +
                 "; in a body shrink maps by the strides of convolutions");
    }
    layer.shortcut = shortcut;
  }

  void apply(const Split& split) {
    need_map();
    LayerAnalysis& layer = *now_;
    const Shape input = shape_;
    Shape joined{0, 0, 0};
    int64_t channels = 0;
    for (const Layers& branch : split.branches) {
      const Shape output = follow_list(layer, branch, input);
      if (layer.lists.size() == 1) joined = output;
      if (output.height != joined.height || output.width != joined.width) {
        impossible("its branches give " + to_string(joined) + " and " + to_string(output) +
                   "; all must give one height and width");
      }
      channels += output.channels;
    }
    if (channels > std::numeric_limits<int>::max())
      impossible("its branches have more than 2^31 - 1 channels together");
    shape_ = {static_cast<int>(channels), joined.height, joined.width};
  }

  void apply(const FullyConnected& f) { connect(f.neurons, true); }

  void apply(const GlobalAveragePooling& g) {
    need_map();
    const int64_t weights = checked_product({shape_.channels, g.classes});
    now_->parameters = weights;
    checked_add(now_->parameters, g.classes);
    now_->macs = checked_product({weights, shape_.height, shape_.width});
    shape_ = {g.classes, 1, 1};
    flat_ = true;
  }

  void apply(const Dropout&) {}

  void apply(const Softmax& s) { connect(s.classes, false); }

  const Architecture& architecture_;
  Analysis result_;
  Shape shape_{};
  bool flat_ = false;
  // To the layer in hand: indices, and the layer that each is about.
  struct Turn {
    size_t index;
    const Layer* layer;
  };
  std::vector<Turn> way_;
  LayerAnalysis* now_ = nullptr;  // of the layer in hand
};

}  // namespace

Shape parse_shape(std::string_view text) {
  int values[3] = {};
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  for (int i = 0; i < 3; ++i) {
    const auto [next, error] = std::from_chars(at, end, values[i]);
    const bool separated = i == 2 ? next == end : next != end && *next == 'x';
    if (error != std::errc{} || values[i] < 1 || values[i] > kLargestSide || !separated) {
      throw UsageError(
          "shape '" + shown(text) +
          "': expected CHANNELSxHEIGHTxWIDTH, for example 3x32x32, each from 1 to 65536");
    }
    at = next + 1;
  }
  return {values[0], values[1], values[2]};
}

std::string to_string(const Shape& shape) {
  return std::to_string(shape.channels) + "x" + std::to_string(shape.height) + "x" +
         std::to_string(shape.width);
}

Analysis analyse(const Architecture& architecture, const Shape& input) {
  return Analyser(architecture, input).run();
}

int convolution_output(int size, int field, int stride) {
  const int padded = size + 2 * (field / 2) - field;
  return padded < 0 || stride < 1 ? 0 : padded / stride + 1;
}

int pooling_output(int size, int field, int stride) {
  return size < field || stride < 1 ? 0 : (size - field) / stride + 1;
}

}  // namespace metaqnn
