// Is anybody on that host still at work? Each process that works on a study holds a shared lock
// under the number of its host; the system that keeps the lock drops it when the process dies,
// however it dies. Nobody writes heartbeats, so none can be late.
//
// A host is a machine since its boot and a pid namespace on it: what /proc can tell about.
#pragma once

#include <filesystem>
#include <optional>

#include "metaqnn/search/study/study.h"

namespace metaqnn::search {

bool is_same_host(const Worker& one, const Worker& other);

// 1 to 2^31 - 1. Two hosts that share a number wait for each other's dead a little longer.
int host_lock_number(const Worker& worker);

// The locks of a study in a file: on single bytes of a file beside it, which is made when it is
// needed and removed by the last who leaves. They belong to open files, not to processes, and hold
// across the pid namespaces of one kernel. Where the file system has no locks nothing is known.
class HostLockFile {
 public:
  explicit HostLockFile(std::filesystem::path file) : file_(std::move(file)) {}
  ~HostLockFile();
  HostLockFile(const HostLockFile&) = delete;
  HostLockFile& operator=(const HostLockFile&) = delete;

  void announce(const Worker& self);
  std::optional<bool> is_present(const Worker& worker) const;

 private:
  std::filesystem::path file_;
  int descriptor_ = -1;  // while announced
};

}  // namespace metaqnn::search
