// How does an architecture become a network that LibTorch can train? Included by .cc files of
// search/evaluate alone: ATen takes half a minute to compile.
//
// All trainable numbers live in one flat float32 tensor. A step casts it once to the precision of
// the layers and splits it into views, so that mixed precision costs one cast forward and one back,
// whatever the number of layers, and the optimizer updates one tensor. Autocast would cast layer by
// layer and keep a cache of casts that goes stale when the flat tensor is updated in place. As with
// autocast, the loss is float32 and the last linear layer is not.
//
// Convolution weights lie in the flat tensor as output x field x field x input, which is
// channels-last: the layout in which images arrive and activations stay. The order of parameters is
// that of search/evaluate/operations.h.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "metaqnn/architecture/architecture.h"
#include "metaqnn/architecture/shapes.h"
#include "search/evaluate/operations.h"

namespace metaqnn::search {

class Network {
 public:
  // `architecture` with its dropout where it shall be (place_dropout).
  Network(const Architecture& architecture, const Shape& input, bool batch_normalization);

  // Xavier (Glorot, Bengio, 2010): weights uniform in +-sqrt(6/(fan in + fan out)), biases 0; mixed
  // pooling the even mean. Flat, float32, on the CPU; a function of the seed.
  at::Tensor initial_parameters(uint64_t seed) const;

  // Views of the flat parameters, cast to `precision`.
  std::vector<at::Tensor> weights(const at::Tensor& flat, at::ScalarType precision) const;

  // Logits, n x classes, float32 (float64 of float64, for tests). `images`: n x channels x height x width of `precision`,
  // channels-last. With `training`, dropout is active and batch statistics are used and kept in
  // `running`.
  at::Tensor forward(const std::vector<at::Tensor>& weights, at::Tensor images, bool training);

  // Running means and variances of batch normalisation, empty without it. Flat: all means, then all
  // variances. The options are a device, or also a type other than float32.
  void reset_running_statistics(const at::TensorOptions& options);
  at::Tensor running_statistics() const;
  void set_running_statistics(const at::Tensor& flat, const at::Device& device);

  // How many trainable numbers there are, and numbers in running_statistics().
  int64_t parameter_count() const;
  int64_t statistic_count() const;

  // How many of the first parameters have the same meaning in `other`: those of the layers before
  // the first that differs, the softmax layer never among them.
  int64_t shared_parameters(const Network& other) const;

 private:
  struct Parameter {
    std::vector<int64_t> shape;  // as it lies in the flat tensor
    int64_t fan_in, fan_out;     // 0 for biases and for batch normalisation
    double constant;             // initial value where fan_in is 0
    int64_t size() const;
  };

  // What forward() comes to, operation by operation.
  struct Pass {
    bool training;
    const at::Tensor* next;    // the next weight
    size_t normalization = 0;  // the next batch normalisation
  };

  void add_parameters(const Operation& operation);
  at::Tensor apply(size_t index, std::vector<at::Tensor> inputs, Pass& pass);
  at::Tensor normalize(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& shift,
                       Pass& pass);

  std::vector<Operation> operations_;
  std::vector<int> uses_;  // of the images and of each result
  std::vector<Parameter> parameters_;
  std::vector<int64_t> sizes_;  // of the parameters
  std::vector<int64_t> normalized_channels_;
  std::vector<at::Tensor> running_mean_, running_variance_;
};

// A flat tensor with these values, on the CPU; and the values of such a one, wherever it is.
at::Tensor to_tensor(const std::vector<float>& values);
std::vector<float> to_vector(const at::Tensor& flat);

}  // namespace metaqnn::search
