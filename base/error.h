// What can go wrong, by who can mend it. Every error says what happened, where (file, line, column
// or key), which rule was broken and what to do; the program prints the message on one line and
// exits with the error's status.
#pragma once

#include <stdexcept>
#include <string>

namespace metaqnn {

// Exit statuses only ever get added to.
enum class ExitStatus { done = 0, failed = 1, usage = 2, data = 3, interrupted = 130 };

class Error : public std::runtime_error {
 public:
  // The message is kept as message_line() of base/foreign_text.h: whatever it quotes, it is
  // one line of a few kB, harmless to a terminal and without passwords.
  Error(ExitStatus status, const std::string& message);
  ExitStatus status() const { return status_; }

 private:
  ExitStatus status_;
};

// Wrong usage or configuration: an unknown key, an impossible shape, a malformed string. Exit
// status 2.
class UsageError : public Error {
 public:
  explicit UsageError(const std::string& message) : Error(ExitStatus::usage, message) {}
};

// Unreadable or corrupt data: a missing file, a wrong magic number, a damaged study. Exit status 3.
class DataError : public Error {
 public:
  explicit DataError(const std::string& message) : Error(ExitStatus::data, message) {}
};

// Everything that was asked for correctly and still did not work. Exit status 1.
class FailureError : public Error {
 public:
  explicit FailureError(const std::string& message) : Error(ExitStatus::failed, message) {}
};

// A file that cannot be written, with the system's reason (errno) and the remedy.
FailureError cannot_write(const std::string& file);

// Stopped by the user; what was done is stored and the same command resumes it. Exit status 130.
class InterruptedError : public Error {
 public:
  explicit InterruptedError(const std::string& message) : Error(ExitStatus::interrupted, message) {}
};

// A bug in this program: always checked, never compiled out. The message names both operands.
[[noreturn]] void fail_assertion(const char* file, int line, const std::string& message);

}  // namespace metaqnn

#define METAQNN_ASSERT(condition, message)                                      \
  do {                                                                          \
    if (!(condition)) ::metaqnn::fail_assertion(__FILE__, __LINE__, (message)); \
  } while (false)
