// Runs an action with each instruction set in turn that this processor has.
#pragma once

#include <gtest/gtest.h>
#include <hwy/highway.h>

namespace metaqnn::tests {

template <typename Action>
void for_each_target(const Action& action) {
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    action();
    hwy::SetSupportedTargetsForTest(0);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
}

}  // namespace metaqnn::tests
