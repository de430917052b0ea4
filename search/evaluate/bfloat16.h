// Where is bfloat16 faster than float32? Where the hardware multiplies it, and does not emulate it.
#pragma once

namespace metaqnn::search {

// Whether this processor multiplies bfloat16: AVX512-BF16 or AMX.
bool processor_has_bfloat16();

// Whether the CUDA device does: compute capability 8.0 (Ampere) or later, as its driver says. False
// where there is no driver of CUDA.
bool gpu_has_bfloat16(int index);

}  // namespace metaqnn::search
