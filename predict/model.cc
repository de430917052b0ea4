#include "predict/model.h"

#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "base/nesting.h"
#include "base/output_file.h"
#include "base/random.h"
#include "predict/state.h"

namespace metaqnn::predict {
namespace {

using Eigen::Index;
using nlohmann::json;
// Keys in the order of the header.
using OrderedJson = nlohmann::ordered_json;

constexpr int kVersion = 1;
constexpr const char* kFormat = "metaqnn model";

std::string hash_of(const json& value) { return std::to_string(stable_hash(value.dump())); }

// Keys sorted, so that the hash does not depend on their order in the file.
json sorted(const OrderedJson& value) { return json::parse(value.dump()); }

std::vector<std::string> column_names(const Encoding& encoding) {
  std::vector<std::string> names;
  for (const FeatureColumn& column : encoding.columns()) names.push_back(column.name);
  return names;
}

json accuracies(const Samples& samples) {
  json list = json::array();
  for (double value : samples.accuracy) list.push_back(std::isnan(value) ? json() : json(value));
  return list;
}

OrderedJson training_of(const Model& model) {
  OrderedJson training;
  training["architectures"] = model.samples.architectures;
  training["targets"] = to_json(model.samples.targets);
  training["trained"] = to_json(model.samples.trained);
  training["accuracy"] = accuracies(model.samples);
  training["chance"] = model.samples.chance;
  return training;
}

Samples samples_from(const json& training) {
  Samples samples;
  samples.architectures = texts_at(training, "architectures");
  const auto n = static_cast<Index>(samples.size());
  samples.targets = vector_at(training, "targets", n);
  samples.trained = vector_at(training, "trained", n);
  const json& accuracy = value_at(training, "accuracy");
  if (!accuracy.is_array() || static_cast<Index>(accuracy.size()) != n)
    throw DataError("key accuracy is not a list of " + std::to_string(n) + " numbers");
  samples.accuracy.resize(n);
  for (Index i = 0; i < n; ++i) {
    const json& value = accuracy[static_cast<size_t>(i)];
    if (!value.is_null() && !value.is_number())
      throw DataError("key accuracy, element " + std::to_string(i) + " is not a number");
    samples.accuracy(i) =
        value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
  }
  samples.chance = number_at(training, "chance");
  return samples;
}

uint64_t seed_from(const std::string& text) {
  uint64_t seed = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, seed);
  if (error != std::errc() || rest != end) throw DataError("key seed is not a whole number");
  return seed;
}

json parse(const std::string& text) {
  if (line_nested_deeper_than(kDeepestNesting, text))
    throw DataError("it is nested deeper than any model of metaqnn");
  return json::parse(text);
}

Model read(const json& file, int threads) {
  if (!file.is_object() || file.value("format", json()) != kFormat)
    throw DataError("it is not a model of metaqnn");
  const double version = number_at(file, "version");
  if (version != kVersion) {
    throw DataError("its version is " + value_at(file, "version").dump() +
                    ", this program reads version " + std::to_string(kVersion) +
                    "; use a newer program");
  }
  json content = file;
  content.erase("checksum");
  if (hash_of(content) != text_at(file, "checksum"))
    throw DataError("it was changed or damaged (the checksum does not fit); fit the model again");
  Model model;
  model.method = text_at(file, "method");
  model.failures = parse_failures(text_at(file, "failures"));
  model.samples = samples_from(value_at(file, "training"));
  FitSettings settings;
  settings.threads = threads;
  settings.seed = seed_from(text_at(file, "seed"));
  model.training = make_training({text_at(file, "tokens"), parse_shape(text_at(file, "input"))},
                                 model.samples, model.failures, {}, settings);
  if (value_at(file, "columns") != json(column_names(*model.training.encoding))) {
    throw DataError("its feature columns are not those of this version; fit the model again");
  }
  model.predictor = restore(find_method(model.method), model.training, value_at(file, "state"));
  return model;
}

}  // namespace

Model fit_model(const std::string& method, const EncodingSettings& encoding, const Samples& samples,
                Failures failures, const std::vector<std::string>& unlabelled,
                const FitSettings& settings) {
  Model model;
  model.method = method;
  model.failures = failures;
  model.samples = samples;
  model.training = make_training(encoding, samples, failures, unlabelled, settings);
  model.predictor = fit(find_method(method), model.training);
  return model;
}

namespace {

OrderedJson content_of(const Model& model) {
  const Training& training = model.training;
  OrderedJson content;
  content["format"] = kFormat;
  content["version"] = kVersion;
  content["method"] = model.method;
  content["tokens"] = training.encoding->settings().tokens;
  content["input"] = to_string(training.encoding->settings().input);
  content["failures"] = to_string(model.failures);
  content["seed"] = std::to_string(training.settings.seed);
  content["columns"] = column_names(*training.encoding);
  content["training"] = training_of(model);
  content["fingerprint"] = hash_of(sorted(content["training"]));
  content["state"] = OrderedJson::parse(model.predictor->state().dump());
  content["checksum"] = hash_of(sorted(content));
  return content;
}

bool same(const Training& a, const Training& b) {
  if (a.architectures != b.architectures || a.targets.size() != b.targets.size() ||
      a.targets != b.targets)
    return false;
  if (!a.parts || !b.parts) return a.parts == b.parts;
  return same(a.parts->trains, b.parts->trains) && same(a.parts->accuracy, b.parts->accuracy) &&
         a.parts->chance == b.parts->chance;
}

// What load_model() reads as this model.
std::string text_of(const Model& model) {
  if (!model.training.encoding || !model.predictor)
    throw UsageError("the model is not fitted and cannot be saved; make it with fit_model()");
  check(model.samples, model.training.encoding->settings());
  try {
    const std::string text = content_of(model).dump(1) + "\n";
    const Model read =
        parse_model(text, "the model cannot be saved", model.training.settings.threads);
    if (same(read.training, model.training)) return text;
  } catch (const json::exception&) {
    throw UsageError("the model cannot be saved: its architectures or its separator are no UTF-8");
  } catch (const DataError& error) {
    throw UsageError(error.what());
  }
  throw UsageError("the model cannot be saved: its samples are not those it was fitted on");
}

}  // namespace

void save_model(const Model& model, const std::filesystem::path& file) {
  write_file(file, text_of(model));
}

Model parse_model(const std::string& text, const std::string& name, int threads) {
  try {
    return read(parse(text), threads);
  } catch (const json::exception&) {
    throw DataError(name + ": it is no JSON, or cut short; fit the model again");
  } catch (const Error& error) {
    throw DataError(name + ": " + error.what());
  }
}

Model load_model(const std::filesystem::path& file, int threads) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw DataError(file.string() + ": cannot be read; make it with metaqnn fit");
  std::ostringstream text;
  text << in.rdbuf();
  return parse_model(text.str(), file.string(), threads);
}

}  // namespace metaqnn::predict
