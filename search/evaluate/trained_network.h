// What does a trained network say about images?
//
//   auto network = torch_library().load_network(read_finished_checkpoint(file), "cpu", 2);
//   network->probabilities(data.test);   // n x classes; rows sum to 1
#pragma once

#include <Eigen/Core>

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

}  // namespace metaqnn::search
