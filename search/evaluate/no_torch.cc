// Stands in for LibTorch where the program is built without it: everything works but training.
#include "metaqnn/base/error.h"
#include "search/evaluate/torch.h"

namespace metaqnn::search {
namespace {

constexpr const char* kWithout =
    ": this metaqnn was built without LibTorch; build with -DMETAQNN_WITH_TORCH=ON";

[[noreturn]] void refuse(const std::string& what) { throw FailureError(what + kWithout); }

class NoTorch final : public TorchLibrary {
 public:
  std::string version() const override { return "without LibTorch"; }
  std::vector<std::string> resolve_devices(const std::string& text) const override {
    if (text == "cpu" || text == "auto") return {"cpu"};
    refuse("device " + text);
  }
  std::string resolve_precision(const std::string& precision, const std::string&) const override {
    return precision == "auto" ? "float32" : precision;
  }
  std::unique_ptr<Evaluator> make_training_evaluator(const EvaluatorSettings&, const DataSettings&,
                                                     const Resources&) const override {
    throw UsageError(std::string("evaluator.kind = \"train\"") + kWithout);
  }
  std::unique_ptr<FinalTrainer> make_final_trainer(const FinalTrainerSettings&,
                                                   const Resources&) const override {
    refuse("training");
  }
  std::unique_ptr<TrainedNetwork> load_network(const Checkpoint&, const std::string&,
                                               int) const override {
    refuse("a trained network");
  }
  void export_torchscript(const Checkpoint&, const std::filesystem::path&) const override {
    refuse("a TorchScript file");
  }
};

}  // namespace

const TorchLibrary& torch_library() {
  static const NoTorch none;
  return none;
}

std::string torch_version() { return torch_library().version(); }

void require_torch() { torch_library().make_training_evaluator({}, {}, {}); }

std::vector<std::string> resolve_devices(const std::string& text) {
  return torch_library().resolve_devices(text);
}

std::string resolve_precision(const std::string& precision, const std::string& device) {
  return torch_library().resolve_precision(precision, device);
}

}  // namespace metaqnn::search
