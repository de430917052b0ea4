#include "search/evaluate/checkpoint.h"

#include <fcntl.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "architecture/error.h"
#include "architecture/nesting.h"
#include "architecture/random.h"

namespace metaqnn::search {
namespace {

using Json = nlohmann::ordered_json;

static_assert(std::endian::native == std::endian::little, "floats are written as they lie");

constexpr int kVersion = 1;
constexpr const char* kMagic = "metaqnn checkpoint\n";

// ---- Between structs and JSON; NaN is null. ----

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }
Json number(const std::optional<double>& value) { return value ? number(*value) : Json(nullptr); }

std::optional<double> optional_at(const Json& json, const char* key) {
  const Json& value = json.at(key);
  return value.is_null() ? std::nullopt : std::optional(value.get<double>());
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

TrainingFacts facts_from(const Json& json) {
  TrainingFacts facts;
  facts.origin = json.at("origin");
  facts.started_from = json.at("started_from");
  facts.trial = json.at("trial");
  facts.search_accuracy = optional_at(json, "search_accuracy");
  facts.seed = json.at("seed");
  facts.device = json.at("device");
  facts.precision = json.at("precision");
  facts.program_version = json.at("program_version");
  facts.library_versions = json.at("library_versions");
  facts.epochs = json.at("epochs");
  facts.best_epoch = json.at("best_epoch");
  facts.seconds = json.at("seconds");
  facts.validation_accuracy = optional_at(json, "validation_accuracy");
  facts.test_error = optional_at(json, "test_error");
  for (const Json& epoch : json.at("curve")) {
    facts.curve.push_back({number_or_nan(epoch.at(0)), number_or_nan(epoch.at(1)),
                           number_or_nan(epoch.at(2)), number_or_nan(epoch.at(3))});
  }
  facts.configuration = json.at("configuration");
  return facts;
}

Json to_json(const Checkpoint& checkpoint) {
  return {{"version", kVersion},
          {"architecture", checkpoint.architecture},
          {"image", to_string(checkpoint.image)},
          {"input", to_string(checkpoint.input)},
          {"classes", checkpoint.classes},
          {"class_names", checkpoint.class_names},
          {"batch_normalization", checkpoint.batch_normalization},
          {"dropout", checkpoint.dropout},
          {"data_set", checkpoint.data_set},
          {"preprocessing", to_string(checkpoint.preprocessing)},
          {"finished", !checkpoint.unfinished.has_value()},
          {"training", to_json(checkpoint.facts)}};
}

Checkpoint checkpoint_from(const Json& json) {
  Checkpoint checkpoint;
  checkpoint.architecture = json.at("architecture");
  checkpoint.image = parse_shape(json.at("image").get<std::string>());
  checkpoint.input = parse_shape(json.at("input").get<std::string>());
  checkpoint.classes = json.at("classes");
  checkpoint.class_names = json.at("class_names").get<std::vector<std::string>>();
  checkpoint.batch_normalization = json.at("batch_normalization");
  checkpoint.dropout = json.at("dropout");
  checkpoint.data_set = json.at("data_set");
  checkpoint.preprocessing =
      datasets::parse_preprocessing(json.at("preprocessing").get<std::string>());
  if (!json.at("finished").get<bool>()) checkpoint.unfinished.emplace();
  checkpoint.facts = facts_from(json.at("training"));
  return checkpoint;
}

// ---- The blobs, in the order of the file. ----

std::string bytes_of(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

void assign(const std::string& bytes, std::vector<float>& values) {
  if (bytes.size() % sizeof(float) != 0) throw DataError("a blob of floats has a broken size");
  values.resize(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
}

struct Blob {
  std::string name, bytes;
};

std::vector<Blob> blobs_of(const Checkpoint& checkpoint) {
  std::vector<Blob> blobs{{"scale", bytes_of(checkpoint.normalization.scale)},
                          {"shift", bytes_of(checkpoint.normalization.shift)},
                          {"parameters", bytes_of(checkpoint.parameters)},
                          {"running_statistics", bytes_of(checkpoint.running_statistics)}};
  if (checkpoint.unfinished) {
    blobs.push_back({"last_parameters", bytes_of(checkpoint.unfinished->parameters)});
    blobs.push_back(
        {"last_running_statistics", bytes_of(checkpoint.unfinished->running_statistics)});
    blobs.push_back({"optimizer", checkpoint.unfinished->optimizer});
  }
  return blobs;
}

void take_blob(const Blob& blob, Checkpoint& checkpoint) {
  if (blob.name == "scale") return assign(blob.bytes, checkpoint.normalization.scale);
  if (blob.name == "shift") return assign(blob.bytes, checkpoint.normalization.shift);
  if (blob.name == "parameters") return assign(blob.bytes, checkpoint.parameters);
  if (blob.name == "running_statistics") return assign(blob.bytes, checkpoint.running_statistics);
  if (!checkpoint.unfinished) throw DataError("blob \"" + blob.name + "\" is not known");
  UnfinishedTraining& unfinished = *checkpoint.unfinished;
  if (blob.name == "last_parameters") return assign(blob.bytes, unfinished.parameters);
  if (blob.name == "last_running_statistics")
    return assign(blob.bytes, unfinished.running_statistics);
  if (blob.name != "optimizer") throw DataError("blob \"" + blob.name + "\" is not known");
  unfinished.optimizer = blob.bytes;
}

// ---- The file. ----

std::string hash_bytes(const std::string& content) {
  const uint64_t hash = stable_hash(content);
  return {reinterpret_cast<const char*>(&hash), sizeof hash};
}

// Does what the header says fit together? The checksum excludes accidents, not other programs.
void check(const Checkpoint& checkpoint) {
  const Analysis analysis = analyse(parse_architecture(checkpoint.architecture), checkpoint.input);
  const size_t elements = static_cast<size_t>(checkpoint.input.elements());
  const bool constants = checkpoint.preprocessing != datasets::Preprocessing::local_contrast;
  if (!checkpoint.batch_normalization &&
      checkpoint.parameters.size() != static_cast<size_t>(analysis.parameters)) {
    throw DataError("it holds " + std::to_string(checkpoint.parameters.size()) +
                    " weights, its architecture has " + std::to_string(analysis.parameters));
  }
  if (constants && (checkpoint.normalization.scale.size() != elements ||
                    checkpoint.normalization.shift.size() != elements)) {
    throw DataError("its preprocessing does not have the " + std::to_string(elements) +
                    " positions of its input " + to_string(checkpoint.input));
  }
}

Checkpoint parse(const std::string& content) {
  const size_t header_begin = std::strlen(kMagic);
  if (content.rfind(kMagic, 0) != 0) throw DataError("it is not a checkpoint of metaqnn");
  const size_t header_end = content.find('\n', header_begin);
  if (header_end == std::string::npos) throw DataError("it is cut short");
  // The version first: a newer one may hold its checksum elsewhere.
  const std::string line = content.substr(header_begin, header_end - header_begin);
  if (line_nested_deeper_than(kDeepestNesting, line))
    throw DataError("its header is nested deeper than that of any checkpoint");
  const Json header = Json::parse(line);
  const int version = header.at("version");
  if (version > kVersion) {
    throw DataError("its version is " + std::to_string(version) + ", this program reads up to " +
                    std::to_string(kVersion) + "; use a newer program");
  }
  const size_t end = content.size() - sizeof(uint64_t);
  if (content.size() <= header_end + sizeof(uint64_t) ||
      hash_bytes(content.substr(0, end)) != content.substr(end)) {
    throw DataError("it is damaged or cut short (the checksum does not fit); train it again");
  }
  Checkpoint checkpoint = checkpoint_from(header);
  size_t position = header_end + 1;
  for (const Json& entry : header.at("blobs")) {
    const size_t size = entry.at("bytes");
    if (size > end - position) throw DataError("its blobs are longer than the file");
    take_blob({entry.at("name"), content.substr(position, size)}, checkpoint);
    position += size;
  }
  check(checkpoint);
  return checkpoint;
}

[[noreturn]] void fail_to_write(const std::filesystem::path& file, const std::string& draft) {
  const std::string reason = std::strerror(errno);
  std::error_code ignored;
  std::filesystem::remove(draft, ignored);
  throw FailureError(file.string() + ": cannot be written (" + reason + ")");
}

void write_all(int descriptor, const std::string& bytes) {
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t written = write(descriptor, bytes.data() + done, bytes.size() - done);
    if (written < 0 && errno != EINTR) return;  // fsync or the size tells the caller
    done += written > 0 ? static_cast<size_t>(written) : 0;
  }
}

void write_durably(const std::string& content, const std::filesystem::path& file) {
  const std::string draft = file.string() + ".draft";
  const int descriptor = open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) fail_to_write(file, draft);
  write_all(descriptor, content);
  const bool whole = lseek(descriptor, 0, SEEK_END) == static_cast<off_t>(content.size()) &&
                     fsync(descriptor) == 0;
  if (close(descriptor) != 0 || !whole) fail_to_write(file, draft);
  if (std::rename(draft.c_str(), file.c_str()) != 0) fail_to_write(file, draft);
  // The name itself is durable once its folder is.
  const std::filesystem::path folder = file.has_parent_path() ? file.parent_path() : ".";
  const int folder_descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder_descriptor < 0) return;
  fsync(folder_descriptor);
  close(folder_descriptor);
}

}  // namespace

std::optional<double> Checkpoint::selection_accuracy() const {
  return facts.validation_accuracy ? facts.validation_accuracy : facts.search_accuracy;
}

std::string Checkpoint::class_name(int index) const {
  const auto i = static_cast<size_t>(index);
  return i < class_names.size() ? class_names[i] : "class " + std::to_string(index);
}

void write_checkpoint(const Checkpoint& checkpoint, const std::filesystem::path& file) {
  check(checkpoint);
  const std::vector<Blob> blobs = blobs_of(checkpoint);
  Json header = to_json(checkpoint);
  header["blobs"] = Json::array();
  for (const Blob& blob : blobs)
    header["blobs"].push_back({{"name", blob.name}, {"bytes", blob.bytes.size()}});
  std::string content = kMagic + header.dump() + "\n";
  for (const Blob& blob : blobs) content += blob.bytes;
  content += hash_bytes(content);
  write_durably(content, file);
}

Checkpoint read_checkpoint(const std::filesystem::path& file) {
  std::error_code error;
  std::ifstream in(file, std::ios::binary);
  if (!in || !std::filesystem::is_regular_file(file, error))
    throw DataError(file.string() + ": cannot be read; make it with metaqnn finetune");
  std::ostringstream content;
  content << in.rdbuf();
  try {
    return parse(content.str());
  } catch (const nlohmann::json::exception& exception) {
    throw DataError(file.string() + ": its header is damaged (" + exception.what() +
                    "); train it again");
  } catch (const Error& exception) {
    throw DataError(file.string() + ": " + exception.what());
  }
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
