// What can be told to those who fit predictors: how strings are read, what becomes of networks that
// failed, and how hard to work.
//
//   FitSettings{.seed = 7, .threads = 2}
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "metaqnn/architecture/shapes.h"

namespace metaqnn::predict {

//   lls        linear least squares on features
//   rbf-ls     kernel least squares, RBF kernel on features
//   ed-ls      kernel least squares, edit-distance kernel
//   rbf-mr     manifold regularisation, RBF kernel
//   ed-mr      manifold regularisation, edit-distance kernel
//   combined   a Gaussian process with a sum of kernels, and boosted trees, in shares by what both
//              predict for points left out
//
// and the baselines mean, depth, log-parameters, nearest. In this order.
std::vector<std::string> method_names();

// How a network's text is read. Its string: by "grammar", ours (architecture/architecture.h); as
// "characters"; or split at any other text; "none" where there is no string. Beside it, or alone,
// columns (datasets::described()).
struct EncodingSettings {
  std::string tokens = "grammar";
  Shape input{3, 32, 32};               // of the networks; used by the grammar
  std::vector<std::string> features{};  // columns, by name
  std::string budget{};                 // one of them: networks without it are taken at its largest

  bool is_grammar() const { return tokens == "grammar"; }
  bool has_strings() const { return tokens != "none"; }
  friend bool operator==(const EncodingSettings&, const EncodingSettings&) = default;
};

// What becomes of networks that did not learn: predict/samples.h.
enum class Failures { exclude, as_chance, model };
// "exclude", "as-chance", "model"; throws UsageError otherwise.
Failures parse_failures(const std::string& name);
std::string to_string(Failures failures);

constexpr int kMostCentres = 2500;

struct FitSettings {
  uint64_t seed = 0;
  int threads = 1;
  // Manifold methods: the weight of the graph relative to the penalty; none = leave-one-out
  // chooses, 0 among its choices.
  std::optional<double> graph_weight{};
  // Kernels of more networks are approximated by so many of them (predict/kernel_system.h); 0: they
  // are not, however many there are, which takes n^3 and 40 n^2 bytes.
  int centres = kMostCentres;
  // Told what is being done, each time that something long begins; by several threads at once.
  std::function<void(const std::string& what)> tell{};
  // Once it is set, what is being fitted is left and InterruptedError thrown, in some seconds at most.
  const std::atomic<bool>* stop = nullptr;
};

}  // namespace metaqnn::predict
