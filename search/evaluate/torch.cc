// Passes everything on to the library metaqnn_libtorch, which is loaded when it is first needed.
#include "search/evaluate/torch.h"

#include <dlfcn.h>

#include <cstring>

#include "architecture/error.h"
#include "search/evaluate/bfloat16.h"
#include "search/evaluate/libtorch/libtorch.h"

namespace metaqnn::search {
namespace {

// Found as the program's other shared libraries are: by its run path, LD_LIBRARY_PATH, the system's
// folders.
constexpr const char* kLibrary = "libmetaqnn_libtorch.so";

const libtorch::Functions* load() {
  void* library = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    throw FailureError(std::string("training needs ") + kLibrary +
                       ", which cannot be loaded: " + dlerror() +
                       "; it is built and installed with the program, and needs LibTorch");
  }
  const auto entry =
      reinterpret_cast<decltype(&libtorch::metaqnn_libtorch)>(dlsym(library, libtorch::kEntry));
  const libtorch::Functions* functions = entry == nullptr ? nullptr : entry();
  if (functions == nullptr || std::strcmp(functions->build, libtorch::kBuild) != 0) {
    throw FailureError(std::string(kLibrary) + " is of another build (" +
                       (functions == nullptr ? "none known" : functions->build) +
                       ") than the program (" + libtorch::kBuild +
                       "); build or install both again");
  }
  return functions;
}

const libtorch::Functions& functions() {
  static const libtorch::Functions* const loaded = load();
  return *loaded;
}

}  // namespace

std::string torch_version() {
  try {
    return functions().torch_version();
  } catch (const FailureError&) {
    return "without LibTorch";
  }
}

void require_torch() { functions(); }

std::vector<std::string> resolve_devices(const std::string& text) {
  if (text == "cpu") return {"cpu"};
  return functions().resolve_devices(text);
}

std::string resolve_precision(const std::string& precision, const std::string& device) {
  const bool is_automatic = precision == "auto" && device == "cpu";
  if (precision == "float32" || (is_automatic && !processor_has_bfloat16())) return "float32";
  return functions().resolve_precision(precision, device);
}

std::unique_ptr<Evaluator> make_training_evaluator(const TrainingSettings& settings,
                                                   const DataSettings& data,
                                                   const Resources& resources) {
  return functions().make_training_evaluator(settings, data, resources);
}

std::unique_ptr<FinalTrainer> make_final_trainer(const FinalTrainerSettings& settings,
                                                 const Resources& resources) {
  return functions().make_final_trainer(settings, resources);
}

std::unique_ptr<TrainedNetwork> load_network(const Checkpoint& checkpoint,
                                             const std::string& device, int threads) {
  return functions().load_network(checkpoint, device, threads);
}

void export_torchscript(const Checkpoint& checkpoint, const std::filesystem::path& file) {
  functions().export_torchscript(checkpoint, file);
}

}  // namespace metaqnn::search
