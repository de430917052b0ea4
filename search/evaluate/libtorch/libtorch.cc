#include "search/evaluate/libtorch/libtorch.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/grad_mode.h>
#include <torch/cuda.h>
#include <torch/version.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/foreign_text.h"
#include "metaqnn/base/error.h"
#include "search/evaluate/bfloat16.h"
#include "search/evaluate/device_fault.h"
#include "search/evaluate/libtorch/precision.h"

namespace metaqnn::search {
namespace {

// Does one bfloat16 convolution, forward and back, work on this device?
bool bfloat16_step_works(const at::Device& device) {
  try {
    const auto options = at::TensorOptions().dtype(at::kBFloat16).device(device);
    const at::Tensor images = at::ones({2, 8, 8, 8}, options);
    const at::Tensor weights = at::ones({8, 8, 3, 3}, options).set_requires_grad(true);
    at::conv2d(images, weights, {}, 1, 1).relu().sum().backward();
    return std::isfinite(weights.grad().sum().item<float>());
  } catch (const std::exception& error) {
    const std::string message = error.what();
    if (is_device_fault(message)) throw DeviceFault(device.str(), message);
    if (is_out_of_memory(message)) {
      throw FailureError("device " + device.str() +
                         " has no memory left to see whether bfloat16 works there; use fewer "
                         "workers, or another device");
    }
    return false;
  }
}

// Why no GPU can be used, or "".
std::string why_no_gpu() {
  if (!torch::cuda::is_available()) {
    return "LibTorch " TORCH_VERSION
           " finds no usable GPU (a build without CUDA, no driver, or no device); docs/gpu.md says "
           "how to build against one with CUDA, and --device cpu trains here";
  }
  return "";
}

int parse_gpu(const std::string& name) {
  int index = 0;
  const std::string prefix = "cuda:";
  const char* const end = name.data() + name.size();
  const bool is_gpu = name.rfind(prefix, 0) == 0;
  const auto [at, error] = std::from_chars(name.data() + (is_gpu ? prefix.size() : 0), end, index);
  if (!is_gpu || error != std::errc{} || at != end || index < 0) {
    throw UsageError("device '" + shown(name) +
                     "': expected auto, cpu, cuda, or a list such as cuda:0,cuda:2");
  }
  return index;
}

}  // namespace

at::ScalarType choose_precision(const std::string& name, const at::Device& device) {
  if (name == "float32") return at::kFloat;
  if (name == "bfloat16") {
    if (bfloat16_step_works(device)) return at::kBFloat16;
    throw UsageError("precision bfloat16 does not work on " + device.str() +
                     "; use auto or float32");
  }
  if (name != "auto")
    throw UsageError("precision '" + shown(name) + "': expected auto, float32 or bfloat16");
  const bool worthwhile = device.is_cpu() ? processor_has_bfloat16()
                                          : gpu_has_bfloat16(std::max<int>(device.index(), 0));
  return worthwhile && bfloat16_step_works(device) ? at::kBFloat16 : at::kFloat;
}

std::string LibTorch::version() const {
  return std::string("LibTorch " TORCH_VERSION " (CUDA: ") +
         (torch::cuda::is_available() ? std::to_string(torch::cuda::device_count()) + " devices)"
                                      : "no)");
}

std::vector<std::string> LibTorch::resolve_devices(const std::string& text) const {
  const std::string obstacle = why_no_gpu();
  if (text == "auto" && !obstacle.empty()) return {"cpu"};
  const int count = obstacle.empty() ? static_cast<int>(torch::cuda::device_count()) : 0;
  std::vector<std::string> devices;
  if (text == "auto" || text == "cuda") {
    for (int i = 0; i < count; ++i) devices.push_back("cuda:" + std::to_string(i));
  } else {
    for (size_t begin = 0; begin <= text.size();) {
      const size_t end = std::min(text.find(',', begin), text.size());
      const std::string name = text.substr(begin, end - begin);
      const int index = parse_gpu(name);
      if (obstacle.empty() && index >= count) {
        throw FailureError("device " + name + " is not there; LibTorch sees " +
                           std::to_string(count) +
                           " GPU(s), cuda:0 to cuda:" + std::to_string(count - 1));
      }
      devices.push_back("cuda:" + std::to_string(index));
      begin = end + 1;
    }
  }
  if (!obstacle.empty()) throw FailureError("device " + text + ": " + obstacle);
  return devices;
}

std::string LibTorch::resolve_precision(const std::string& precision,
                                        const std::string& device) const {
  return choose_precision(precision, at::Device(device)) == at::kFloat ? "float32" : "bfloat16";
}

extern "C" const LibTorchEntry* metaqnn_torch_library() {
  static const LibTorch library;
  static const LibTorchEntry entry{kLibTorchBuild, &library};
  return &entry;
}

}  // namespace metaqnn::search
