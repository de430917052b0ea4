// Any bytes are either a model or refused with metaqnn::Error. The input is a JSON merge patch to a
// good model of the method that its first byte chooses, with the checksum made right again: nothing
// would come past that otherwise. What is a model predicts.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "metaqnn/base/error.h"
#include "metaqnn/base/random.h"
#include "metaqnn/predict/model.h"

namespace {

using nlohmann::json;

metaqnn::predict::Samples few_samples() {
  metaqnn::predict::Samples samples;
  samples.architectures = {"[C(64,3,1), SM(10)]", "[C(128,5,1), P(2,2), SM(10)]",
                           "[C(64,1,1), GAP(10), SM(10)]", "[C(256,3,1), C(64,3,1), SM(10)]"};
  samples.targets = Eigen::Vector4d(0.6, 0.7, 0.5, 0.65);
  samples.trained_targets = samples.targets;
  samples.trained = Eigen::Vector4d::Ones();
  samples.chance = 0.1;
  return samples;
}

std::vector<json> good_models() {
  std::vector<json> models;
  const std::string file = "/tmp/model_fuzz." + std::to_string(getpid());
  for (const std::string& method : metaqnn::predict::method_names()) {
    metaqnn::predict::Model::fit(few_samples(), {}, {.method = method, .threads = 1}).save(file);
    models.push_back(json::parse(std::ifstream(file)));
  }
  std::remove(file.c_str());
  return models;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::vector<json> models = good_models();
  if (size == 0) return 0;
  json model = models[data[0] % models.size()];
  const json patch =
      json::parse(std::string_view(reinterpret_cast<const char*>(data + 1), size - 1), nullptr,
                  /*allow_exceptions=*/false);
  if (patch.is_discarded()) return 0;
  model.merge_patch(patch);
  if (!model.is_object()) return 0;
  model.erase("checksum");
  try {
    model["checksum"] = std::to_string(metaqnn::stable_hash(model.dump()));
    const auto read = metaqnn::predict::Model::parse(model.dump(), "fuzz", 1);
    METAQNN_ASSERT(read.predict({read.samples().architectures[0]}).size() == 1,
                   "one prediction an architecture");
  } catch (const metaqnn::Error&) {
  } catch (const json::exception&) {  // dump() of bytes that are no UTF-8
  }
  return 0;
}
