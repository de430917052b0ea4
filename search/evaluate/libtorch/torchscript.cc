// Writes a network as TorchScript: its operations become lines of a `forward` that LibTorch compiles,
// its weights buffers of the module.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/script.h>

#include <sstream>

#include "base/output_file.h"
#include "datasets/images/padding.h"
#include "search/evaluate/libtorch/libtorch.h"
#include "search/evaluate/libtorch/network.h"
#include "search/evaluate/trained_network.h"

namespace metaqnn::search {
namespace {

class ScriptWriter {
 public:
  explicit ScriptWriter(const Checkpoint& checkpoint)
      : checkpoint_(checkpoint), module_("metaqnn"), weights_(weights_of(checkpoint)) {
    split_statistics();
    check_images();
    fill_up();
    preprocess();
    for (const Operation& operation :
         operations_of(parse_architecture(checkpoint.architecture), checkpoint.input,
                       checkpoint.batch_normalization))
      add(operation);
    line("return torch.softmax(" + results_.back() + ", 1)");
    add_facts();
    module_.define("def forward(self, images):\n" + code_);
    module_.eval();
  }

  const torch::jit::Module& module() const { return module_; }

 private:
  static std::vector<at::Tensor> weights_of(const Checkpoint& checkpoint) {
    return Network(parse_architecture(checkpoint.architecture), checkpoint.input,
                   checkpoint.batch_normalization)
        .weights(to_tensor(checkpoint.parameters), at::kFloat);
  }

  void line(const std::string& text) { code_ += "    " + text + "\n"; }

  // The buffer's name in the code.
  std::string buffer(const std::string& name, const at::Tensor& values) {
    module_.register_buffer(name, values.detach().clone());
    return "self." + name;
  }

  std::string next_weight() {
    const std::string name = fmt::format("weight_{}", next_);
    return buffer(name, weights_.at(next_++).contiguous());
  }

  void split_statistics() {
    const at::Tensor all = to_tensor(checkpoint_.running_statistics);
    means_ = all.narrow(0, 0, all.numel() / 2);
    variances_ = all.narrow(0, all.numel() / 2, all.numel() / 2);
  }

  // What comes in wrong is told, not classified.
  void check_images() {
    const Shape& image = checkpoint_.image;
    line("assert images.is_floating_point(), 'expected floating-point pixels from 0 to 1'");
    line(fmt::format(
        "assert images.dim() == 4 and images.size(1) == {} and images.size(2) == {} and "
        "images.size(3) == {}, 'expected images of n x {} x {} x {}'",
        image.channels, image.height, image.width, image.channels, image.height, image.width));
    line("x = images.float()");
  }

  void fill_up() {
    const Shape &image = checkpoint_.image, &input = checkpoint_.input;
    if (image == input) return;
    const datasets::Padding rows = datasets::padding_of(image.height, input.height);
    const datasets::Padding columns = datasets::padding_of(image.width, input.width);
    line(fmt::format("x = torch.constant_pad_nd(x, [{}, {}, {}, {}], 0)", columns.before,
                     columns.after, rows.before, rows.after));
    if (image.channels != input.channels)
      line(fmt::format("x = x.repeat([1, {}, 1, 1])", input.channels));
  }

  void preprocess() {
    if (checkpoint_.preprocessing == datasets::Preprocessing::local_contrast)
      return normalize_contrast();
    const Shape& input = checkpoint_.input;
    const std::vector<int64_t> extents{1, input.channels, input.height, input.width};
    const std::string scale =
        buffer("scale", to_tensor(checkpoint_.normalization.scale).view(extents));
    const std::string shift =
        buffer("shift", to_tensor(checkpoint_.normalization.shift).view(extents));
    line(fmt::format("x = x * 255.0 * {} + {}", scale, shift));
  }

  // datasets::local_contrast_normalization, of each plane by itself.
  void normalize_contrast() {
    const Shape& input = checkpoint_.input;
    constexpr int kReach = datasets::kContrastReach;
    const at::Tensor offsets = at::arange(-kReach, kReach + 1, at::kFloat);
    const at::Tensor side = at::exp(
        -offsets * offsets / (2 * datasets::kContrastDeviation * datasets::kContrastDeviation));
    const at::Tensor window = at::ger(side, side).view({1, 1, 2 * kReach + 1, 2 * kReach + 1});
    const at::Tensor ones = at::ones({1, 1, input.height, input.width});
    const std::string g = buffer("window", window);
    const std::string sum = buffer("window_sum", at::conv2d(ones, window, {}, 1, kReach));
    const auto blurred = [&](const std::string& x) {
      return fmt::format("torch.conv2d({}, {}, None, [1, 1], [{}, {}]) / {}", x, g, kReach, kReach,
                         sum);
    };
    line(fmt::format("x = x.reshape([-1, 1, {}, {}])", input.height, input.width));
    line("x = x - x[:, :, 0:1, 0:1]");  // a flat plane becomes exactly 0, as in training
    line("x = x - " + blurred("x"));
    line("deviation = torch.sqrt(" + blurred("x * x") + ")");
    line("smallest = torch.clamp(torch.mean(deviation, [2, 3], True), 1e-30)");
    line("x = x / torch.maximum(deviation, smallest)");
    line(fmt::format("x = x.reshape([-1, {}, {}, {}])", input.channels, input.height, input.width));
  }

  // A line for each, whose result has a name of its own, unless it is its input.
  void add(const Operation& operation) {
    std::vector<std::string> inputs;
    for (const size_t input : operation.inputs) inputs.push_back(results_[input]);
    const std::string expression = expression_of(operation, inputs);
    if (expression == inputs.front()) return results_.push_back(expression);
    results_.push_back(fmt::format("x_{}", results_.size()));
    line(results_.back() + " = " + expression);
  }

  std::string expression_of(const Operation& operation, const std::vector<std::string>& inputs) {
    const std::string& x = inputs.front();
    switch (operation.kind) {
      case Operation::Kind::convolution: {
        const std::string weight = next_weight(), bias = next_weight();
        const int padding = operation.field / 2;
        return fmt::format("torch.conv2d({}, {}, {}, [{}, {}], [{}, {}], [1, 1], {})", x, weight,
                           bias, operation.stride, operation.stride, padding, padding,
                           operation.groups);
      }
      case Operation::Kind::linear: {
        const std::string weight = next_weight(), bias = next_weight();
        return fmt::format("torch.linear({}, {}, {})", x, weight, bias);
      }
      case Operation::Kind::batch_normalization:
        return normalized(x, operation.output.channels);
      case Operation::Kind::relu:
        return fmt::format("torch.relu({})", x);
      case Operation::Kind::max_pooling:
        return pooled("max", x, operation);
      case Operation::Kind::average_pooling:
        return pooled("avg", x, operation);
      case Operation::Kind::mixed_pooling:
        return fmt::format("torch.lerp({}, {}, {})", pooled("avg", x, operation),
                           pooled("max", x, operation), "torch.sigmoid(" + next_weight() + ")");
      case Operation::Kind::mean:
        return fmt::format("torch.mean({}, [2, 3])", x);
      case Operation::Kind::flattening:  // in the order in which Network flattens
        return fmt::format("torch.flatten({}.permute([0, 2, 3, 1]), 1)", x);
      case Operation::Kind::dropout:
        return x;
      case Operation::Kind::addition:
        return fmt::format("{} + {}", inputs[0], inputs[1]);
      case Operation::Kind::concatenation:
        return fmt::format("torch.cat([{}], 1)", fmt::join(inputs, ", "));
    }
    fail_assertion(__FILE__, __LINE__, "an operation of no kind");
  }

  std::string normalized(const std::string& x, int64_t channels) {
    const std::string scale = next_weight(), shift = next_weight();
    const std::string mean =
        buffer(fmt::format("mean_{}", next_), means_.narrow(0, statistic_, channels));
    const std::string variance =
        buffer(fmt::format("variance_{}", next_), variances_.narrow(0, statistic_, channels));
    statistic_ += channels;
    return fmt::format("torch.batch_norm({}, {}, {}, {}, {}, False, 0.1, 1e-5, False)", x, scale,
                       shift, mean, variance);
  }

  static std::string pooled(const std::string& how, const std::string& x,
                            const Operation& operation) {
    return fmt::format("torch.{}_pool2d({}, [{}, {}], [{}, {}])", how, x, operation.field,
                       operation.field, operation.stride, operation.stride);
  }

  void add_facts() {
    c10::List<std::string> names;
    for (int i = 0; i < checkpoint_.classes; ++i) names.push_back(checkpoint_.class_name(i));
    module_.register_attribute("class_names", c10::ListType::ofStrings(), names);
    module_.register_attribute("architecture", c10::StringType::get(), checkpoint_.architecture);
    module_.register_attribute("image", c10::StringType::get(), to_string(checkpoint_.image));
    module_.register_attribute("data_set", c10::StringType::get(), checkpoint_.data_set);
  }

  const Checkpoint& checkpoint_;
  torch::jit::Module module_;
  std::vector<at::Tensor> weights_;
  at::Tensor means_, variances_;
  std::string code_;
  size_t next_ = 0;                        // the next weight
  int64_t statistic_ = 0;                  // the next running mean and variance
  std::vector<std::string> results_{"x"};  // what the images and each result are called
};

}  // namespace

void LibTorch::export_torchscript(const Checkpoint& checkpoint,
                                  const std::filesystem::path& file) const {
  check_network(checkpoint);
  std::ostringstream archive;
  ScriptWriter(checkpoint).module().save(archive);
  write_file(file, archive.view());
}

}  // namespace metaqnn::search
