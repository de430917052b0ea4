// A fitted predictor as a file: text that a person can read, complete in itself, and predicting to
// the last bit what the fitted one did.
//
// One JSON object:
//
//   format          "metaqnn model"; version 1
//   method, tokens, input, failures, seed
//   columns         names of the features used, in their order
//   training        architectures, targets, trained, accuracy (null where none trained)
//   fingerprint     stable hash of `training`, as text
//   state           hyper-parameters and coefficients (predict/predictor.h)
//   checksum        stable hash of all of the above, as text
//
// A file that is damaged, of a newer version, or whose columns this version would not make is
// refused with the reason; nothing is guessed. Files are written by base/output_file.h, so
// that a full disk leaves the old one whole.
//
//   save_model(model, "combined.model");
//   Model model = load_model("combined.model", threads);
//   model.predictor->predict(model.training.encoding->points(strings), {});
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "predict/predictor.h"

namespace metaqnn::predict {

struct Model {
  std::string method;
  Failures failures = Failures::as_chance;
  Samples samples;
  Training training;
  std::unique_ptr<Predictor> predictor;
};

// Throws UsageError where the method is unknown, and what make_training() does.
Model fit_model(const std::string& method, const EncodingSettings& encoding, const Samples& samples,
                Failures failures, const std::vector<std::string>& unlabelled,
                const FitSettings& settings);

// The text is read again before it is written, so that load_model() takes whatever this leaves.
// Throws UsageError naming the rule where it would not: where check() of the samples fails
// (predict/samples.h), they are not those that the predictor was fitted on, a number is not finite
// or a text no UTF-8; and what write_file() throws where the file cannot be written.
void save_model(const Model& model, const std::filesystem::path& file);
// Throws DataError naming the file, what is wrong with it, and the remedy.
Model load_model(const std::filesystem::path& file, int threads);
// From the text of such a file; `name` is for messages.
Model parse_model(const std::string& text, const std::string& name, int threads);

}  // namespace metaqnn::predict
