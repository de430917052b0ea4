// Whose fault is it that a training broke off: the network's, which wants too much, or the device's?
// What LibTorch throws says so only in its text.
#pragma once

#include <string>

namespace metaqnn::search {

// Memory of the device, or of the processor, that was not there; the device's libraries included,
// such as CUBLAS_STATUS_ALLOC_FAILED.
bool is_out_of_memory(const std::string& message);

// An error of the device that is none of the above: "CUDA error: an illegal memory access was
// encountered", CUDNN_STATUS_EXECUTION_FAILED. Not what a library says of the network alone, such as
// CUDNN_STATUS_NOT_SUPPORTED.
bool is_device_fault(const std::string& message);

}  // namespace metaqnn::search
