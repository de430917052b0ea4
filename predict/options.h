// What can be told to those who fit predictors: how strings are read, what becomes of networks that
// failed, and how hard to work.
//
//   FitSettings{.seed = 7, .threads = 2}
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "metaqnn/architecture/shapes.h"

namespace metaqnn::predict {

// lls, rbf-ls, ed-ls, rbf-mr, ed-mr, combined, and the baselines, in the order of tables
// (predict/predictor.h says what they are).
std::vector<std::string> method_names();

// How an architecture string is read (predict/encoding.h): by "grammar", ours; as "characters"; or
// split at any other text.
struct EncodingSettings {
  std::string tokens = "grammar";
  Shape input{3, 32, 32};  // of the networks; used by the grammar
  friend bool operator==(const EncodingSettings&, const EncodingSettings&) = default;
};

// What becomes of networks that did not learn (predict/samples.h).
enum class Failures { exclude, as_chance, model };
// "exclude", "as-chance", "model"; throws UsageError otherwise.
Failures parse_failures(const std::string& name);
std::string to_string(Failures failures);

struct FitSettings {
  uint64_t seed = 0;
  int threads = 1;
  // Manifold methods: the weight of the graph relative to the penalty; none = leave-one-out
  // chooses, 0 among its choices.
  std::optional<double> graph_weight{};
};

}  // namespace metaqnn::predict
