// Loads the library metaqnn_libtorch when it is first needed.
#include "search/evaluate/torch.h"

#include <dlfcn.h>

#include <cstring>

#include "metaqnn/base/error.h"
#include "search/evaluate/bfloat16.h"
#include "search/evaluate/libtorch/libtorch.h"

namespace metaqnn::search {
namespace {

// Found as the program's other shared libraries are: by its run path, LD_LIBRARY_PATH, the system's
// folders.
constexpr const char* kLibrary = "libmetaqnn_libtorch.so";

const TorchLibrary* load() {
  void* library = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    throw FailureError(std::string("training needs ") + kLibrary +
                       ", which cannot be loaded: " + dlerror() +
                       "; it is built and installed with the program, and needs LibTorch");
  }
  const auto entry = reinterpret_cast<decltype(&metaqnn_torch_library)>(dlsym(library, kLibTorchEntry));
  const LibTorchEntry* found = entry == nullptr ? nullptr : entry();
  if (found == nullptr || std::strcmp(found->build, kLibTorchBuild) != 0) {
    throw FailureError(std::string(kLibrary) + " is of another build (" +
                       (found == nullptr ? "none known" : found->build) + ") than the program (" +
                       kLibTorchBuild + "); build or install both again");
  }
  return found->library;
}

}  // namespace

const TorchLibrary& torch_library() {
  static const TorchLibrary* const loaded = load();
  return *loaded;
}

std::string torch_version() {
  try {
    return torch_library().version();
  } catch (const FailureError&) {
    return "without LibTorch";
  }
}

void require_torch() { torch_library(); }

std::vector<std::string> resolve_devices(const std::string& text) {
  if (text == "cpu") return {"cpu"};
  return torch_library().resolve_devices(text);
}

std::string resolve_precision(const std::string& precision, const std::string& device) {
  const bool is_automatic = precision == "auto" && device == "cpu";
  if (precision == "float32" || (is_automatic && !processor_has_bfloat16())) return "float32";
  return torch_library().resolve_precision(precision, device);
}

}  // namespace metaqnn::search
