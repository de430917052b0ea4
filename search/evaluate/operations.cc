#include "search/evaluate/operations.h"

#include <algorithm>
#include <utility>

namespace metaqnn::search {
namespace {

using Kind = Operation::Kind;

// A result that further operations take.
struct Value {
  size_t number;
  Shape shape;
  bool is_flat, is_never_negative;
};

class Unfolding {
 public:
  explicit Unfolding(bool batch_normalization) : batch_normalization_(batch_normalization) {}

  Value follow(const std::vector<LayerAnalysis>& layers, Value x, bool is_network) {
    for (const LayerAnalysis& layer : layers) {
      if (is_network) name_ = to_string(layer.layer);
      x = std::visit([&](const auto& it) { return apply(it, layer, x); }, layer.layer);
    }
    return x;
  }

  std::vector<Operation> operations;

 private:
  Value add(Operation operation, const std::vector<Value>& inputs, const Shape& output) {
    const Value& first = inputs.front();
    for (const Value& input : inputs) operation.inputs.push_back(input.number);
    operation.input = first.shape;
    operation.output = output;
    operation.layer = name_;
    operation.is_of_no_negative = std::ranges::all_of(inputs, &Value::is_never_negative);
    operation.is_flat =
        first.is_flat || operation.kind == Kind::flattening || operation.kind == Kind::mean;
    operations.push_back(operation);
    return {operations.size(), output, operation.is_flat, is_never_negative(operation)};
  }

  static bool is_never_negative(const Operation& operation) {
    switch (operation.kind) {
      case Kind::relu:
        return true;
      case Kind::convolution:
      case Kind::linear:
      case Kind::batch_normalization:
        return false;
      default:
        return operation.is_of_no_negative;
    }
  }

  Value add(Kind kind, const Value& x, const Shape& output) {
    return add(Operation{.kind = kind}, {x}, output);
  }

  Value pool(Kind kind, int field, int stride, const LayerAnalysis& layer, const Value& x) {
    return add(Operation{.kind = kind, .field = field, .stride = stride}, {x}, layer.output);
  }

  // With the network's normalisation, if it has one.
  Value convolve(const Convolution& c, int groups, const Value& x) {
    const Shape output{c.filters, convolution_output(x.shape.height, c.field, c.stride),
                       convolution_output(x.shape.width, c.field, c.stride)};
    return normalize(add(
        Operation{
            .kind = Kind::convolution, .field = c.field, .stride = c.stride, .groups = groups},
        {x}, output));
  }

  Value normalize(const Value& x) {
    return batch_normalization_ ? add(Kind::batch_normalization, x, x.shape) : x;
  }

  Value rectify(const Value& x) { return add(Kind::relu, x, x.shape); }

  Value connect(int outputs, const Value& x) {
    const Value row = x.is_flat ? x : add(Kind::flattening, x, x.shape);
    return add(Kind::linear, row, {outputs, 1, 1});
  }

  Value apply(const Convolution& c, const LayerAnalysis&, const Value& x) {
    return rectify(convolve(c, 1, x));
  }
  Value apply(const DepthwiseConvolution& c, const LayerAnalysis&, const Value& x) {
    return rectify(convolve({x.shape.channels, c.field, c.stride}, x.shape.channels, x));
  }
  Value apply(const Pooling& p, const LayerAnalysis& layer, const Value& x) {
    return pool(Kind::max_pooling, p.field, p.stride, layer, x);
  }
  Value apply(const AveragePooling& p, const LayerAnalysis& layer, const Value& x) {
    return pool(Kind::average_pooling, p.field, p.stride, layer, x);
  }
  Value apply(const MixedPooling& p, const LayerAnalysis& layer, const Value& x) {
    return pool(Kind::mixed_pooling, p.field, p.stride, layer, x);
  }
  Value apply(const BatchNormalization&, const LayerAnalysis&, const Value& x) {
    return add(Kind::batch_normalization, x, x.shape);
  }
  Value apply(const GlobalAveragePooling& g, const LayerAnalysis& layer, const Value& x) {
    return add(Kind::mean, rectify(convolve({g.classes, 1, 1}, 1, x)), layer.output);
  }
  Value apply(const FullyConnected& f, const LayerAnalysis&, const Value& x) {
    return rectify(normalize(connect(f.neurons, x)));
  }
  Value apply(const Softmax& s, const LayerAnalysis&, const Value& x) {
    return connect(s.classes, x);
  }
  Value apply(const Dropout& d, const LayerAnalysis&, const Value& x) {
    return add(Operation{.kind = Kind::dropout, .probability = d.probability()}, {x}, x.shape);
  }

  Value apply(const Residual&, const LayerAnalysis& layer, const Value& x) {
    const Value body = follow(layer.lists.front(), x, false);
    const Value shortcut = layer.shortcut ? convolve(*layer.shortcut, 1, x) : x;
    return rectify(add(Operation{.kind = Kind::addition}, {body, shortcut}, layer.output));
  }

  Value apply(const Split&, const LayerAnalysis& layer, const Value& x) {
    std::vector<Value> branches;
    for (const std::vector<LayerAnalysis>& branch : layer.lists)
      branches.push_back(follow(branch, x, false));
    return add(Operation{.kind = Kind::concatenation}, branches, layer.output);
  }

  bool batch_normalization_;
  std::string name_;
};

}  // namespace

int64_t Operation::weights() const {
  if (kind == Kind::linear) return input.elements() * output.channels;
  if (kind != Kind::convolution) return 0;
  return int64_t{field} * field * (input.channels / groups) * output.channels;
}

int64_t Operation::parameters() const {
  switch (kind) {
    case Kind::convolution:
    case Kind::linear:
      return weights() + output.channels;
    case Kind::batch_normalization:
      return 2 * int64_t{output.channels};
    case Kind::mixed_pooling:
      return 1;
    default:
      return 0;
  }
}

std::vector<Operation> operations_of(const Architecture& architecture, const Shape& input,
                                     bool batch_normalization) {
  Unfolding unfolding(batch_normalization);
  unfolding.follow(analyse(architecture, input).layers, {0, input, false, false}, true);
  return std::move(unfolding.operations);
}

std::vector<int> uses_of(const std::vector<Operation>& operations) {
  std::vector<int> uses(operations.size() + 1, 0);
  for (const Operation& operation : operations) {
    for (const size_t input : operation.inputs) ++uses[input];
  }
  return uses;
}

bool is_left_to_pooling(const std::vector<Operation>& operations, const std::vector<int>& uses,
                        size_t index) {
  const size_t result = index + 1, next = index + 1;
  return operations[index].kind == Kind::relu && uses[result] == 1 && next < operations.size() &&
         operations[next].kind == Kind::max_pooling && operations[next].inputs.front() == result;
}

int64_t parameters_of(const std::vector<Operation>& operations) {
  int64_t sum = 0;
  for (const Operation& operation : operations) sum += operation.parameters();
  return sum;
}

int64_t normalized_channels(const std::vector<Operation>& operations) {
  int64_t sum = 0;
  for (const Operation& operation : operations) {
    if (operation.kind == Kind::batch_normalization) sum += operation.output.channels;
  }
  return sum;
}

}  // namespace metaqnn::search
