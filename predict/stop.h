// Has whoever wants a fit changed their mind?
#pragma once

#include <atomic>

#include "metaqnn/base/error.h"

namespace metaqnn::predict {

// Throws InterruptedError where `stop` is set (FitSettings::stop).
inline void go_on_unless(const std::atomic<bool>* stop) {
  if (stop != nullptr && *stop) throw InterruptedError("the fit was stopped");
}

}  // namespace metaqnn::predict
