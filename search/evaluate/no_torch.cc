// Stands in for LibTorch where the program is built without it: everything works but training.
#include "architecture/error.h"
#include "search/evaluate/torch.h"

namespace metaqnn::search {

std::string torch_version() { return "without LibTorch"; }

std::vector<std::string> resolve_devices(const std::string& text) {
  if (text == "cpu" || text == "auto") return {"cpu"};
  throw FailureError(
      "device " + text +
      ": this metaqnn was built without LibTorch; build with -DMETAQNN_WITH_TORCH=ON");
}

std::string resolve_precision(const std::string& precision, const std::string&) {
  return precision == "auto" ? "float32" : precision;
}

std::unique_ptr<Evaluator> make_training_evaluator(const TrainingSettings&, const DataSettings&,
                                                   const Resources&) {
  throw UsageError(
      "evaluator.kind = \"train\": this metaqnn was built without LibTorch; build with "
      "-DMETAQNN_WITH_TORCH=ON");
}

}  // namespace metaqnn::search
