// The shared library metaqnn_libtorch, which is all that needs LibTorch. The program does not link
// it: search/evaluate/torch.cc loads it. Each member is defined in the file of its subject.
#pragma once

#include "generated_version.h"
#include "search/evaluate/torch.h"

namespace metaqnn::search {

// "cpu" never comes to resolve_devices(), nor "float32" to resolve_precision(): torch.cc answers.
class LibTorch final : public TorchLibrary {
 public:
  std::string version() const override;
  std::vector<std::string> resolve_devices(const std::string& text) const override;
  std::string resolve_precision(const std::string& precision,
                                const std::string& device) const override;
  std::unique_ptr<Evaluator> make_training_evaluator(const EvaluatorSettings& settings,
                                                     const DataSettings& data,
                                                     const Resources& resources) const override;
  std::unique_ptr<FinalTrainer> make_final_trainer(const FinalTrainerSettings& settings,
                                                   const Resources& resources) const override;
  std::unique_ptr<TrainedNetwork> load_network(const Checkpoint& checkpoint,
                                               const std::string& device,
                                               int threads) const override;
  void export_torchscript(const Checkpoint& checkpoint,
                          const std::filesystem::path& file) const override;
};

// A library of another build would not fit the program.
constexpr const char* kLibTorchBuild = METAQNN_VERSION ", " METAQNN_COMPILER;

struct LibTorchEntry {
  const char* build;
  const TorchLibrary* library;
};

// The library's one entry, found by its name; another name whenever LibTorchEntry changes, since
// `build` is read as what it was before.
extern "C" const LibTorchEntry* metaqnn_torch_library();
constexpr const char* kLibTorchEntry = "metaqnn_torch_library";

}  // namespace metaqnn::search
