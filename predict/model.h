// How good will a network be that nobody has trained? Fit a model on a log of networks that were,
// then ask it.
//
//   Model model = Model::fit(datasets::read_log("log.csv"));
//   for (const Predicted& best : model.rank(candidates, 10)) best.architecture, best.mean;
//   model.save("log.model");
//   Model again = Model::load("log.model");      // predicts the same to the last bit
//
// A model owns all it needs, and copies share it. All but fit and load is const, and several
// threads may ask one model at once. BLAS's threads are set inside each call and put back.
//
// Cost, for n architectures of the log and m others, with c the smaller of n and 2,500
// (FitSettings::centres): fit n c^2; predict m c, with deviations m c^2.
#pragma once

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "metaqnn/datasets/logs/log.h"
#include "metaqnn/predict/options.h"
#include "metaqnn/predict/samples.h"

namespace metaqnn::predict {

struct FitOptions {
  std::string method = "combined";  // one of method_names()
  std::string tokens{};             // of EncodingSettings; "" = as most of the log looks
  std::optional<Shape> input{};     // none = that of EncodingSettings
  Failures failures = Failures::as_chance;
  std::vector<std::string> unlabelled{};  // for the manifold methods; those of the log do not count
  std::optional<double> graph_weight{};   // as in FitSettings
  int centres = kMostCentres;             // as in FitSettings
  uint64_t seed = 0;
  int threads = 0;                                      // 0 = the cores that this process may use
  std::function<void(const std::string& what)> tell{};  // as in FitSettings
  const std::atomic<bool>* stop = nullptr;              // as in FitSettings
};

struct Predicted {
  std::string architecture;  // canonical: equal architectures have equal strings; or described()
  double mean = 0;           // in the unit of the log's target
  // Standard deviation of a measurement around it; none where the method knows none.
  std::optional<double> deviation;
  // Larger is better, whatever the direction: what ranks go by, a normal score among the model's own
  // networks (0: as their median). It may order networks in another way than the mean does, having
  // been fitted on another scale (docs/methods/combined.md).
  double score = 0;
};

struct RankOptions {
  size_t top = 10;
  bool include_known = false;  // architectures of the model's own log too
  // Asked of each candidate, canonical; a limit on its size, say.
  std::function<bool(const std::string& architecture)> admits{};
};

struct Ranking {
  std::vector<Predicted> best;  // in the direction of the measure; of equal ones the first
  std::vector<size_t> places;   // of these, among the candidates
  // What became of the candidates: ranked, there twice, of the model's log, not admitted.
  size_t ranked = 0, repeated = 0, known = 0, refused = 0;
  // Candidates that cannot be read, or hold what no network of the model's log has; a line each.
  std::vector<std::string> problems;
};

class Model {
 public:
  // Moving copies, so that no model is ever without what it needs.
  Model(const Model&) = default;
  Model& operator=(const Model&) = default;

  // Throws UsageError where the method is unknown, there are fewer than 2 architectures with a
  // result, an unlabelled one cannot be read or the graph's weight is below 0; rows that cannot be
  // used are told by samples().problems.
  static Model fit(const datasets::Log& log, const FitOptions& options = {});
  // On samples, read as `encoding` says. Throws UsageError where check() of them does.
  static Model fit(const Samples& samples, const EncodingSettings& encoding,
                   const FitOptions& options = {});

  // As text that a person can read, complete in itself; the file is replaced as a whole or not at
  // all. Throws UsageError where strings are no UTF-8, and FailureError where it cannot be written.
  void save(const std::filesystem::path& file) const;
  // The text of such a file.
  std::string text() const;
  // Throws DataError naming the file, what is wrong with it, and the remedy. `threads` as in
  // FitOptions.
  static Model load(const std::filesystem::path& file, int threads = 0);
  // From the text of such a file; `name` is for messages.
  static Model parse(const std::string& text, const std::string& name, int threads = 0);

  // One for each, in their order. Throws UsageError naming the first that has a problem().
  std::vector<Predicted> predict(const std::vector<std::string>& architectures) const;

  // Why an architecture cannot be predicted: it cannot be read, or holds tokens or values of columns
  // that no network of the model's log has. "" where it can.
  std::string problem(const std::string& architecture) const;

  // The best `top` of different candidates that are not in the model's log, in the direction of the
  // measure. Throws UsageError naming the first that has a problem().
  std::vector<Predicted> rank(const std::vector<std::string>& candidates, size_t top) const;
  Ranking rank(const std::vector<std::string>& candidates, const RankOptions& options) const;

  const std::string& method() const;
  const EncodingSettings& encoding() const;
  Failures failures() const;
  const Samples& samples() const;            // that it was fitted on
  const datasets::Measure& measure() const;  // what is predicted
  // Hyper-parameters by name, as people read them.
  std::vector<std::pair<std::string, double>> hyperparameters() const;
  // One line each: how these were chosen, what was repaired or approximated; none once it was saved.
  std::vector<std::string> report() const;

 private:
  struct State;
  explicit Model(std::shared_ptr<const State> state);

  std::shared_ptr<const State> state_;
};

}  // namespace metaqnn::predict
