#include "search/evaluate/checkpoint.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "base/nesting.h"
#include "base/output_file.h"
#include "datasets/images/padding.h"
#include "metaqnn/base/error.h"
#include "metaqnn/base/random.h"
#include "search/evaluate/operations.h"

namespace metaqnn::search {
namespace {

using Json = nlohmann::ordered_json;

static_assert(std::endian::native == std::endian::little, "floats are written as they lie");

constexpr int kVersion = 2;
constexpr const char* kMagic = "metaqnn checkpoint\n";

// ---- Between structs and JSON; NaN is null. ----

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }
Json number(const std::optional<double>& value) { return value ? number(*value) : Json(nullptr); }

// Of JSON's numbers the library turns any into any, 2^40 + 1 into 1 and 1.5 too.
int64_t integer_at(const Json& json, const char* key, int64_t low, int64_t high) {
  const Json& value = json.at(key);
  const bool is_integer =
      value.is_number_integer() &&
      (!value.is_number_unsigned() || std::in_range<int64_t>(value.get<uint64_t>()));
  if (!is_integer || value.get<int64_t>() < low || value.get<int64_t>() > high) {
    throw DataError("its \"" + std::string(key) + "\" is no whole number from " +
                    std::to_string(low) + " to " + std::to_string(high));
  }
  return value.get<int64_t>();
}

std::optional<double> fraction_at(const Json& json, const char* key) {
  const Json& value = json.at(key);
  if (value.is_null()) return std::nullopt;
  const auto fraction = value.get<double>();
  if (!(fraction >= 0 && fraction <= 1))
    throw DataError("its \"" + std::string(key) + "\" is not within [0, 1]");
  return fraction;
}

double number_or_nan(const Json& value) {
  return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
}

Json to_json(const TrainingFacts& facts) {
  Json curve = Json::array();
  for (const EpochResult& epoch : facts.curve) {
    curve.push_back({number(epoch.training_loss), number(epoch.training_accuracy),
                     number(epoch.validation_loss), number(epoch.validation_accuracy)});
  }
  return {{"origin", facts.origin},
          {"started_from", facts.started_from},
          {"trial", facts.trial},
          {"search_accuracy", number(facts.search_accuracy)},
          {"seed", facts.seed},
          {"device", facts.device},
          {"precision", facts.precision},
          {"program_version", facts.program_version},
          {"library_versions", facts.library_versions},
          {"epochs", facts.epochs},
          {"best_epoch", facts.best_epoch},
          {"seconds", number(facts.seconds)},
          {"validation_accuracy", number(facts.validation_accuracy)},
          {"test_error", number(facts.test_error)},
          {"curve", curve},
          {"configuration", facts.configuration}};
}

EpochResult epoch_from(const Json& json) {
  if (!json.is_array() || json.size() != 4)
    throw DataError("an epoch of its \"curve\" is no list of 4 numbers");
  return {number_or_nan(json[0]), number_or_nan(json[1]), number_or_nan(json[2]),
          number_or_nan(json[3])};
}

TrainingFacts facts_from(const Json& json) {
  constexpr int64_t kMost = std::numeric_limits<int>::max();
  TrainingFacts facts;
  facts.origin = json.at("origin");
  facts.started_from = json.at("started_from");
  facts.trial = integer_at(json, "trial", 0, std::numeric_limits<int64_t>::max());
  facts.search_accuracy = fraction_at(json, "search_accuracy");
  if (!json.at("seed").is_number_unsigned()) throw DataError("its \"seed\" is no whole number");
  facts.seed = json.at("seed");
  facts.device = json.at("device");
  facts.precision = json.at("precision");
  facts.program_version = json.at("program_version");
  facts.library_versions = json.at("library_versions");
  facts.epochs = static_cast<int>(integer_at(json, "epochs", 1, kMost));
  facts.best_epoch = static_cast<int>(integer_at(json, "best_epoch", 1, facts.epochs));
  facts.seconds = json.at("seconds");
  facts.validation_accuracy = fraction_at(json, "validation_accuracy");
  facts.test_error = fraction_at(json, "test_error");
  const Json& curve = json.at("curve");
  std::transform(curve.begin(), curve.end(), std::back_inserter(facts.curve), epoch_from);
  facts.configuration = json.at("configuration");
  return facts;
}

Json to_json(const Checkpoint& checkpoint) {
  Json json{{"version", kVersion},
            {"architecture", checkpoint.architecture},
            {"image", to_string(checkpoint.image)},
            {"input", to_string(checkpoint.input)},
            {"classes", checkpoint.classes},
            {"class_names", checkpoint.class_names},
            {"fit", to_string(checkpoint.fit)},
            {"batch_normalization", checkpoint.batch_normalization},
            {"dropout", checkpoint.dropout},
            {"data_set", checkpoint.data_set},
            {"preprocessing", to_string(checkpoint.preprocessing)},
            {"finished", !checkpoint.unfinished.has_value()},
            {"training", to_json(checkpoint.facts)}};
  if (checkpoint.unfinished) json["optimizer_step"] = checkpoint.unfinished->optimizer.step;
  return json;
}

UnfinishedTraining unfinished_from(const Json& json) {
  constexpr int64_t kMostSteps = int64_t{1} << 53;  // so that the next one can be counted
  UnfinishedTraining unfinished;
  unfinished.optimizer.step = integer_at(json, "optimizer_step", 0, kMostSteps);
  return unfinished;
}

Checkpoint checkpoint_from(const Json& json) {
  Checkpoint checkpoint;
  checkpoint.architecture = json.at("architecture");
  checkpoint.image = parse_shape(json.at("image").get<std::string>());
  checkpoint.input = parse_shape(json.at("input").get<std::string>());
  checkpoint.classes =
      static_cast<int>(integer_at(json, "classes", 1, std::numeric_limits<int>::max()));
  checkpoint.class_names = json.at("class_names").get<std::vector<std::string>>();
  checkpoint.fit = datasets::parse_fit(json.value("fit", "stretch"));
  checkpoint.batch_normalization = json.at("batch_normalization");
  checkpoint.dropout = json.at("dropout");
  checkpoint.data_set = json.at("data_set");
  checkpoint.preprocessing =
      datasets::parse_preprocessing(json.at("preprocessing").get<std::string>());
  if (!json.at("finished").get<bool>()) checkpoint.unfinished = unfinished_from(json);
  checkpoint.facts = facts_from(json.at("training"));
  return checkpoint;
}

// ---- The blobs. ----

constexpr std::string_view kOptimizer = "optimizer.";

// The floats of a checkpoint, or of a const one, under the names of their blobs, in the order of
// the file.
template <typename SomeCheckpoint>
auto blobs_of(SomeCheckpoint& checkpoint) {
  std::vector<std::pair<std::string, decltype(&checkpoint.parameters)>> blobs{
      {"scale", &checkpoint.normalization.scale},
      {"shift", &checkpoint.normalization.shift},
      {"parameters", &checkpoint.parameters},
      {"running_statistics", &checkpoint.running_statistics}};
  if (!checkpoint.unfinished) return blobs;
  auto& unfinished = *checkpoint.unfinished;
  blobs.push_back({"last_parameters", &unfinished.parameters});
  blobs.push_back({"last_running_statistics", &unfinished.running_statistics});
  for (auto& [name, values] : unfinished.optimizer.values)
    blobs.push_back({std::string(kOptimizer) + name, &values});
  return blobs;
}

std::string_view bytes_of(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

std::vector<float> floats_of(const std::string& name, std::string_view bytes) {
  if (bytes.size() % sizeof(float) != 0)
    throw DataError("its blob \"" + name + "\" does not hold whole numbers of 4 bytes");
  std::vector<float> values(bytes.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

// The parts of `bytes` that the header lists.
std::map<std::string, std::string_view> cut(const Json& entries, std::string_view bytes) {
  std::map<std::string, std::string_view> parts;
  for (const Json& entry : entries) {
    const auto room = static_cast<int64_t>(bytes.size());
    const auto size = static_cast<size_t>(integer_at(entry, "bytes", 0, room));
    const std::string name = entry.at("name");
    if (!parts.emplace(name, bytes.substr(0, size)).second)
      throw DataError("its header lists a blob twice");
    bytes.remove_prefix(size);
  }
  if (!bytes.empty()) throw DataError("it holds bytes that its header does not list");
  return parts;
}

void take_blobs(std::map<std::string, std::string_view> parts, Checkpoint& checkpoint) {
  if (checkpoint.unfinished) {
    for (const auto& [name, bytes] : parts) {
      if (name.starts_with(kOptimizer))
        checkpoint.unfinished->optimizer.values[name.substr(kOptimizer.size())];
    }
  }
  for (const auto& [name, values] : blobs_of(checkpoint)) {
    const auto part = parts.extract(name);
    if (part.empty()) throw DataError("it lacks the blob \"" + name + "\"");
    *values = floats_of(name, part.mapped());
  }
  if (!parts.empty()) throw DataError("its header lists a blob that is not known");
}

// ---- Does it fit together? ----

// How many numbers each part has.
struct NetworkSizes {
  size_t parameters = 0, running_statistics = 0, positions = 0;
};

NetworkSizes sizes_of(const Checkpoint& checkpoint) {
  const std::vector<Operation> operations =
      operations_of(parse_architecture(checkpoint.architecture), checkpoint.input,
                    checkpoint.batch_normalization);
  const bool constants = checkpoint.preprocessing != datasets::Preprocessing::local_contrast;
  return {static_cast<size_t>(parameters_of(operations)),
          static_cast<size_t>(2 * normalized_channels(operations)),
          constants ? static_cast<size_t>(checkpoint.input.elements()) : 0};
}

void check_count(const std::vector<float>& values, size_t expected, const std::string& what) {
  if (values.size() == expected) return;
  throw DataError("it holds " + std::to_string(values.size()) + " " + what +
                  ", its architecture has " + std::to_string(expected));
}

void check_finite(const std::vector<float>& values, const std::string& what) {
  const auto is_finite = [](float value) { return std::isfinite(value); };
  if (!std::all_of(values.begin(), values.end(), is_finite))
    throw DataError("its " + what + " are not all finite");
}

// The second half of the statistics.
void check_variances(const std::vector<float>& statistics) {
  const auto middle = statistics.begin() + static_cast<std::ptrdiff_t>(statistics.size() / 2);
  if (std::any_of(middle, statistics.end(), [](float variance) { return variance < 0; }))
    throw DataError("its statistics hold a negative variance");
}

void check_classes(const Checkpoint& checkpoint) {
  const Architecture architecture = parse_architecture(checkpoint.architecture);
  const int classes = std::get<Softmax>(architecture.layers.back()).classes;
  if (checkpoint.classes != classes) {
    throw DataError("it is of " + std::to_string(checkpoint.classes) +
                    " classes, its architecture tells " + std::to_string(classes) + " apart");
  }
  const size_t names = checkpoint.class_names.size();
  if (names != 0 && std::cmp_not_equal(names, classes)) {
    throw DataError("it names " + std::to_string(names) + " classes of " + std::to_string(classes));
  }
}

void check_images(const Checkpoint& checkpoint) {
  constexpr int64_t kMost = int64_t{1} << 26;  // 4,096 x 4,096 in colour, and more than fits a GPU
  if (checkpoint.input.elements() > kMost)
    throw DataError("its input of " + to_string(checkpoint.input) + " is too large");
  datasets::check_padding(checkpoint.image, checkpoint.input);
}

void check_optimizer(const OptimizerState& optimizer, size_t parameters) {
  std::string names;
  for (const auto& [name, values] : optimizer.values) {
    check_count(values, parameters, "values of its optimizer's " + name);
    names += name + " ";
  }
  if (names != "" && names != "momentum " && names != "first_moment second_moment ")
    throw DataError("its optimizer's values are those of none that is known");
}

void check_unfinished(const UnfinishedTraining& unfinished, const NetworkSizes& sizes) {
  const bool last_is_best = unfinished.parameters.empty() && unfinished.running_statistics.empty();
  if (!last_is_best) {
    check_count(unfinished.parameters, sizes.parameters, "last weights");
    check_count(unfinished.running_statistics, sizes.running_statistics, "last statistics");
  }
  check_optimizer(unfinished.optimizer, sizes.parameters);
}

void check_training(const Checkpoint& checkpoint) {
  const auto epochs = static_cast<int>(checkpoint.facts.curve.size());
  const bool has_ended = epochs == checkpoint.facts.epochs;
  if (epochs > checkpoint.facts.epochs || has_ended == checkpoint.unfinished.has_value() ||
      checkpoint.facts.best_epoch < 1 || checkpoint.facts.best_epoch > epochs) {
    throw DataError("its curve of " + std::to_string(epochs) + " epochs, the best of them " +
                    std::to_string(checkpoint.facts.best_epoch) + ", is not that of " +
                    (checkpoint.unfinished ? "an unfinished" : "a finished") + " training of " +
                    std::to_string(checkpoint.facts.epochs));
  }
  if (checkpoint.unfinished) check_unfinished(*checkpoint.unfinished, sizes_of(checkpoint));
}

// ---- The file. ----

std::string hash_bytes(std::string_view content) {
  const uint64_t hash = stable_hash(content);
  return {reinterpret_cast<const char*>(&hash), sizeof hash};
}

Json parse_header(std::string_view line) {
  try {
    return Json::parse(line);
  } catch (const Json::exception&) {  // which repeats what it read, however long
    throw DataError("its header is damaged (no JSON); train it again");
  }
}

int64_t version_of(const Json& header) {
  const int64_t version = integer_at(header, "version", 1, std::numeric_limits<int64_t>::max());
  if (version <= kVersion) return version;
  throw DataError("its version is " + std::to_string(version) + ", this program reads up to " +
                  std::to_string(kVersion) + "; use a newer program");
}

Checkpoint parse(std::string_view content) {
  const size_t header_begin = std::strlen(kMagic);
  if (!content.starts_with(kMagic)) throw DataError("it is not a checkpoint of metaqnn");
  const size_t header_end = content.find('\n', header_begin);
  if (header_end == std::string_view::npos) throw DataError("it is cut short");
  // The version first: a newer one may hold its checksum elsewhere.
  const std::string_view line = content.substr(header_begin, header_end - header_begin);
  if (line_nested_deeper_than(kDeepestNesting, line))
    throw DataError("its header is nested deeper than that of any checkpoint");
  const Json header = parse_header(line);
  const int64_t version = version_of(header);
  const size_t end = content.size() - sizeof(uint64_t);
  if (content.size() <= header_end + sizeof(uint64_t) ||
      hash_bytes(content.substr(0, end)) != content.substr(end)) {
    throw DataError("it is damaged or cut short (the checksum does not fit); train it again");
  }
  if (version == 1 && !header.at("finished").get<bool>()) {
    throw DataError(
        "its training was begun by an older version of metaqnn, whose optimizer cannot be taken up "
        "safely; remove the file to train it again");
  }
  Checkpoint checkpoint = checkpoint_from(header);
  take_blobs(cut(header.at("blobs"), content.substr(header_end + 1, end - header_end - 1)),
             checkpoint);
  check_network(checkpoint);
  check_training(checkpoint);
  return checkpoint;
}

}  // namespace

std::optional<double> Checkpoint::selection_accuracy() const {
  return facts.validation_accuracy ? facts.validation_accuracy : facts.search_accuracy;
}

std::string Checkpoint::class_name(int index) const {
  const auto i = static_cast<size_t>(index);
  return i < class_names.size() ? class_names[i] : "class " + std::to_string(index);
}

void check_network(const Checkpoint& checkpoint) {
  check_classes(checkpoint);
  check_images(checkpoint);
  const NetworkSizes sizes = sizes_of(checkpoint);
  check_count(checkpoint.parameters, sizes.parameters, "weights");
  check_count(checkpoint.running_statistics, sizes.running_statistics, "statistics");
  check_count(checkpoint.normalization.scale, sizes.positions, "scales");
  check_count(checkpoint.normalization.shift, sizes.positions, "shifts");
  for (const auto& [name, values] : {std::pair("weights", &checkpoint.parameters),
                                     std::pair("statistics", &checkpoint.running_statistics),
                                     std::pair("scales", &checkpoint.normalization.scale),
                                     std::pair("shifts", &checkpoint.normalization.shift)})
    check_finite(*values, name);
  check_variances(checkpoint.running_statistics);
}

void write_checkpoint(const Checkpoint& checkpoint, const std::filesystem::path& file) {
  check_network(checkpoint);
  check_training(checkpoint);
  const auto blobs = blobs_of(checkpoint);
  Json header = to_json(checkpoint);
  header["blobs"] = Json::array();
  for (const auto& [name, values] : blobs)
    header["blobs"].push_back({{"name", name}, {"bytes", bytes_of(*values).size()}});
  std::string content = kMagic + header.dump() + "\n";
  for (const auto& [name, values] : blobs) content += bytes_of(*values);
  content += hash_bytes(content);
  write_file(file, content);
}

Checkpoint parse_checkpoint(std::string_view content, const std::string& name) {
  try {
    return parse(content);
  } catch (const Json::exception& exception) {
    throw DataError(name + ": its header is damaged (" + exception.what() + "); train it again");
  } catch (const Error& exception) {
    throw DataError(name + ": " + exception.what());
  }
}

Checkpoint read_checkpoint(const std::filesystem::path& file) {
  std::error_code error;
  std::ifstream in;
  if (std::filesystem::is_regular_file(file, error)) in.open(file, std::ios::binary);
  if (!in.is_open())
    throw DataError(file.string() + ": cannot be read; make it with metaqnn finetune");
  std::ostringstream content;
  content << in.rdbuf();
  return parse_checkpoint(content.view(), file.string());
}

Checkpoint read_finished_checkpoint(const std::filesystem::path& file) {
  Checkpoint checkpoint = read_checkpoint(file);
  if (checkpoint.unfinished) {
    throw DataError(file.string() + ": its training stands at epoch " +
                    std::to_string(checkpoint.facts.curve.size()) + " of " +
                    std::to_string(checkpoint.facts.epochs) +
                    "; finish it with the command that began it");
  }
  return checkpoint;
}

}  // namespace metaqnn::search
