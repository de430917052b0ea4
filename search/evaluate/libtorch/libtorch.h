// What the shared library metaqnn_libtorch does: all that needs LibTorch. The program does not link
// it; search/evaluate/torch.cc loads it when one of these functions is first called, since LibTorch
// takes most of a second to load and some 150 MB, and most commands never train.
//
// The functions are those of the same names in torch.h, final_training.h and trained_network.h of
// search/evaluate, but for the answers that torch.cc gives without LibTorch: "cpu" never comes to
// resolve_devices(), nor "float32" to resolve_precision().
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "generated_version.h"
#include "search/evaluate/evaluator.h"
#include "search/evaluate/final_training.h"
#include "search/evaluate/trained_network.h"

namespace metaqnn::search::libtorch {

std::string torch_version();
std::vector<std::string> resolve_devices(const std::string& text);
std::string resolve_precision(const std::string& precision, const std::string& device);
std::unique_ptr<Evaluator> make_training_evaluator(const TrainingSettings& settings,
                                                   const DataSettings& data,
                                                   const Resources& resources);
std::unique_ptr<FinalTrainer> make_final_trainer(const FinalTrainerSettings& settings,
                                                 const Resources& resources);
std::unique_ptr<TrainedNetwork> load_network(const Checkpoint& checkpoint,
                                             const std::string& device, int threads);
void export_torchscript(const Checkpoint& checkpoint, const std::filesystem::path& file);

// A library of another build would not fit the program.
constexpr const char* kBuild = METAQNN_VERSION ", " METAQNN_COMPILER;

struct Functions {
  const char* build;
  decltype(&libtorch::torch_version) torch_version;
  decltype(&libtorch::resolve_devices) resolve_devices;
  decltype(&libtorch::resolve_precision) resolve_precision;
  decltype(&libtorch::make_training_evaluator) make_training_evaluator;
  decltype(&libtorch::make_final_trainer) make_final_trainer;
  decltype(&libtorch::load_network) load_network;
  decltype(&libtorch::export_torchscript) export_torchscript;
};

// The library's one entry, found by its name.
extern "C" const Functions* metaqnn_libtorch();
constexpr const char* kEntry = "metaqnn_libtorch";

}  // namespace metaqnn::search::libtorch
