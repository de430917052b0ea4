// How is a program of the user's run so that nothing of it outlives the process that wanted it?
//
//   ProcessEnd end = run_guarded({.words = {"python3", "train.py"}, .folder = "/home/ann/search"},
//                                [&](Output, std::string_view bytes) { log += bytes; return true; });
//
// Between this process and the program stands a guardian, forked from this one: it starts the program
// as the leader of a process group, without a shell and with nothing to read, and adopts whatever of
// the group loses its parent. When the program has ended, when it is told to, and when this process
// dies, however it dies, the guardian sends the group SIGTERM, after the grace SIGKILL, and goes
// when nothing of the group is left. If the guardian itself is killed the kernel kills the program, and
// this process the group. What is left where all are killed at once, end_orphans() ends: every
// process of a program carries the mark of the one that wanted it in its environment.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace metaqnn::search {

struct GuardedCommand {
  std::vector<std::string> words;  // the program, as a shell would find it, and what it is told
  std::filesystem::path folder;    // in which it runs
  // Beside this process's own, or in place of variables of the same name.
  std::vector<std::pair<std::string, std::string>> environment{};
  double max_seconds = 0;  // 0 is no limit
  double grace_seconds = 5;
};

enum class Output { standard, error };

struct ProcessEnd {
  // By itself; of a signal that nobody here sent; told to end since the time was up, or since what
  // looked at its output had seen enough.
  enum class Kind { exited, killed, timeout, left } kind;
  int code = 0;  // exit status, or signal
};

// Calls `take` with what the program writes, as it comes; once that answers false the program is ended
// and the rest is thrown away. What it writes to a pipe after its end is not waited for. Throws
// UsageError where it cannot be started, FailureError where this system has no process left to give.
// In the caller's thread; milliseconds beside the program's own time.
ProcessEnd run_guarded(const GuardedCommand& command,
                       const std::function<bool(Output, std::string_view)>& take);

// Throws UsageError where run_guarded() could not start it.
void check_startable(const GuardedCommand& command);

// Kills what programs of processes that are dead have left on this machine.
void end_orphans();

}  // namespace metaqnn::search
