#include "search/evaluate/training_memory.h"

#include <algorithm>
#include <cmath>

#include "search/evaluate/operations.h"

namespace metaqnn::search {
namespace {

// Resident after LibTorch 1.13 has trained a tiny network on the CPU.
constexpr int64_t kProgramBytes = int64_t{178} << 20;
// What lies unused between blocks that live until the backward pass, and how many outputs of the
// largest layer live beside its input: fitted to measured peaks.
constexpr double kFragmentation = 1.1;
constexpr double kOutputsAtOnce = 1.6;

// Sizes are exact in double up to 2^53 bytes; what is larger than any memory stays so.
int64_t to_bytes(double bytes) {
  constexpr double kMost = 1e18;  // five of them are below 2^63
  return static_cast<int64_t>(std::min(bytes, kMost));
}

using Kind = Operation::Kind;

// Of one image, in bytes.
class BackwardPass {
 public:
  BackwardPass(std::vector<Operation> operations, const TrainingMemorySettings& settings)
      : operations_(std::move(operations)),
        uses_(uses_of(operations_)),
        last_use_(operations_.size() + 1, 0),
        is_kept_(operations_.size() + 1, false),
        width_(settings.bytes_per_activation),
        on_gpu_(settings.on_gpu) {
    for (size_t i = 0; i < operations_.size(); ++i) {
      keep(i);
      for (const size_t input : operations_[i].inputs) last_use_[input] = i;
    }
    is_kept_.back() = true;  // the logits, for the loss
  }

  // What waits for it: the results that operations look at again, and what else they note.
  double saved() const {
    double sum = static_cast<double>(operations_.front().input.elements()) * (4 + width_);
    for (size_t i = 0; i < operations_.size(); ++i)
      sum += noted(operations_[i]) + (is_kept_[i + 1] ? result(i) : 0);
    return sum;
  }

  // The map in hand, its gradient and its inputs', and gradients that wait for operations further
  // ahead, where lists join.
  double workspace() const {
    double most = 0;
    for (size_t i = 0; i < operations_.size(); ++i) {
      if (is_in_place(operations_[i].kind)) continue;
      double gradients = 0;
      for (const size_t input : operations_[i].inputs)
        gradients += where(input) > 0 ? result(input - 1) : 0;  // the images need none
      most = std::max(most, std::floor(kOutputsAtOnce * result(i)) + gradients + waiting(i));
    }
    return most;
  }

 private:
  double result(size_t index) const {
    return static_cast<double>(operations_[index].output.elements()) * width_;
  }

  static bool is_in_place(Kind kind) { return kind == Kind::relu || kind == Kind::flattening; }

  void keep(size_t index) {
    const Operation& operation = operations_[index];
    switch (operation.kind) {
      case Kind::convolution:
      case Kind::linear:
      case Kind::batch_normalization:
      case Kind::average_pooling:
      case Kind::mixed_pooling:
        return keep_input(operation);
      case Kind::max_pooling:
        if (!notes_places(operation)) keep_input(operation);
        if (on_gpu_ && operation.is_of_no_negative) is_kept_[index + 1] = true;  // by its ReLU
        return;
      case Kind::relu:
        if (on_gpu_ || !is_left_to_pooling(operations_, uses_, index)) is_kept_[index + 1] = true;
        return;
      default:
        return;
    }
  }

  void keep_input(const Operation& operation) { is_kept_[where(operation.inputs.front())] = true; }

  // Whose memory a value is in: flattening gives what it takes.
  size_t where(size_t value) const {
    while (value > 0 && operations_[value - 1].kind == Kind::flattening)
      value = operations_[value - 1].inputs.front();
    return value;
  }

  // On the CPU the place of each maximum instead of the input (search/evaluate/libtorch/layers.h).
  bool notes_places(const Operation& operation) const {
    return !on_gpu_ && operation.is_of_no_negative;
  }

  // A copy in float32.
  double widened(double elements) const { return width_ < 4 ? 4 * elements : 0; }

  double noted(const Operation& operation) const {
    const auto inputs = static_cast<double>(operation.input.elements());
    const auto outputs = static_cast<double>(operation.output.elements());
    const double places = notes_places(operation) ? 1 : 8;
    switch (operation.kind) {
      case Kind::max_pooling:
        return outputs * places;
      case Kind::mixed_pooling:
        return outputs * (places + width_);
      case Kind::dropout:
        return outputs;  // what was dropped
      case Kind::convolution:
        return operation.is_wide_depthwise() && !on_gpu_ ? widened(inputs) : 0;
      case Kind::batch_normalization:
        return widened(inputs);
      default:
        return 0;
    }
  }

  // Gradients of earlier results that operations behind this one took too.
  double waiting(size_t index) const {
    double sum = 0;
    for (size_t i = 0; i < index; ++i)
      sum += uses_[i + 1] > 1 && last_use_[i + 1] > index ? result(i) : 0;
    return sum;
  }

  std::vector<Operation> operations_;
  std::vector<int> uses_;
  // Of the images and each result.
  std::vector<size_t> last_use_;
  std::vector<bool> is_kept_;
  double width_;
  bool on_gpu_;
};

}  // namespace

TrainingMemory estimate_training_memory(const Architecture& architecture, const Shape& input,
                                        const TrainingMemorySettings& settings) {
  std::vector<Operation> operations = operations_of(place_dropout(architecture), input, false);
  const double batch = settings.batch_size;
  TrainingMemory memory{};
  memory.program = settings.on_gpu ? 0 : kProgramBytes;
  memory.data = settings.data_bytes;
  // Weights, gradient, two moments; a cast and its gradient at half width.
  const double copies = settings.bytes_per_activation == 4 ? 4 : 5;
  memory.parameters = to_bytes(copies * 4 * static_cast<double>(parameters_of(operations)));
  const BackwardPass backward(std::move(operations), settings);
  memory.activations = to_bytes(kFragmentation * backward.saved() * batch);
  memory.workspace = to_bytes(backward.workspace() * batch);
  return memory;
}

}  // namespace metaqnn::search
