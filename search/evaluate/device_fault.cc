#include "search/evaluate/device_fault.h"

#include <algorithm>
#include <initializer_list>

#include "metaqnn/search/evaluate/evaluator.h"

namespace metaqnn::search {
namespace {

bool has_one_of(const std::string& message, std::initializer_list<const char*> parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [&](const char* part) { return message.find(part) != std::string::npos; });
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

DeviceFault::DeviceFault(const std::string& device, const std::string& text, bool after_work)
    : FailureError("device " + device + ": " + first_line(text) +
                   "; it, its driver or its memory may be broken: look at the system's log"),
      device_(device),
      text_(first_line(text)),
      after_work_(after_work) {}

bool is_out_of_memory(const std::string& message) {
  return has_one_of(message,
                    {"out of memory", "can't allocate memory", "not enough memory", "_ALLOC_FAILED",
                     "ALLOCATION_FAILED", "ErrorMemoryAllocation", "ErrorOutOfMemory"});
}

bool is_device_fault(const std::string& message) {
  if (is_out_of_memory(message)) return false;
  if (has_one_of(message, {"CUDA error", "CUDA driver error", "HIP error", "device-side assert"}))
    return true;
  return message.find("_STATUS_") != std::string::npos &&
         has_one_of(message,
                    {"EXECUTION_FAILED", "INTERNAL_ERROR", "MAPPING_ERROR", "NOT_INITIALIZED"});
}

}  // namespace metaqnn::search
