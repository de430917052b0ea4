// In which precision do the layers compute?
#pragma once

#include <ATen/ATen.h>

#include <string>

namespace metaqnn::search {

// "float32", "bfloat16", or "auto": bfloat16 where the hardware multiplies it (AVX512-BF16 or AMX
// on the CPU; a GPU on which one bfloat16 step works), float32 otherwise. Throws UsageError for
// another name, or bfloat16 where it cannot work.
at::ScalarType choose_precision(const std::string& name, const at::Device& device);

}  // namespace metaqnn::search
