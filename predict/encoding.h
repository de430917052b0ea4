// How does an architecture string become what predictors compute with?
//
// An Encoding is fixed by the training strings: which columns there are, their means and standard
// deviations, which tokens may differ. Every string then becomes a standardised feature vector and
// a token sequence (kernels::Points).
//
// How a string becomes tokens and features is the matter of predict/string_codec.h. Tokens that the
// training strings do not hold are tokens all the same, unlike any other; they belong to the points
// in which they occur (kernels/points.h), and the encoding stays as it is.
//
// Edit costs: inserting or deleting costs 1 times a parameter for each type of layer, and for each of
// "R[", "S[", ";" and "]". Substituting
//
//   C by C     filters |log2 f - log2 f'| + field |r - r'| / 2 + stride |log2 s - log2 s'|
//   DC by DC   the same without filters
//   P by P     pooling (|r - r'| + |s - s'|) / 2; so A by A, M by M
//   FC by FC   neurons |log2 n - log2 n'|
//   another type, or another token of a text: type
//
// with the words as parameters, whose logarithms the choice of hyper-parameters moves. A parameter
// that no two training tokens could tell from its start is left out.
//
// Columns that describe networks (EncodingSettings::features) are features too, a group each: a
// number as it is, by its logarithm where it is wide, with its tails drawn in; any other value, and that
// there is none, as a column that is 1 where it stands (predict/column_codec.h). What is no number
// and no training network has is unknown().
//
// An encoding never changes, so that several threads may use it at once; copies share what they
// know, and so do the costs it gives, which may outlive it.
//
//   Encoding encoding({.tokens = "grammar"}, training_strings);
//   kernels::Points points = encoding.points(strings);
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "architecture/features.h"
#include "kernels/kernel.h"
#include "metaqnn/predict/options.h"
#include "predict/string_codec.h"

namespace metaqnn::predict {

// The one form of a string under which equal architectures are equal: without D for the grammar.
// Throws UsageError where it cannot be encoded: not in the grammar, of an impossible shape, or
// without the string or the columns that the settings ask for.
std::string canonical(const std::string& text, const EncodingSettings& settings);
// The architecture's string in a text of these settings, as it stands; "" where they have none.
std::string string_of(const std::string& text, const EncodingSettings& settings);
// The text without its budget, under which a network trained twice is one.
std::string without_budget(const std::string& text, const EncodingSettings& settings);
// Of several texts, whether each has the largest budget of its network: where ranks are judged.
std::vector<bool> at_largest_budget(const std::vector<std::string>& texts,
                                    const EncodingSettings& settings);

// What is chosen when a model is fitted, and kept with it.
struct Reading {
  std::optional<Cells> cells = Cells::as_computed;  // none: cells are texts as any other
  std::vector<std::string> columns{};  // by name; none: all in which training networks differ
};

class Encoding {
 public:
  // `training`: canonical strings, at least one.
  Encoding(EncodingSettings settings, const std::vector<std::string>& training,
           const Reading& reading = {});

  const EncodingSettings& settings() const;
  // Whether its strings are cells, and how it reads them.
  std::optional<Cells> cells() const;
  // Throws UsageError as canonical() does.
  kernels::Points points(const std::vector<std::string>& texts) const;

  // What of a canonical text no training text holds, as a sentence: tokens of texts, values of
  // columns that are no numbers, a column left blank; "" where there is nothing. Layers of the
  // grammar are all comparable.
  std::string unknown(const std::string& text) const;

  const std::vector<FeatureColumn>& columns() const;
  // Columns of the same group, in their order; each column is in one of them.
  const std::vector<kernels::NamedGroup>& groups() const;
  // Those of the columns that describe networks beside their strings.
  std::vector<kernels::NamedGroup> described_groups() const;
  kernels::CostFamily costs() const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

}  // namespace metaqnn::predict
