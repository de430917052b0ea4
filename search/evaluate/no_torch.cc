// Stands in for LibTorch where the program is built without it: everything works but training.
#include "architecture/error.h"
#include "search/evaluate/final_training.h"
#include "search/evaluate/torch.h"
#include "search/evaluate/trained_network.h"

namespace metaqnn::search {
namespace {

[[noreturn]] void refuse(const std::string& what) {
  throw FailureError(what +
                     ": this metaqnn was built without LibTorch; build with "
                     "-DMETAQNN_WITH_TORCH=ON");
}

}  // namespace

std::string torch_version() { return "without LibTorch"; }

void require_torch() {
  throw UsageError(
      "evaluator.kind = \"train\": this metaqnn was built without LibTorch; build with "
      "-DMETAQNN_WITH_TORCH=ON");
}

std::vector<std::string> resolve_devices(const std::string& text) {
  if (text == "cpu" || text == "auto") return {"cpu"};
  refuse("device " + text);
}

std::string resolve_precision(const std::string& precision, const std::string&) {
  return precision == "auto" ? "float32" : precision;
}

std::unique_ptr<Evaluator> make_training_evaluator(const TrainingSettings&, const DataSettings&,
                                                   const Resources&) {
  require_torch();
  return nullptr;
}

std::unique_ptr<FinalTrainer> make_final_trainer(const FinalTrainerSettings&, const Resources&) {
  refuse("training");
}

std::unique_ptr<TrainedNetwork> load_network(const Checkpoint&, const std::string&, int) {
  refuse("a trained network");
}

void export_torchscript(const Checkpoint&, const std::filesystem::path&) {
  refuse("a TorchScript file");
}

}  // namespace metaqnn::search
