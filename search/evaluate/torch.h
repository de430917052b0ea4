// What LibTorch offers here. Without it (METAQNN_WITH_TORCH=OFF) training and devices are refused
// with an error that says so.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "search/evaluate/evaluator.h"

namespace metaqnn::search {

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

// Trains on one device; see libtorch/training.cc. Throws UsageError for settings, DataError for
// images.
std::unique_ptr<Evaluator> make_training_evaluator(const TrainingSettings& settings,
                                                   const DataSettings& data,
                                                   const Resources& resources);

}  // namespace metaqnn::search
