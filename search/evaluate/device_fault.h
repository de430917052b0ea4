// Whose fault is it that a training broke off: the network's, which wants too much, or the device's?
// What LibTorch throws says so only in its text.
#pragma once

#include <string>

#include "base/error.h"

namespace metaqnn::search {

// The device is at fault, or what it leaves a process to work with: a CUDA error after which every
// call fails. The process that got it can train nothing more there.
class DeviceFault : public FailureError {
 public:
  // `text`: in the words of the library. `after_work`: the process had trained something there.
  DeviceFault(const std::string& device, const std::string& text, bool after_work = false);
  DeviceFault(const DeviceFault& fault, bool after_work)
      : DeviceFault(fault.device_, fault.text_, after_work) {}

  const std::string& text() const { return text_; }  // one line
  bool after_work() const { return after_work_; }

 private:
  std::string device_, text_;
  bool after_work_;
};

// Memory of the device, or of the processor, that was not there; the device's libraries included,
// such as CUBLAS_STATUS_ALLOC_FAILED.
bool is_out_of_memory(const std::string& message);

// An error of the device that is none of the above: "CUDA error: an illegal memory access was
// encountered", CUDNN_STATUS_EXECUTION_FAILED. Not what a library says of the network alone, such as
// CUDNN_STATUS_NOT_SUPPORTED.
bool is_device_fault(const std::string& message);

}  // namespace metaqnn::search
