// Which operations compute a network, one after the other?
//
// What training, exports, checkpoints and the estimate of memory share, so that lists are looked into
// once:
//
//   C, DC    convolution, [batch_normalization,] relu
//   GAP      convolution, [batch_normalization,] relu, mean
//   FC       linear, [batch_normalization,] relu
//   SM       linear
//   P, A, M  max_pooling, average_pooling, mixed_pooling
//   BN, D    batch_normalization, dropout
//   R[...]   the body's; of a shortcut that is not the input convolution [, batch_normalization];
//            addition, relu
//   S[...]   the branches', then concatenation
//
// where [batch_normalization] is there if all layers with weights but the last are normalised, and
// flattening stands before the first linear one of a map. What they have of parameters lies in this
// order too: weights, then biases, of convolution and linear; scales, then shifts, of
// batch_normalization; of mixed_pooling w, whose result is s max + (1 - s) average with
// s = 1 / (1 + exp(-w)).
//
//   operations_of(parse_architecture("[C(8,3,1), SM(10)]"), {3, 32, 32}, false);
//   // convolution of 0, relu of 1, flattening of 2, linear of 3
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "metaqnn/architecture/shapes.h"

namespace metaqnn::search {

struct Operation {
  enum class Kind {
    convolution,
    linear,
    batch_normalization,
    relu,
    max_pooling,
    average_pooling,
    mixed_pooling,
    mean,        // of each map
    flattening,  // to height x width x channels in a row; the shape stays that of the map
    dropout,
    addition,
    concatenation,  // by channels
  };

  Kind kind{};
  std::vector<size_t> inputs{};    // 0 is the images, k the result of the k-th operation
  Shape input{}, output{};         // of one image; of concatenation the first input
  int field = 1, stride = 1;       // of convolution, whose padding is field/2, and of poolings
  int groups = 1;                  // of convolution: 1, or as many as channels
  double probability = 0;          // of dropout
  bool is_flat = false;            // the result: features and no map
  bool is_of_no_negative = false;  // no number that it takes is below 0
  std::string layer{};             // the network's that it is part of

  // Faster in float32 than in bfloat16 on a CPU, where LibTorch's gradients of bfloat16 take three
  // times as long (128 maps of 32 x 28 x 28, field 5, one core: 133 ms against 52 ms with the casts;
  // field 3: 30 ms against 50 ms of 64).
  bool is_wide_depthwise() const { return kind == Kind::convolution && groups > 1 && field > 3; }

  int64_t weights() const;     // of convolution and linear, without biases
  int64_t parameters() const;  // trainable
};

// Throws what analyse() throws. The last operation gives the logits.
std::vector<Operation> operations_of(const Architecture& architecture, const Shape& input,
                                     bool batch_normalization);

// How many operations take the images, the first result, the second and so on.
std::vector<int> uses_of(const std::vector<Operation>& operations);

// Is it a relu that nothing but the max pooling behind it takes? To pool max(0, x) needs no map of
// it.
bool is_left_to_pooling(const std::vector<Operation>& operations, const std::vector<int>& uses,
                        size_t index);

// Of all of them: trainable numbers, and channels whose mean and variance batch normalisation keeps.
int64_t parameters_of(const std::vector<Operation>& operations);
int64_t normalized_channels(const std::vector<Operation>& operations);

}  // namespace metaqnn::search
