// How does an architecture string become what predictors compute with?
//
// An Encoding is fixed by the training strings: which columns there are, their means and standard
// deviations, which tokens may differ. Every string then becomes a standardised feature vector and
// a token sequence (kernels::Points).
//
//   tokens = "grammar"     our architectures: global and position-wise features
//                          (architecture/features.h); a token is a layer without D and SM, and
//                          substituting one for another costs by what differs (below)
//   tokens = "characters"  any text: a token is a byte
//   tokens = other         any text, split at that separator; empty pieces are no tokens
//
// Texts have as features the length, how often each token occurs, and which token stands at each
// position. Tokens that the training strings do not hold are tokens all the same, unlike any other;
// they belong to the points in which they occur (kernels/points.h), and the encoding stays as it is.
//
// Edit costs: inserting or deleting costs 1 times a parameter for each type of layer. Substituting
//
//   C by C     filters |log2 f - log2 f'| + field |r - r'| / 2 + stride |log2 s - log2 s'|
//   P by P     pooling (|r - r'| + |s - s'|) / 2
//   FC by FC   neurons |log2 n - log2 n'|
//   another type, or another token of a text: type
//
// with the words as parameters, whose logarithms the choice of hyper-parameters moves. A parameter
// that no two training tokens could tell from its start is left out.
//
// An encoding never changes, so that several threads may use it at once; copies share what they
// know, and so do the costs it gives, which may outlive it.
//
//   Encoding encoding({.tokens = "grammar"}, training_strings);
//   kernels::Points points = encoding.points(strings);
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "architecture/features.h"
#include "kernels/kernel.h"
#include "metaqnn/predict/options.h"

namespace metaqnn::predict {

// The one form of a string under which equal architectures are equal: without D for the grammar.
// Throws UsageError where it cannot be encoded: not in the grammar, or of an impossible shape.
std::string canonical(const std::string& text, const EncodingSettings& settings);

class Encoding {
 public:
  // `training`: canonical strings, at least one.
  Encoding(EncodingSettings settings, const std::vector<std::string>& training);

  const EncodingSettings& settings() const;
  // Throws UsageError as canonical() does.
  kernels::Points points(const std::vector<std::string>& texts) const;

  const std::vector<FeatureColumn>& columns() const;
  // Columns of the same group, in their order; each column is in one of them.
  const std::vector<kernels::NamedGroup>& groups() const;
  kernels::CostFamily costs() const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

}  // namespace metaqnn::predict
