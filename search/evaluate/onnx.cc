#include "search/evaluate/onnx.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/output_file.h"
#include "datasets/images/padding.h"
#include "metaqnn/base/error.h"
#include "search/evaluate/operations.h"
#include "search/evaluate/protobuf.h"

namespace metaqnn::search {
namespace {

// The fields that are written, by their names and numbers in onnx.proto.
struct ModelProto {
  enum { ir_version = 1, producer_name = 2, producer_version = 3, doc_string = 6, graph = 7 };
  enum { opset_import = 8, metadata_props = 14 };
};
struct OperatorSetIdProto {
  enum { domain = 1, version = 2 };
};
struct StringStringEntryProto {
  enum { key = 1, value = 2 };
};
struct GraphProto {
  enum { node = 1, name = 2, initializer = 5, doc_string = 10, input = 11, output = 12 };
};
struct NodeProto {
  enum { input = 1, output = 2, name = 3, op_type = 4, attribute = 5, doc_string = 6 };
};
struct AttributeProto {
  enum { name = 1, i = 3, ints = 8, type = 20 };
  enum { INT = 2, INTS = 7 };
};
struct TensorProto {
  enum { dims = 1, data_type = 2, name = 8, raw_data = 9 };
  enum { FLOAT = 1, INT64 = 7 };
};
struct ValueInfoProto {
  enum { name = 1, type = 2, doc_string = 3 };
};
struct TypeProto {
  enum { tensor_type = 1 };
  struct Tensor {
    enum { elem_type = 1, shape = 2 };
  };
};
struct TensorShapeProto {
  enum { dim = 1 };
  struct Dimension {
    enum { dim_value = 1, dim_param = 2 };
  };
};

constexpr int kIrVersion = 7, kOpset = 13;
constexpr size_t kMostBytes = std::numeric_limits<int32_t>::max();  // that a message may have

using Extents = std::vector<int64_t>;
using Kind = Operation::Kind;

ProtobufMessage attribute(std::string_view name, int64_t value) {
  return ProtobufMessage()
      .text(AttributeProto::name, name)
      .integer(AttributeProto::i, value)
      .integer(AttributeProto::type, AttributeProto::INT);
}

ProtobufMessage attribute(std::string_view name, const Extents& values) {
  ProtobufMessage message;
  message.text(AttributeProto::name, name);
  for (const int64_t value : values) message.integer(AttributeProto::ints, value);
  return message.integer(AttributeProto::type, AttributeProto::INTS);
}

template <typename Number>
ProtobufMessage tensor(std::string_view name, const Extents& extents,
                       const std::vector<Number>& values) {
  constexpr bool is_float = std::is_same_v<Number, float>;
  static_assert(is_float || std::is_same_v<Number, int64_t>);
  ProtobufMessage message;
  for (const int64_t extent : extents) message.integer(TensorProto::dims, extent);
  return message.integer(TensorProto::data_type, is_float ? TensorProto::FLOAT : TensorProto::INT64)
      .text(TensorProto::name, name)
      .text(TensorProto::raw_data,
            {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(Number)});
}

// n x extents of float32.
ProtobufMessage value_info(std::string_view name, const Extents& extents, std::string_view what) {
  ProtobufMessage shape;
  shape.message(TensorShapeProto::dim,
                ProtobufMessage().text(TensorShapeProto::Dimension::dim_param, "n"));
  for (const int64_t extent : extents) {
    shape.message(TensorShapeProto::dim,
                  ProtobufMessage().integer(TensorShapeProto::Dimension::dim_value, extent));
  }
  const ProtobufMessage type = ProtobufMessage()
                                   .integer(TypeProto::Tensor::elem_type, TensorProto::FLOAT)
                                   .message(TypeProto::Tensor::shape, shape);
  return ProtobufMessage()
      .text(ValueInfoProto::name, name)
      .message(ValueInfoProto::type, ProtobufMessage().message(TypeProto::tensor_type, type))
      .text(ValueInfoProto::doc_string, what);
}

// What every convolution and pooling is told; a convolution also of its padding and groups.
std::vector<ProtobufMessage> window_attributes(int64_t field, int64_t stride) {
  return {attribute("kernel_shape", {field, field}), attribute("strides", {stride, stride})};
}

std::vector<ProtobufMessage> convolution_attributes(int64_t field, int64_t stride,
                                                    int64_t groups = 1) {
  std::vector<ProtobufMessage> attributes = window_attributes(field, stride);
  attributes.push_back(attribute("pads", Extents(4, field / 2)));
  attributes.push_back(attribute("group", groups));
  return attributes;
}

// ---- The window of local contrast normalisation. ----

constexpr int kReach = datasets::kContrastReach, kSide = 2 * kReach + 1;

double gaussian(int offset) {
  constexpr double kDeviation = datasets::kContrastDeviation;
  return std::exp(-offset * offset / (2 * kDeviation * kDeviation));
}

// Over the offsets from `position` that lie within a side.
double sum_within(int position, int side) {
  double sum = 0;
  for (int offset = -kReach; offset <= kReach; ++offset) {
    if (position + offset >= 0 && position + offset < side) sum += gaussian(offset);
  }
  return sum;
}

std::vector<float> repeated(const std::vector<float>& values, int times) {
  std::vector<float> all;
  for (int i = 0; i < times; ++i) all.insert(all.end(), values.begin(), values.end());
  return all;
}

// ---- The graph: one operator after the other. ----

constexpr const char* kImages = "images";
constexpr const char* kProbabilities = "probabilities";

class GraphWriter {
 public:
  explicit GraphWriter(const Checkpoint& checkpoint)
      : checkpoint_(checkpoint),
        operations_(operations_of(parse_architecture(checkpoint.architecture), checkpoint.input,
                                  checkpoint.batch_normalization)),
        parameters_(checkpoint.parameters),
        means_(checkpoint.running_statistics) {
    variances_ = means_.subspan(means_.size() / 2);
    fill_up();
    preprocess();
    results_.push_back(x_);
    for (size_t i = 0; i < operations_.size(); ++i) add(i);
    layer_ = operations_.back().layer;
    apply("Softmax", {results_.back()}, {attribute("axis", 1)});
    add_facts();
  }

  const ProtobufMessage& graph() const { return graph_; }

 private:
  // Adds an operator and returns the name of its result.
  std::string apply(const std::string& op, const std::vector<std::string>& inputs,
                    const std::vector<ProtobufMessage>& attributes = {}) {
    const std::string result =
        op == "Softmax" ? kProbabilities : op + "_" + std::to_string(++operators_);
    ProtobufMessage node;
    for (const std::string& input : inputs) node.text(NodeProto::input, input);
    node.text(NodeProto::output, result).text(NodeProto::name, result).text(NodeProto::op_type, op);
    for (const ProtobufMessage& attribute : attributes)
      node.message(NodeProto::attribute, attribute);
    graph_.message(GraphProto::node, node.text(NodeProto::doc_string, layer_));
    return result;
  }

  template <typename Number>
  std::string constant(const std::string& name, const Extents& extents,
                       const std::vector<Number>& values) {
    graph_.message(GraphProto::initializer, tensor(name, extents, values));
    return name;
  }

  // datasets::pad
  void fill_up() {
    const Shape &image = checkpoint_.image, &input = checkpoint_.input;
    const datasets::Padding rows = datasets::padding_of(image.height, input.height);
    const datasets::Padding columns = datasets::padding_of(image.width, input.width);
    if (image.height != input.height || image.width != input.width) {
      const Extents pads{0, 0, rows.before, columns.before, 0, 0, rows.after, columns.after};
      x_ = apply("Pad", {x_, constant("pads", {8}, pads)});
    }
    if (image.channels != input.channels) {
      const std::vector<std::string> planes(static_cast<size_t>(input.channels), x_);
      x_ = apply("Concat", planes, {attribute("axis", 1)});
    }
  }

  void preprocess() {
    if (checkpoint_.preprocessing == datasets::Preprocessing::local_contrast)
      return normalize_contrast();
    std::vector<float> scale = checkpoint_.normalization.scale;
    for (float& value : scale) value *= 255.0F;
    apply_to_each_pixel("Mul", "scale", scale, 1);
    apply_to_each_pixel("Add", "shift", checkpoint_.normalization.shift, 0);
  }

  // Nothing where all values are `neutral`.
  void apply_to_each_pixel(const std::string& op, const std::string& name,
                           const std::vector<float>& values, float neutral) {
    if (std::ranges::count(values, neutral) == std::ssize(values)) return;
    const Shape& input = checkpoint_.input;
    x_ = apply(op, {x_, constant(name, {1, input.channels, input.height, input.width}, values)});
  }

  // datasets::local_contrast_normalization, with s the sum of the window's weights that lie within
  // the image: v = x - G*x/s = (x*s - G*x)/s and sqrt(G*v^2/s) = sqrt(G*v^2)/sqrt(s). So no
  // convolution is scaled by the pixel, which OpenCV 4.6 would take to be by the channel.
  void normalize_contrast() {
    make_window();
    // A flat plane becomes exactly 0, as in training.
    const std::string corner =
        apply("Slice", {x_, constant("begin", {2}, Extents{0, 0}),
                        constant("end", {2}, Extents{1, 1}), constant("axes", {2}, Extents{2, 3})});
    x_ = apply("Sub", {x_, corner});
    const std::string v =
        apply("Mul", {apply("Sub", {apply("Mul", {x_, "sum"}), add_up(x_)}), "inverse"});
    const std::string deviation =
        apply("Mul", {apply("Sqrt", {add_up(apply("Mul", {v, v}))}), "inverse_root"});
    const std::string smallest = apply("Add", {apply("GlobalAveragePool", {deviation}),
                                               constant("above_0", {}, std::vector{1e-30F})});
    x_ = apply("Div", {v, apply("Max", {deviation, smallest})});
  }

  // The window for each channel, and what has to do with s for each pixel. A rectangle cuts the
  // window into a rectangle, whose sum is a product.
  void make_window() {
    const auto [channels, height, width] = checkpoint_.input;
    std::vector<float> window, sums, inverses, roots;
    for (int y = -kReach; y <= kReach; ++y) {
      for (int x = -kReach; x <= kReach; ++x)
        window.push_back(static_cast<float>(gaussian(y) * gaussian(x)));
    }
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        const double sum = sum_within(y, height) * sum_within(x, width);
        sums.push_back(static_cast<float>(sum));
        inverses.push_back(static_cast<float>(1 / sum));
        roots.push_back(static_cast<float>(1 / std::sqrt(sum)));
      }
    }
    const Extents pixels{1, channels, height, width};
    constant("window", {channels, 1, kSide, kSide}, repeated(window, channels));
    constant("sum", pixels, repeated(sums, channels));
    constant("inverse", pixels, repeated(inverses, channels));
    constant("inverse_root", pixels, repeated(roots, channels));
  }

  // G*x, of each channel by itself.
  std::string add_up(const std::string& x) {
    return apply("Conv", {x, "window"},
                 convolution_attributes(kSide, 1, checkpoint_.input.channels));
  }

  // The next values of a span that is read from its beginning to its end.
  static std::span<const float> take(std::span<const float>& values, size_t count) {
    const std::span<const float> taken = values.first(count);
    values = values.subspan(count);
    return taken;
  }

  void add(size_t index) {
    const Operation& operation = operations_[index];
    layer_ = operation.layer;
    std::vector<std::string> inputs;
    for (const size_t input : operation.inputs) inputs.push_back(results_[input]);
    results_.push_back(result_of(index, inputs));
  }

  // The name of the result.
  std::string result_of(size_t index, const std::vector<std::string>& inputs) {
    const Operation& operation = operations_[index];
    const std::string& x = inputs.front();
    switch (operation.kind) {
      case Kind::convolution:
        return apply_weights(
            "Conv", index, x,
            convolution_attributes(operation.field, operation.stride, operation.groups));
      case Kind::linear:
        return apply_weights("Gemm", index, x, {attribute("transB", 1)});
      case Kind::batch_normalization:
        return index > 0 && is_followed_by_normalization(index - 1) ? x : normalize(operation, x);
      case Kind::relu:
        return apply("Relu", inputs);
      case Kind::max_pooling:
        return pool("MaxPool", operation, x);
      case Kind::average_pooling:
        return pool("AveragePool", operation, x);
      case Kind::mixed_pooling:
        return pool_both(operation, x);
      case Kind::mean:
        return flatten(apply("GlobalAveragePool", inputs));
      case Kind::flattening:
        return flatten(x);
      case Kind::dropout:
        return x;
      case Kind::addition:
        // Not Add, which OpenCV 4.10 makes part of the shortcut's convolution, and then reads the
        // concatenation of a split before it is there.
        return apply("Sum", inputs);
      case Kind::concatenation:
        return apply("Concat", inputs, {attribute("axis", 1)});
    }
    fail_assertion(__FILE__, __LINE__, "an operation of no kind");
  }

  std::string flatten(const std::string& x) {
    return apply("Flatten", {x}, {attribute("axis", 1)});
  }

  std::string pool(const std::string& op, const Operation& operation, const std::string& x) {
    return apply(op, {x}, window_attributes(operation.field, operation.stride));
  }

  std::string pool_both(const Operation& operation, const std::string& x) {
    const double share = 1 / (1 + std::exp(-double{take(parameters_, 1).front()}));
    const auto scaled = [&](const std::string& op, double factor) {
      const std::string name = "share_" + std::to_string(++constants_);
      return apply("Mul", {pool(op, operation, x),
                           constant(name, {}, std::vector{static_cast<float>(factor)})});
    };
    return apply("Add", {scaled("MaxPool", share), scaled("AveragePool", 1 - share)});
  }

  // What follows weights is part of them.
  bool is_followed_by_normalization(size_t index) const {
    const size_t result = index + 1, next = index + 1;
    const Kind kind = operations_[index].kind;
    return (kind == Kind::convolution || kind == Kind::linear) && next < operations_.size() &&
           operations_[next].kind == Kind::batch_normalization &&
           operations_[next].inputs.front() == result;
  }

  // Those of an output lie as height x width x channels (libtorch/network.h), and are wanted as
  // channels x height x width.
  std::string apply_weights(const std::string& op, size_t index, const std::string& x,
                            const std::vector<ProtobufMessage>& attributes) {
    const Operation& operation = operations_[index];
    const bool is_map = operation.kind == Kind::convolution;
    const int outputs = operation.output.channels,
              inputs = operation.input.channels / operation.groups;
    const int height = is_map ? operation.field : operation.input.height,
              width = is_map ? operation.field : operation.input.width;
    const auto count = static_cast<size_t>(outputs), area = static_cast<size_t>(height * width),
               channels = static_cast<size_t>(inputs);
    const std::span<const float> stored = take(parameters_, count * area * channels);
    const std::span<const float> biases = take(parameters_, count);
    std::vector<float> weight(stored.size()), bias(biases.begin(), biases.end());
    for (size_t i = 0; i < stored.size(); ++i) {
      const size_t channel = i % channels, pixel = i / channels % area,
                   output = i / channels / area;
      weight[(output * channels + channel) * area + pixel] = stored[i];
    }
    if (is_followed_by_normalization(index)) normalize(weight, bias);
    const std::string number = std::to_string(++constants_);
    const Extents extents = is_map ? Extents{outputs, inputs, height, width}
                                   : Extents{outputs, operation.input.elements()};
    return apply(op,
                 {x, constant("weight_" + number, extents, weight),
                  constant("bias_" + number, {outputs}, bias)},
                 attributes);
  }

  // What the next batch normalisation does to each channel, with its statistics.
  struct Line {
    double mean, factor, shift;
    double at(double x) const { return (x - mean) * factor + shift; }
  };
  std::vector<Line> next_normalization(size_t channels) {
    constexpr double kEpsilon = 1e-5;  // as in Network::normalize
    const auto scales = take(parameters_, channels), shifts = take(parameters_, channels),
               means = take(means_, channels), variances = take(variances_, channels);
    std::vector<Line> lines;
    for (size_t k = 0; k < channels; ++k)
      lines.push_back({means[k], scales[k] / std::sqrt(variances[k] + kEpsilon), shifts[k]});
    return lines;
  }

  void normalize(std::vector<float>& weight, std::vector<float>& bias) {
    const size_t outputs = bias.size(), inputs = weight.size() / outputs;
    const std::vector<Line> lines = next_normalization(outputs);
    for (size_t k = 0; k < outputs; ++k) {
      bias[k] = static_cast<float>(lines[k].at(bias[k]));
      for (float& value : std::span(weight).subspan(k * inputs, inputs))
        value = static_cast<float>(value * lines[k].factor);
    }
  }

  // One that follows no weights.
  std::string normalize(const Operation& operation, const std::string& x) {
    const int channels = operation.output.channels;
    std::vector<float> factors, summands;
    for (const Line& line : next_normalization(static_cast<size_t>(channels))) {
      factors.push_back(static_cast<float>(line.factor));
      summands.push_back(static_cast<float>(line.at(0)));
    }
    const std::string number = std::to_string(++constants_);
    const Extents extents = operation.is_flat ? Extents{1, channels} : Extents{1, channels, 1, 1};
    const std::string scaled = apply("Mul", {x, constant("factor_" + number, extents, factors)});
    return apply("Add", {scaled, constant("summand_" + number, extents, summands)});
  }

  void add_facts() {
    const Shape& image = checkpoint_.image;
    graph_.text(GraphProto::name, "metaqnn")
        .text(GraphProto::doc_string, checkpoint_.architecture)
        .message(GraphProto::input, value_info(kImages, {image.channels, image.height, image.width},
                                               "pixels from 0 to 1, not normalised"))
        .message(GraphProto::output, value_info(kProbabilities, {checkpoint_.classes},
                                                "of the classes in class_names"));
  }

  const Checkpoint& checkpoint_;
  std::vector<Operation> operations_;
  std::span<const float> parameters_, means_, variances_;  // what is not used yet
  ProtobufMessage graph_;
  std::string x_ = kImages;              // the name of the images, as far as they are prepared
  std::vector<std::string> results_;     // the names of those and of each operation's result
  std::string layer_ = "preprocessing";  // what operators belong to
  int operators_ = 0, constants_ = 0;
};

std::string class_names(const Checkpoint& checkpoint) {
  nlohmann::json names = nlohmann::json::array();
  for (int i = 0; i < checkpoint.classes; ++i) names.push_back(checkpoint.class_name(i));
  return names.dump();
}

}  // namespace

std::string to_onnx(const Checkpoint& checkpoint, const std::string& version) {
  check_network(checkpoint);
  ProtobufMessage model;
  model.integer(ModelProto::ir_version, kIrVersion)
      .text(ModelProto::producer_name, "metaqnn")
      .text(ModelProto::producer_version, version)
      .text(ModelProto::doc_string,
            "An image classifier that metaqnn found. Its metadata names the classes.")
      .message(ModelProto::opset_import, ProtobufMessage()
                                             .text(OperatorSetIdProto::domain, "")
                                             .integer(OperatorSetIdProto::version, kOpset));
  for (const auto& [key, value] :
       {std::pair("class_names", class_names(checkpoint)),
        std::pair("architecture", checkpoint.architecture),
        std::pair("image", to_string(checkpoint.image)), std::pair("data_set", checkpoint.data_set),
        std::pair("fit", to_string(checkpoint.fit))}) {
    model.message(ModelProto::metadata_props, ProtobufMessage()
                                                  .text(StringStringEntryProto::key, key)
                                                  .text(StringStringEntryProto::value, value));
  }
  model.message(ModelProto::graph, GraphWriter(checkpoint).graph());
  if (model.encoded().size() <= kMostBytes) return model.encoded();
  throw UsageError("a network of " + std::to_string(checkpoint.parameters.size()) +
                   " weights is more than an ONNX file holds, 2 GiB; export it as TorchScript");
}

void write_onnx(const Checkpoint& checkpoint, const std::string& version,
                const std::filesystem::path& file) {
  write_file(file, to_onnx(checkpoint, version));
}

}  // namespace metaqnn::search
