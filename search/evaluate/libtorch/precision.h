// In which precision do the layers compute?
#pragma once

#include <ATen/ATen.h>

#include <string>

namespace metaqnn::search {

// "float32", "bfloat16", or "auto": bfloat16 where the hardware multiplies it (AVX512-BF16 or AMX
// on the CPU; a GPU of compute capability 8.0 or later), float32 otherwise. Throws UsageError for
// another name, or bfloat16 where it cannot work; FailureError where the device has no memory left
// to try it, DeviceFault where it faults.
at::ScalarType choose_precision(const std::string& name, const at::Device& device);

}  // namespace metaqnn::search
