#pragma once

#include <string>

#include "metaqnn/base/error.h"

namespace metaqnn::tests {

// The message of the error that the action throws.
template <typename Error, typename Action>
std::string message_of(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

template <typename Action>
std::string usage_error(const Action& action) {
  return message_of<UsageError>(action);
}

}  // namespace metaqnn::tests
