// What is an architecture, and how is it written?
//
//   [C(512,5,1), P(2,2), FC(128), GAP(10), D(1,3), SM(10)]
//
//   C(filters, receptive field, stride)  convolution with padding field/2, then ReLU
//   P(field, stride)                     max pooling
//   FC(neurons)                          fully connected layer, then ReLU
//   GAP(classes)                         1x1 convolution to that many maps, ReLU, mean of the map
//   D(i,n)                               dropout with probability i/(2n)
//   SM(classes)                          linear layer and softmax, in which every one ends
//
// and, beyond the paper,
//
//   A(field, stride)                     average pooling
//   M(field, stride)                     mixed pooling: a mean of maximum and average, whose weight
//                                        is learned, one for the layer
//   DC(field, stride)                    depthwise convolution with padding field/2, then ReLU
//   BN                                   batch normalisation
//   R[C(64,3,1), C(64,3,1)]              residual: ReLU(body(x) + shortcut(x)); the shortcut is x, or
//                                        a 1x1 convolution where channels or size differ
//   S[C(32,1,1) ; C(32,3,1), P(1,1)]     split: branches on the same input, concatenated by channels
//
// Lists may hold lists; what they hold has a map, so no FC, GAP, SM, and no D. Branches are kept in one
// order (architecture/symbols.h), so that equal networks are one string.
//
// White space is free on input; to_string() writes one form. Two architectures are the same network
// when their strings without D are the same: training places dropout itself, by rule
// (search/evaluate). Sources: Baker, Gupta, Naik, Raskar, ICLR 2017, section 4 and appendix; the
// string form is that of the authors' published logs. Mixed pooling: Lee, Gallagher, Tu, AISTATS
// 2016. Residual: He, Zhang, Ren, Sun, CVPR 2016. Split: Szegedy et al., CVPR 2015.
//
//   Architecture architecture = parse_architecture("[C(64,3,1), D(1,1), SM(10)]");
//   to_string(architecture);              // "[C(64,3,1), D(1,1), SM(10)]"
//   identity(architecture);               // "[C(64,3,1), SM(10)]"
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "metaqnn/base/error.h"

namespace metaqnn {

struct Convolution {
  int filters, field, stride;
  friend bool operator==(const Convolution&, const Convolution&) = default;
};
struct Pooling {
  int field, stride;
  friend bool operator==(const Pooling&, const Pooling&) = default;
};
struct AveragePooling {
  int field, stride;
  friend bool operator==(const AveragePooling&, const AveragePooling&) = default;
};
struct MixedPooling {
  int field, stride;
  friend bool operator==(const MixedPooling&, const MixedPooling&) = default;
};
struct DepthwiseConvolution {
  int field, stride;
  friend bool operator==(const DepthwiseConvolution&, const DepthwiseConvolution&) = default;
};
struct BatchNormalization {
  friend bool operator==(const BatchNormalization&, const BatchNormalization&) = default;
};
struct FullyConnected {
  int neurons;
  friend bool operator==(const FullyConnected&, const FullyConnected&) = default;
};
struct GlobalAveragePooling {
  int classes;
  friend bool operator==(const GlobalAveragePooling&, const GlobalAveragePooling&) = default;
};
struct Dropout {
  int index, count;
  double probability() const { return index / (2.0 * count); }
  friend bool operator==(const Dropout&, const Dropout&) = default;
};
struct Softmax {
  int classes;
  friend bool operator==(const Softmax&, const Softmax&) = default;
};

struct Layer;
using Layers = std::vector<Layer>;
struct Residual {
  Layers body;
  friend bool operator==(const Residual&, const Residual&);
};
struct Split {
  explicit Split(std::vector<Layers> branches);  // which it sorts
  std::vector<Layers> branches;
  friend bool operator==(const Split&, const Split&);
};

using AnyLayer = std::variant<Convolution, Pooling, FullyConnected, GlobalAveragePooling, Dropout,
                              Softmax, AveragePooling, MixedPooling, DepthwiseConvolution,
                              BatchNormalization, Residual, Split>;
struct Layer : AnyLayer {
  using AnyLayer::AnyLayer;
};

struct Architecture {
  Layers layers;
  friend bool operator==(const Architecture&, const Architecture&) = default;
};

// Joins lambdas, one per layer type, for std::visit.
template <typename... Cases>
struct Match : Cases... {
  using Cases::operator()...;
};
template <typename... Cases>
Match(Cases...) -> Match<Cases...>;

// Throws UsageError with the column (1-based) and what was expected there. Accepts at most 1,000
// layers and lists 8 deep; sizes are whole numbers from 1 to 65,536 (fields and strides to 255).
Architecture parse_architecture(std::string_view text);

std::string to_string(const Layer& layer);
std::string to_string(const Architecture& architecture);

// The string without D: what studies, logs, duplicates and predictors compare.
std::string identity(const Architecture& architecture);

// Number of layers on the longest way through, D and SM not counted; of a split its deepest branch.
int depth(const Architecture& architecture);

// The architecture as it is trained: dropout after every second layer (D not counted) and after
// each FC, never after GAP; the i-th of the n placed is D(i,n). Any D it had is replaced. A residual
// or a split is one layer, and has none inside. Paper, section 5.1.
Architecture place_dropout(const Architecture& architecture);

}  // namespace metaqnn
