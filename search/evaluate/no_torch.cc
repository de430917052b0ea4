// Stands in for LibTorch where the program is built without it: everything works but training.
#include "metaqnn/base/error.h"
#include "search/evaluate/torch.h"

namespace metaqnn::search {
namespace {

constexpr const char* kWithout =
    ": this metaqnn was built without LibTorch; build with -DMETAQNN_WITH_TORCH=ON";

}  // namespace

const TorchLibrary& torch_library() { throw FailureError(std::string("training") + kWithout); }

std::string torch_version() { return "without LibTorch"; }

void require_torch() { throw UsageError(std::string("evaluator.kind = \"train\"") + kWithout); }

std::vector<std::string> resolve_devices(const std::string& text) {
  if (text == "cpu" || text == "auto") return {"cpu"};
  throw FailureError("device " + text + kWithout);
}

std::string resolve_precision(const std::string& precision, const std::string&) {
  return precision == "auto" ? "float32" : precision;
}

}  // namespace metaqnn::search
