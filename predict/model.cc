#include "metaqnn/predict/model.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>
#include <unordered_set>

#include "base/base64.h"
#include "base/foreign_text.h"
#include "base/nesting.h"
#include "base/output_file.h"
#include "base/parallel.h"
#include "metaqnn/base/error.h"
#include "metaqnn/base/random.h"
#include "predict/predictor.h"
#include "predict/state.h"

// A saved model is text that a person can read, complete in itself. One JSON object:
//
//   format          "metaqnn model"; version 4
//   method, tokens, input, failures, seed
//   target, direction, unit     what is predicted
//   features, budget            columns that describe networks
//   columns         names of the features used, in their order
//   cells           how cells are read, "as_computed" or "as_written"; null where strings are none
//   training        architectures, targets, trained, accuracy (null where none trained)
//   fingerprint     stable hash of `training`, as text
//   state           hyper-parameters and coefficients (predict/predictor.h); {"bulk": [offset, bytes]}
//                   stands for what lies in
//   bulk            trees and landmarks: bytes, how many there are; checksum, their stable hash, as
//                   text; base64, what they are
//   checksum        stable hash of all of the above, as text, base64 left out
//
// Version 1 had neither target nor features: those of accuracies of strings. Version 2 had no cells,
// and a state of one part, on the plain scale. Version 3 had no bulk, and grows its trees again.
//
// A file that is damaged, of a newer version, or whose columns this version would not make is
// refused with the reason; nothing is guessed.

namespace metaqnn::predict {

using Eigen::Index;

namespace {

using nlohmann::json;
// Keys in the order above.
using OrderedJson = nlohmann::ordered_json;

constexpr int kVersion = 4, kOldestVersion = 1;
constexpr const char* kFormat = "metaqnn model";
constexpr const char* kBulk = "bulk";
constexpr const char* kBase64 = "base64";

std::string hash_of(const json& value) { return std::to_string(stable_hash(value.dump())); }

// Takes packed numbers out of a state, of equal ones one.
class Bulk {
 public:
  json without(const json& value) {
    if (value.is_binary()) return place_of(value.get_binary());
    json result = value;
    if (value.is_structured()) {
      for (json& element : result) element = without(element);
    }
    return result;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  json place_of(const std::vector<uint8_t>& packed) {
    const std::string text(packed.begin(), packed.end());
    const auto [place, is_new] = places_.try_emplace(stable_hash(text), bytes_.size());
    const bool is_there = !is_new && bytes_.compare(place->second, text.size(), text) == 0;
    const size_t offset = is_there ? place->second : bytes_.size();
    if (!is_there) bytes_ += text;
    return {{kBulk, {offset, text.size()}}};
  }
  std::string bytes_;
  std::map<uint64_t, size_t> places_;  // by what lies there
};

// Puts them back.
void fill(json& value, const std::string& bulk) {
  if (value.is_object() && value.size() == 1 && value.contains(kBulk)) {
    const json& place = value[kBulk];
    if (!place.is_array() || place.size() != 2 || !place[0].is_number_unsigned() ||
        !place[1].is_number_unsigned())
      throw DataError("key bulk is not a place and a size");
    const auto offset = place[0].get<size_t>(), size = place[1].get<size_t>();
    if (offset > bulk.size() || size > bulk.size() - offset)
      throw DataError("key bulk lies beyond the end of what there is");
    const auto* bytes = reinterpret_cast<const uint8_t*>(bulk.data()) + offset;
    value = json::binary({bytes, bytes + size});
  } else if (value.is_structured()) {
    for (json& element : value) fill(element, bulk);
  }
}

OrderedJson written(const std::string& bulk) {
  return {{"bytes", bulk.size()},
          {"checksum", std::to_string(stable_hash(bulk))},
          {kBase64, base64(bulk)}};
}

// Of a file's `bulk`, which is without its base64 afterwards.
std::string read_bulk(json& value) {
  const std::optional<std::string> bytes = decoded_base64(text_at(value, kBase64));
  value.erase(kBase64);
  if (!bytes || std::to_string(stable_hash(*bytes)) != text_at(value, "checksum"))
    throw DataError(
        "it was changed or damaged (the checksum of bulk does not fit); fit the model again");
  return *bytes;
}

// Keys sorted, so that the hash does not depend on their order in the file.
json sorted(const OrderedJson& value) { return json::parse(value.dump()); }

std::vector<std::string> column_names(const Encoding& encoding) {
  std::vector<std::string> names;
  for (const FeatureColumn& column : encoding.columns()) names.push_back(column.name);
  return names;
}

json accuracies(const Samples& samples) {
  json list = json::array();
  for (double value : samples.trained_targets)
    list.push_back(std::isnan(value) ? json() : json(value));
  return list;
}

OrderedJson training_of(const Samples& samples) {
  OrderedJson training;
  training["architectures"] = samples.architectures;
  training["targets"] = to_json(samples.targets);
  training["trained"] = to_json(samples.trained);
  training["accuracy"] = accuracies(samples);
  training["chance"] = samples.chance;
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
  samples.trained_targets.resize(n);
  for (Index i = 0; i < n; ++i) {
    const json& value = accuracy[static_cast<size_t>(i)];
    if (!value.is_null() && !value.is_number())
      throw DataError("key accuracy, element " + std::to_string(i) + " is not a number");
    samples.trained_targets(i) =
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

// The content of a saved model, as it was when it was saved.
json checked(const std::string& text) {
  json file = parse(text);
  if (!file.is_object() || file.value("format", json()) != kFormat)
    throw DataError("it is not a model of metaqnn");
  const double version = number_at(file, "version");
  if (!(version >= kOldestVersion && version <= kVersion)) {
    throw DataError("its version is " + value_at(file, "version").dump() +
                    ", this program reads versions " + std::to_string(kOldestVersion) + " to " +
                    std::to_string(kVersion) + "; use a newer program");
  }
  const std::string checksum = text_at(file, "checksum");
  file.erase("checksum");
  std::string bulk;
  if (file.contains(kBulk)) bulk = read_bulk(file[kBulk]);
  if (hash_of(file) != checksum)
    throw DataError("it was changed or damaged (the checksum does not fit); fit the model again");
  if (file.contains("state")) fill(file["state"], bulk);
  return file;
}

datasets::Measure measure_from(const json& file) {
  if (file.at("version") == kOldestVersion) return {};
  datasets::Measure measure;
  measure.name = text_at(file, "target");
  measure.unit = text_at(file, "unit");
  const std::string direction = text_at(file, "direction");
  for (datasets::Direction way : {datasets::Direction::maximize, datasets::Direction::minimize}) {
    if (direction != datasets::to_string(way)) continue;
    measure.direction = way;
    return measure;
  }
  throw DataError("key direction is neither maximize nor minimize");
}

EncodingSettings encoding_from(const json& file) {
  EncodingSettings encoding{text_at(file, "tokens"), parse_shape(text_at(file, "input"))};
  if (file.at("version") == kOldestVersion) return encoding;
  encoding.features = texts_at(file, "features");
  encoding.budget = text_at(file, "budget");
  return encoding;
}

constexpr const char* kAsComputed = "as_computed";
constexpr const char* kAsWritten = "as_written";

json saved(const std::optional<Cells>& cells) {
  if (!cells) return {};
  return *cells == Cells::as_computed ? kAsComputed : kAsWritten;
}

Reading reading_from(const json& file) {
  Reading reading{.cells = std::nullopt, .columns = texts_at(file, "columns")};
  if (file.at("version") < 3 || value_at(file, "cells").is_null()) return reading;
  const std::string cells = text_at(file, "cells");
  if (cells != kAsComputed && cells != kAsWritten)
    throw DataError("key cells is " + shown(cells) + ", which is no way to read them");
  reading.cells = cells == kAsComputed ? Cells::as_computed : Cells::as_written;
  return reading;
}

// "architecture 3 of 20: ".
std::string place(const std::vector<std::string>& texts, size_t i,
                  const std::string& what = "architecture") {
  return what + " " + std::to_string(i + 1) + " of " + std::to_string(texts.size()) + ": ";
}

// What the caller gave as number i, canonical.
std::string canonical_at(const std::vector<std::string>& texts, size_t i,
                         const EncodingSettings& encoding,
                         const std::string& what = "architecture") {
  try {
    return canonical(texts[i], encoding);
  } catch (const UsageError& error) {
    throw UsageError(place(texts, i, what) + error.what());
  }
}

std::vector<std::string> canonical_unlabelled(const std::vector<std::string>& texts,
                                              const EncodingSettings& encoding) {
  std::vector<std::string> list;
  for (size_t i = 0; i < texts.size(); ++i)
    list.push_back(canonical_at(texts, i, encoding, "unlabelled architecture"));
  return list;
}

// Indices of the `top` largest, the first of equal ones first.
std::vector<size_t> largest(const Eigen::VectorXd& values, size_t top) {
  std::vector<size_t> order(static_cast<size_t>(values.size()));
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return values(static_cast<Index>(a)) > values(static_cast<Index>(b));
  });
  order.resize(std::min(order.size(), top));
  return order;
}

}  // namespace

struct Model::State {
  std::string method;
  Failures failures = Failures::as_chance;
  Samples samples;
  Training training;
  std::optional<Predictor> predictor;

  // Why nothing can be said of a canonical text; "" where something can.
  std::string unknown(const std::string& text) const { return training.encoding->unknown(text); }

  // Of canonical texts.
  Prediction predict(const std::vector<std::string>& texts, bool deviation) const {
    return predictor->predict(training.encoding->points(texts),
                              {deviation, training.settings.threads});
  }
  std::vector<Predicted> predicted(std::vector<std::string> texts) const {
    const Prediction prediction = predict(texts, true);
    std::vector<Predicted> list;
    for (size_t i = 0; i < texts.size(); ++i) {
      const auto row = static_cast<Index>(i);
      list.push_back(
          {std::move(texts[i]), prediction.mean(row), std::nullopt, prediction.score(row)});
      if (prediction.deviation.size() > 0) list.back().deviation = prediction.deviation(row);
    }
    return list;
  }
};

Model::Model(std::shared_ptr<const State> state) : state_(std::move(state)) {}

Model Model::fit(const datasets::Log& log, const FitOptions& options) {
  const EncodingSettings encoding = encoding_for(log, options.tokens, options.input);
  return fit(make_samples(log, encoding, options.failures), encoding, options);
}

Model Model::fit(const Samples& samples, const EncodingSettings& encoding,
                 const FitOptions& options) {
  const Method& method = find_method(options.method);
  auto state = std::make_shared<State>();
  state->method = method.name;
  state->failures = options.failures;
  state->samples = samples;
  state->training = make_training(
      encoding, samples, options.failures, canonical_unlabelled(options.unlabelled, encoding),
      {options.seed, threads_or_cores(options.threads), options.graph_weight, options.centres,
       options.tell, options.stop});
  state->predictor = Predictor::fit(method, state->training);
  state->training.settings.tell = {};
  state->training.settings.stop = nullptr;
  return Model(std::move(state));
}

Model Model::load(const std::filesystem::path& file, int threads) {
  if (std::filesystem::is_directory(file))
    throw DataError(file.string() + ": is a folder; name the file of a model");
  std::ifstream in(file, std::ios::binary);
  if (!in) throw DataError(file.string() + ": cannot be read; make it with metaqnn fit");
  std::ostringstream text;
  text << in.rdbuf();
  return parse(text.str(), file.string(), threads);
}

Model Model::parse(const std::string& text, const std::string& name, int threads) {
  try {
    const json file = checked(text);
    auto state = std::make_shared<State>();
    state->method = text_at(file, "method");
    state->failures = parse_failures(text_at(file, "failures"));
    state->samples = samples_from(value_at(file, "training"));
    state->samples.measure = measure_from(file);
    const EncodingSettings encoding = encoding_from(file);
    state->training = make_training(
        encoding, state->samples, state->failures, {},
        {seed_from(text_at(file, "seed")), threads_or_cores(threads), {}}, reading_from(file));
    if (value_at(file, "columns") != json(column_names(*state->training.encoding)))
      throw DataError("its feature columns are not those of this version; fit the model again");
    state->predictor =
        Predictor::restore(find_method(state->method), state->training, value_at(file, "state"));
    return Model(std::move(state));
  } catch (const json::exception&) {
    throw DataError(name + ": it is no JSON, or cut short; fit the model again");
  } catch (const Error& error) {
    throw DataError(name + ": " + error.what());
  }
}

std::string Model::text() const {
  try {
    OrderedJson content;
    content["format"] = kFormat;
    content["version"] = kVersion;
    content["method"] = method();
    content["tokens"] = encoding().tokens;
    content["input"] = to_string(encoding().input);
    content["target"] = measure().name;
    content["direction"] = datasets::to_string(measure().direction);
    content["unit"] = measure().unit;
    content["features"] = encoding().features;
    content["budget"] = encoding().budget;
    content["failures"] = to_string(failures());
    content["seed"] = std::to_string(state_->training.settings.seed);
    content["columns"] = column_names(*state_->training.encoding);
    content["cells"] = saved(state_->training.encoding->cells());
    content["training"] = training_of(samples());
    content["fingerprint"] = hash_of(sorted(content["training"]));
    Bulk bulk;
    content["state"] = OrderedJson::parse(bulk.without(state_->predictor->state()).dump());
    OrderedJson all = written(bulk.bytes());
    const OrderedJson bytes = all[kBase64];
    all.erase(kBase64);
    content[kBulk] = all;
    const std::string checksum = hash_of(sorted(content));
    content[kBulk][kBase64] = bytes;
    content["checksum"] = checksum;
    std::string text = content.dump(1) + "\n";
    parse(text, "the model cannot be saved", state_->training.settings.threads);
    return text;
  } catch (const json::exception&) {
    throw UsageError("the model cannot be saved: its architectures or its separator are no UTF-8");
  } catch (const DataError& error) {
    throw UsageError(error.what());
  }
}

void Model::save(const std::filesystem::path& file) const { write_file(file, text()); }

std::vector<Predicted> Model::predict(const std::vector<std::string>& architectures) const {
  std::vector<std::string> texts;
  for (size_t i = 0; i < architectures.size(); ++i) {
    texts.push_back(canonical_at(architectures, i, encoding()));
    if (const std::string unknown = state_->unknown(texts.back()); !unknown.empty())
      throw UsageError(place(architectures, i) + unknown);
  }
  return state_->predicted(std::move(texts));
}

std::vector<Predicted> Model::rank(const std::vector<std::string>& candidates, size_t top) const {
  RankOptions options;
  options.top = top;
  Ranking ranking = rank(candidates, options);
  if (!ranking.problems.empty()) throw UsageError(ranking.problems.front());
  return std::move(ranking.best);
}

Ranking Model::rank(const std::vector<std::string>& candidates, const RankOptions& options) const {
  Ranking ranking;
  std::unordered_set<std::string> known, met;
  const auto key = [&](const std::string& text) { return without_budget(text, encoding()); };
  if (!options.include_known) {
    for (const std::string& text : samples().architectures) known.insert(key(text));
  }
  std::vector<std::string> texts;
  std::vector<size_t> places;
  for (size_t i = 0; i < candidates.size(); ++i) {
    try {
      std::string text = canonical_at(candidates, i, encoding());
      if (!met.insert(text).second) {
        ++ranking.repeated;
      } else if (known.contains(key(text))) {
        ++ranking.known;
      } else if (options.admits && !options.admits(text)) {
        ++ranking.refused;
      } else if (const std::string unknown = state_->unknown(text); !unknown.empty()) {
        ranking.problems.push_back(place(candidates, i) + unknown);
      } else {
        texts.push_back(std::move(text));
        places.push_back(i);
      }
    } catch (const UsageError& error) {
      ranking.problems.push_back(error.what());
    }
  }
  ranking.ranked = texts.size();
  if (texts.empty()) return ranking;
  std::vector<std::string> best;
  for (const size_t i : largest(state_->predict(texts, false).score, options.top)) {
    best.push_back(std::move(texts[i]));
    ranking.places.push_back(places[i]);
  }
  ranking.best = state_->predicted(std::move(best));
  return ranking;
}

const std::string& Model::method() const { return state_->method; }
const EncodingSettings& Model::encoding() const { return state_->training.encoding->settings(); }
Failures Model::failures() const { return state_->failures; }
const Samples& Model::samples() const { return state_->samples; }
const datasets::Measure& Model::measure() const { return state_->samples.measure; }
std::string Model::problem(const std::string& architecture) const {
  try {
    return state_->unknown(canonical(architecture, encoding()));
  } catch (const UsageError& error) {
    return error.what();
  }
}
std::vector<std::pair<std::string, double>> Model::hyperparameters() const {
  return state_->predictor->hyperparameters();
}
std::vector<std::string> Model::report() const { return state_->predictor->report(); }

}  // namespace metaqnn::predict
