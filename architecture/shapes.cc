#include "metaqnn/architecture/shapes.h"

#include <algorithm>
#include <charconv>
#include <initializer_list>

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

[[noreturn]] void impossible(size_t index, const Layer& layer, const std::string& why) {
  throw UsageError("architecture, layer " + std::to_string(index + 1) + ", " + to_string(layer) +
                   ": " + why);
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
                          [](const Softmax& s) { return s.classes; }},
                    layer);
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
    for (index_ = 0; index_ < architecture_.layers.size(); ++index_) {
      layer_ = &architecture_.layers[index_];
      parameters_ = macs_ = 0;
      if (least_number(*layer_) < 1) impossible(index_, *layer_, "its numbers must be 1 or more");
      std::visit([this](const auto& layer) { apply(layer); }, *layer_);
      result_.layers.push_back({*layer_, shape_, parameters_, macs_});
      checked_add(result_.parameters, parameters_);
      checked_add(result_.macs, macs_);
    }
    result_.depth = depth(architecture_);
    return std::move(result_);
  }

 private:
  void need_map() {
    if (flat_)
      impossible(index_, *layer_, "there is no map left after FC or GAP; put it before them");
  }

  void connect(int64_t outputs, bool hidden) {
    const int64_t weights = checked_product({shape_.elements(), outputs});
    parameters_ = weights;
    checked_add(parameters_, outputs);
    macs_ = weights;
    if (hidden) checked_add(result_.hidden_weights, weights);
    shape_ = {static_cast<int>(outputs), 1, 1};
    flat_ = true;
  }

  void apply(const Convolution& c) {
    need_map();
    if (c.field % 2 == 0)
      impossible(index_, *layer_, "an even receptive field cannot keep the size; use an odd one");
    const int height = convolution_output(shape_.height, c.field, c.stride);
    const int width = convolution_output(shape_.width, c.field, c.stride);
    const int64_t weights = checked_product({shape_.channels, c.filters, c.field, c.field});
    parameters_ = weights;
    checked_add(parameters_, c.filters);
    macs_ = checked_product({weights, height, width});
    checked_add(result_.hidden_weights, weights);
    shape_ = {c.filters, height, width};
  }

  void apply(const Pooling& p) {
    need_map();
    const int height = pooling_output(shape_.height, p.field, p.stride);
    const int width = pooling_output(shape_.width, p.field, p.stride);
    if (height < 1 || width < 1)
      impossible(index_, *layer_, "its field is larger than its input of " + to_string(shape_));
    shape_ = {shape_.channels, height, width};
  }

  void apply(const FullyConnected& f) { connect(f.neurons, true); }

  void apply(const GlobalAveragePooling& g) {
    need_map();
    const int64_t weights = checked_product({shape_.channels, g.classes});
    parameters_ = weights;
    checked_add(parameters_, g.classes);
    macs_ = checked_product({weights, shape_.height, shape_.width});
    shape_ = {g.classes, 1, 1};
    flat_ = true;
  }

  void apply(const Dropout&) {}

  void apply(const Softmax& s) { connect(s.classes, false); }

  const Architecture& architecture_;
  Analysis result_;
  Shape shape_{};
  bool flat_ = false;
  size_t index_ = 0;
  const Layer* layer_ = nullptr;
  int64_t parameters_ = 0;
  int64_t macs_ = 0;
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
