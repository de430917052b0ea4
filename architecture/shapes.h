// What does each layer of an architecture produce, and what does it cost?
//
// Shapes are channels x height x width. Sizes follow
//   convolution   floor((n + 2*floor(f/2) - f) / s) + 1    stride 1 and an odd field keep the size
//   pooling       floor((n - f) / s) + 1
// with n the input's side, f the receptive field, s the stride; depthwise convolutions as convolutions,
// all kinds of pooling alike. FC and SM flatten their input. Batch normalisation has two parameters a
// channel, mixed pooling has one; neither has MACs.
//
// A residual adds body and shortcut: where channels or size differ the shortcut is a 1x1 convolution
// whose stride is the product of the body's, and must then give the body's size. The branches of a
// split must give one size; its channels are their sum.
//
//   Analysis analysis = analyse(parse_architecture("[C(64,3,1), P(2,2), SM(10)]"), {3, 32, 32});
//   analysis.parameters;       // 165642
//   analysis.layers[1].output  // {64, 16, 16}
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "metaqnn/architecture/architecture.h"

namespace metaqnn {

struct Shape {
  int channels, height, width;
  int64_t elements() const { return int64_t{channels} * height * width; }
  friend bool operator==(const Shape&, const Shape&) = default;
};

// "3x32x32". Throws UsageError unless it is three whole numbers from 1 to 65,536.
Shape parse_shape(std::string_view text);
std::string to_string(const Shape& shape);

struct LayerAnalysis {
  Layer layer;
  Shape output;
  int64_t parameters;  // trainable, biases included
  int64_t macs;  // multiplications with additions of one image, forward; biases and activations are
                 // not counted
  // Of a residual its body, of a split its branches; what they cost is part of the above.
  std::vector<std::vector<LayerAnalysis>> lists{};
  std::optional<Convolution> shortcut{};  // of a residual, where it is not its input
};

struct Analysis {
  Shape input;
  std::vector<LayerAnalysis> layers;
  int64_t parameters = 0;      // all trainable, biases included
  int64_t hidden_weights = 0;  // weights of C, DC, shortcuts and FC: without biases, GAP's
                               // convolution and SM
  int64_t macs = 0;
  int depth = 0;
};

// Throws UsageError naming the layer where the shape is impossible (a pooling field larger than its
// input, C or P after FC or GAP, an even receptive field, a number below 1, an empty list, branches or a
// shortcut of another size) or a count does not fit 63 bits, and where the input is not of the shape
// that parse_shape() allows. In a list the layer is named by its way there: "layer 2.1.3" is the third
// of the first list of layer 2.
Analysis analyse(const Architecture& architecture, const Shape& input);

// Side of the output of one layer, or 0 where it is impossible.
int convolution_output(int size, int field, int stride);
int pooling_output(int size, int field, int stride);

}  // namespace metaqnn
