#include "search/study/file_lock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <thread>

namespace metaqnn::search {

bool lock_bytes(int descriptor, short type, off_t start, off_t length) {
  struct flock request {};
  request.l_type = type;
  request.l_whence = SEEK_SET;
  request.l_start = start;
  request.l_len = length;
  return fcntl(descriptor, F_OFD_SETLK, &request) == 0;
}

bool has_name(int descriptor, const std::filesystem::path& file) {
  struct stat opened {
  }, named{};
  return fstat(descriptor, &opened) == 0 && stat(file.c_str(), &named) == 0 &&
         opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

int open_and_enter(const std::filesystem::path& file, int flags,
                   const std::function<bool(int descriptor)>& enter) {
  constexpr int kAttempts = 100;  // another may be removing the file just now
  for (int i = 0; i < kAttempts; ++i) {
    const int descriptor = open(file.c_str(), flags | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor < 0) return -1;
    if (enter(descriptor) && has_name(descriptor, file)) return descriptor;
    close(descriptor);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return -1;
}

}  // namespace metaqnn::search
