// Locks on bytes of an open file. They belong to the open file, not to the process, hold across the
// pid namespaces of one kernel, and are dropped by the system when the file is closed, however its
// process ends.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>

namespace metaqnn::search {

// `type`: F_RDLCK, F_WRLCK or F_UNLCK. `length` 0 is all of the file from `start` on. False, with
// errno, where it cannot be had at once.
bool lock_bytes(int descriptor, short type, off_t start, off_t length);

// Opens `file` with these flags, makes it where it is not there, and asks `enter` of it; again where
// another process removed it meanwhile. -1 where it cannot be opened, or nobody could enter for a
// second.
int open_and_enter(const std::filesystem::path& file, int flags,
                   const std::function<bool(int descriptor)>& enter);

// False once another process has removed the file, or has made a new one of that name.
bool has_name(int descriptor, const std::filesystem::path& file);

}  // namespace metaqnn::search
