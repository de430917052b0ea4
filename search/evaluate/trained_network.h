// What does a trained network say about images?
//
//   auto network = load_network(read_finished_checkpoint("trial-42.checkpoint"), "cpu", 2);
//   network->probabilities(data.test);   // n x classes; rows sum to 1
#pragma once

#include <Eigen/Core>
#include <filesystem>
#include <memory>
#include <string>

#include "datasets/images/image_set.h"
#include "search/evaluate/checkpoint.h"

namespace metaqnn::search {

class TrainedNetwork {
 public:
  virtual ~TrainedNetwork() = default;
  // Softmax outputs, n x classes. The images have the checkpoint's `image` shape; they are padded
  // and preprocessed as in training, and the network computes in float32. Throws UsageError for
  // another shape.
  virtual Eigen::MatrixXd probabilities(const datasets::ImageSet& images) = 0;
};

// `device`: one of resolve_devices(). Throws what check_network() throws.
std::unique_ptr<TrainedNetwork> load_network(const Checkpoint& checkpoint,
                                             const std::string& device, int threads);

// Writes a TorchScript file that any LibTorch or PyTorch of at least this one's version loads with
// torch.jit.load:
//
//   forward(images: n x channels x height x width, floating point, 0 to 1) -> n x classes, float32
//
// The shape is the checkpoint's `image`; padding and preprocessing are inside, and the outputs are
// probabilities. Attributes: `class_names`, `architecture`, `image`, `data_set`. Its tensors are
// buffers, so that module.to(device) moves it. Throws what check_network() throws, and what
// write_file() does (architecture/output_file.h) where it cannot be written.
void export_torchscript(const Checkpoint& checkpoint, const std::filesystem::path& file);

}  // namespace metaqnn::search
