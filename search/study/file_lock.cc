#include "search/study/file_lock.h"

#include <fcntl.h>
#include <sys/stat.h>

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

}  // namespace metaqnn::search
