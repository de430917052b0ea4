// What LibTorch offers here. Without it (METAQNN_WITH_TORCH=OFF) training and devices are refused
// with an error that says so.
//
//   auto network = torch_library().load_network(read_finished_checkpoint(file), "cpu", 2);
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "metaqnn/search/evaluate/evaluator.h"
#include "search/evaluate/final_training.h"
#include "search/evaluate/trained_network.h"

namespace metaqnn::search {

// All that needs LibTorch. `device` is one of resolve_devices().
class TorchLibrary {
 public:
  virtual ~TorchLibrary() = default;

  virtual std::string version() const = 0;
  // As the functions of these names below, which know some answers without it.
  virtual std::vector<std::string> resolve_devices(const std::string& text) const = 0;
  virtual std::string resolve_precision(const std::string& precision,
                                        const std::string& device) const = 0;

  // Trains on one device. Throws UsageError for settings, DataError for images.
  virtual std::unique_ptr<Evaluator> make_training_evaluator(const EvaluatorSettings& settings,
                                                             const DataSettings& data,
                                                             const Resources& resources) const = 0;
  // Reads the images. Throws as make_training_evaluator() does.
  virtual std::unique_ptr<FinalTrainer> make_final_trainer(const FinalTrainerSettings& settings,
                                                           const Resources& resources) const = 0;
  // Throws what check_network() throws.
  virtual std::unique_ptr<TrainedNetwork> load_network(const Checkpoint& checkpoint,
                                                       const std::string& device,
                                                       int threads) const = 0;

  // Writes a TorchScript file that any LibTorch or PyTorch of at least this one's version loads with
  // torch.jit.load:
  //
  //   forward(images: n x channels x height x width, floating point, 0 to 1) -> n x classes, float32
  //
  // The shape is the checkpoint's `image`; padding and preprocessing are inside, and the outputs are
  // probabilities. Attributes: `class_names`, `architecture`, `image`, `data_set`. Its tensors are
  // buffers, so that module.to(device) moves it. Throws what check_network() throws, and what
  // write_file() does (base/output_file.h) where it cannot be written.
  virtual void export_torchscript(const Checkpoint& checkpoint,
                                  const std::filesystem::path& file) const = 0;
};

// Loaded when it is first asked for, since that takes most of a second and some 150 MB, and most
// commands never train. Throws FailureError where it cannot be loaded; one that is not built in refuses
// what it is asked for.
const TorchLibrary& torch_library();

// "LibTorch 1.13.1 (CUDA: no)", or "without LibTorch" where there is none.
std::string torch_version();

// Throws what any training would throw where LibTorch is not built in (UsageError) or cannot be
// loaded (FailureError).
void require_torch();

// The devices that "auto", "cpu", "cuda" or "cuda:0,cuda:2" mean, one worker for each. "auto" is
// every usable GPU, or the CPU where there is none; a GPU that is asked for by name and not usable
// is a FailureError that says why, never the CPU.
std::vector<std::string> resolve_devices(const std::string& text);

// "float32" or "bfloat16": what a training with this setting ("auto" or one of the two) computes in
// on a device of resolve_devices(), by the rule in libtorch/precision.h. Throws UsageError as that
// does.
std::string resolve_precision(const std::string& precision, const std::string& device);

}  // namespace metaqnn::search
