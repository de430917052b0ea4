// What does the system say of a process?
//
//   process_stat(getpid()).start_time;
#pragma once

#include <cstdint>

namespace metaqnn::search {

// Fields of /proc/PID/stat (proc(5)); all as here where it shows no such process.
struct ProcessStat {
  char state = '\0';  // 'Z': a zombie
  int64_t parent = 0;
  uint64_t flags = 0;      // of the kernel, PF_EXITING among them
  int64_t start_time = 0;  // clock ticks after boot
};

ProcessStat process_stat(int64_t pid);

}  // namespace metaqnn::search
