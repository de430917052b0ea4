#include "search/evaluate/trained_network.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <numeric>

#include "datasets/images/padding.h"
#include "datasets/images/split.h"
#include "metaqnn/base/error.h"
#include "search/evaluate/libtorch/device_data.h"
#include "search/evaluate/libtorch/libtorch.h"
#include "search/evaluate/libtorch/network.h"
#include "search/evaluate/libtorch/training_run.h"

namespace metaqnn::search {
namespace {

constexpr int64_t kBatchSize = 256;

at::Tensor to_tensor(const std::vector<float>& values, const at::Device& device) {
  return at::tensor(values, at::kFloat).to(device);
}

class TorchTrainedNetwork : public TrainedNetwork {
 public:
  TorchTrainedNetwork(const Checkpoint& checkpoint, const std::string& device, int threads)
      : image_(checkpoint.image),
        input_(checkpoint.input),
        classes_(checkpoint.classes),
        device_(device),
        network_(parse_architecture(checkpoint.architecture), checkpoint.input,
                 checkpoint.batch_normalization),
        normalization_(checkpoint.preprocessing, checkpoint.normalization, checkpoint.input,
                       device_, at::kFloat) {
    prepare_device(device_, threads);
    weights_ = network_.weights(to_tensor(checkpoint.parameters, device_), at::kFloat);
    network_.set_running_statistics(to_tensor(checkpoint.running_statistics, device_), device_);
  }

  Eigen::MatrixXd probabilities(const datasets::ImageSet& images) override {
    if (images.shape != image_) {
      throw UsageError("images of " + to_string(images.shape) + ": the model wants " +
                       to_string(image_));
    }
    at::NoGradGuard no_grad;
    Eigen::MatrixXd all(images.size(), classes_);
    for (int64_t begin = 0; begin < images.size(); begin += kBatchSize) {
      const int64_t count = std::min(kBatchSize, images.size() - begin);
      std::vector<int64_t> numbers(static_cast<size_t>(count));
      std::iota(numbers.begin(), numbers.end(), begin);
      const Images batch =
          normalization_.upload(datasets::pad(datasets::choose(images, numbers), input_));
      const at::Tensor all_of_it = at::arange(count, batch.labels.options());
      const at::Tensor logits =
          network_.forward(weights_, normalization_.gather(batch, all_of_it), false);
      const at::Tensor rows = at::softmax(logits.to(at::kDouble), 1).cpu().contiguous();
      all.middleRows(begin, count) =
          Eigen::Map<const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(
              rows.data_ptr<double>(), count, classes_);
    }
    return all;
  }

 private:
  Shape image_, input_;
  int classes_;
  at::Device device_;
  Network network_;
  DeviceNormalization normalization_;
  std::vector<at::Tensor> weights_;
};

}  // namespace

std::unique_ptr<TrainedNetwork> LibTorch::load_network(const Checkpoint& checkpoint,
                                                       const std::string& device,
                                                       int threads) const {
  check_network(checkpoint);
  return std::make_unique<TorchTrainedNetwork>(checkpoint, device, threads);
}

}  // namespace metaqnn::search
