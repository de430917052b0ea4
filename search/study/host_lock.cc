#include "search/study/host_lock.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/hash.h"
#include "search/study/file_lock.h"

namespace metaqnn::search {

bool is_same_host(const Worker& one, const Worker& other) {
  return one.host == other.host && one.boot_id == other.boot_id &&
         one.pid_namespace == other.pid_namespace;
}

int host_lock_number(const Worker& worker) {
  const uint32_t hash =
      fnv_1a<uint32_t>(worker.host + '\n' + worker.boot_id + '\n' + worker.pid_namespace + '\n');
  return static_cast<int>(hash % 0x7FFFFFFFu) + 1;
}

// The last who leaves locks all of the file, for which it has to be opened for writing, so that
// nobody announces himself in it while it is removed.
HostLockFile::~HostLockFile() {
  if (descriptor_ < 0) return;
  close(descriptor_);
  const int descriptor = open(file_.c_str(), O_RDWR | O_CLOEXEC);
  if (descriptor < 0) return;
  if (lock_bytes(descriptor, F_WRLCK, 0, 0) && has_name(descriptor, file_)) unlink(file_.c_str());
  close(descriptor);
}

void HostLockFile::announce(const Worker& self) {
  if (descriptor_ >= 0) return;
  // For reading alone, since another user may have made it; a shared lock needs no more. To make
  // it, the mode has to let others in.
  descriptor_ = open_and_enter(file_, O_RDONLY, [&](int descriptor) {
    return lock_bytes(descriptor, F_RDLCK, host_lock_number(self), 1);
  });
}

std::optional<bool> HostLockFile::is_present(const Worker& worker) const {
  const int descriptor = open(file_.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return errno == ENOENT ? std::optional(false) : std::nullopt;
  struct flock probe {};
  probe.l_type = F_WRLCK;
  probe.l_whence = SEEK_SET;
  probe.l_start = host_lock_number(worker);
  probe.l_len = 1;
  const bool answered = fcntl(descriptor, F_OFD_GETLK, &probe) == 0;
  close(descriptor);
  return answered ? std::optional(probe.l_type != F_UNLCK) : std::nullopt;
}

}  // namespace metaqnn::search
