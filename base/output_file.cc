#include "base/output_file.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <optional>
#include <string>
#include <utility>

#include "metaqnn/base/error.h"

namespace metaqnn {
namespace {

namespace fs = std::filesystem;

// Closed when it goes.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  operator int() const { return number_; }

 private:
  int number_;
};

// SIGPIPE and SIGXFSZ, which end a process by default, are held back from this thread; those that
// came meanwhile are dropped, since write() told the same.
class WriteSignalsHeld {
 public:
  WriteSignalsHeld() {
    sigset_t pending;
    sigpending(&pending);
    sigemptyset(&held_);
    for (const int signal : {SIGPIPE, SIGXFSZ}) {
      if (sigismember(&pending, signal) == 0) sigaddset(&held_, signal);
    }
    pthread_sigmask(SIG_BLOCK, &held_, &before_);
  }
  ~WriteSignalsHeld() {
    const timespec at_once{};
    while (sigtimedwait(&held_, nullptr, &at_once) > 0) {
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  WriteSignalsHeld(const WriteSignalsHeld&) = delete;
  WriteSignalsHeld& operator=(const WriteSignalsHeld&) = delete;

 private:
  sigset_t held_, before_;
};

// What a name leads to.
struct Target {
  fs::path name;                        // the end of its links
  std::optional<struct stat> replaced;  // the regular file that is there, outside /proc
  bool in_place = false;                // written to as it is
  std::optional<int> descriptor;        // of this process, written to where it stands
};

// N of /proc/self/fd/N.
std::optional<int> own_descriptor(const fs::path& name) {
  std::error_code error;
  if (fs::canonical(name.parent_path(), error) != fs::canonical("/proc/self/fd", error))
    return std::nullopt;
  const std::string text = name.filename();
  int number = 0;
  const auto [rest, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failure == std::errc() && *rest == '\0' ? std::optional(number) : std::nullopt;
}

fs::path folder_of(const fs::path& file) {
  return file.has_parent_path() ? file.parent_path() : ".";
}

// Opens what has this name, not its content; below 0 where nothing has it.
Descriptor open_node(const fs::path& name, int flags, const fs::path& file) {
  Descriptor node(open(name.c_str(), O_PATH | O_CLOEXEC | flags));
  if (node < 0 && errno != ENOENT) throw cannot_write(file);
  return node;
}

// Such as a single file that a container was given: it cannot be replaced.
bool is_mounted(int node) {
  struct statx status {};
  return statx(node, "", AT_EMPTY_PATH, STATX_TYPE, &status) == 0 &&
         (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

void classify(int node, const struct stat& status, bool in_proc, const fs::path& file,
              Target& target) {
  if (S_ISDIR(status.st_mode)) throw UsageError(file.string() + ": is a folder; name a file in it");
  if (S_ISSOCK(status.st_mode))
    throw UsageError(file.string() + ": is a socket; name a file, a pipe or a device");
  target.in_place = in_proc || !S_ISREG(status.st_mode) || is_mounted(node);
  if (in_proc) target.descriptor = own_descriptor(target.name);
  if (S_ISREG(status.st_mode) && !in_proc) target.replaced = status;
}

// Follows the links of the name one by one, so that one that leads to nothing yet has an end too.
Target follow(const fs::path& file) {
  open_node(file, 0, file);  // by the system's own rules: no loops, no link of others in /tmp
  Target target{file, {}, false, {}};
  constexpr int kMostLinks = 40;  // as many as the system follows
  for (int links = 0; links <= kMostLinks; ++links) {
    const Descriptor node = open_node(target.name, O_NOFOLLOW, file);
    if (node < 0) return target;
    struct stat status {};
    struct statfs system {};
    if (fstat(node, &status) != 0 || fstatfs(node, &system) != 0) throw cannot_write(file);
    const bool in_proc = system.f_type == PROC_SUPER_MAGIC;
    if (in_proc || !S_ISLNK(status.st_mode)) {
      classify(node, status, in_proc, file, target);
      return target;
    }
    target.name = target.name.parent_path() / fs::read_symlink(target.name);
  }
  errno = ELOOP;
  throw cannot_write(file);
}

void need_access(const fs::path& name, int mode, const fs::path& file) {
  if (faccessat(AT_FDCWD, name.c_str(), mode, AT_EACCESS) != 0) throw cannot_write(file);
}

// In a folder such as /tmp a file is replaced by its owner or the folder's alone.
void need_right_to_replace(const Target& target, const fs::path& file) {
  struct stat folder {};
  const uid_t self = geteuid();
  if (self == 0 || stat(folder_of(target.name).c_str(), &folder) != 0) return;
  if ((folder.st_mode & S_ISVTX) == 0 || folder.st_uid == self || target.replaced->st_uid == self)
    return;
  errno = EPERM;
  throw cannot_write(file);
}

// One that another user opened for this process may be written to all the same.
void need_open_for_writing(int descriptor, const fs::path& file) {
  const int flags = fcntl(descriptor, F_GETFL);
  if (flags >= 0 && (flags & O_ACCMODE) != O_RDONLY) return;
  errno = EBADF;
  throw cannot_write(file);
}

// A study, most likely: its trials are worth more than what would take their place.
bool is_database(const fs::path& name) {
  constexpr std::string_view kMagic("SQLite format 3\0", 16);
  std::array<char, kMagic.size()> begin;
  const Descriptor descriptor(open(name.c_str(), O_RDONLY | O_CLOEXEC));
  return descriptor >= 0 &&
         read(descriptor, begin.data(), begin.size()) == ssize_t{kMagic.size()} &&
         std::string_view(begin.data(), begin.size()) == kMagic;
}

Target find_target(const fs::path& file) {
  if (file.empty()) throw UsageError("the name of the file to write is empty; name a file");
  Target target = follow(file);
  if (target.descriptor) {
    need_open_for_writing(*target.descriptor, file);
  } else if (target.replaced || target.in_place) {
    need_access(target.name, W_OK, file);
  }
  if (!target.in_place) need_access(folder_of(target.name), W_OK | X_OK, file);
  if (target.replaced && !target.in_place) need_right_to_replace(target, file);
  if (target.replaced && is_database(target.name)) {
    throw UsageError(file.string() +
                     ": is an SQLite database, such as a study; name another file, or remove it");
  }
  return target;
}

void write_all(int descriptor, std::string_view content, const fs::path& file) {
  const WriteSignalsHeld held;
  while (!content.empty()) {
    const ssize_t written = write(descriptor, content.data(), content.size());
    if (written > 0) content.remove_prefix(static_cast<size_t>(written));
    if (written > 0 || errno == EINTR) continue;
    if (errno != EAGAIN) throw cannot_write(file);
    pollfd room{descriptor, POLLOUT, 0};
    poll(&room, 1, -1);
  }
}

void write_in_place(const Target& target, std::string_view content, const fs::path& file) {
  const Descriptor descriptor(
      target.descriptor ? fcntl(*target.descriptor, F_DUPFD_CLOEXEC, 0)
                        : open(target.name.c_str(), O_WRONLY | O_TRUNC | O_NOCTTY | O_CLOEXEC));
  if (descriptor < 0) throw cannot_write(file);
  write_all(descriptor, content, file);
}

// A new file beside the target, gone again unless it has taken its place.
class Draft {
 public:
  Draft(const Target& target, const fs::path& file)
      : name_(folder_of(target.name)), descriptor_(make(name_, target, file)) {}
  ~Draft() {
    if (!name_.empty()) unlink(name_.c_str());
  }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  int descriptor() const { return descriptor_; }
  void take_place_of(const Target& target, const fs::path& file) {
    if (fsync(descriptor_) != 0 || std::rename(name_.c_str(), target.name.c_str()) != 0)
      throw cannot_write(file);
    name_.clear();
  }

 private:
  // Makes it in the folder `name`, which becomes its name.
  static Descriptor make(fs::path& name, const Target& target, const fs::path& file) {
    static std::atomic<uint64_t> next{0};
    const fs::path folder = std::exchange(name, {});
    const mode_t mode = target.replaced ? 0600 : 0666;
    for (;;) {
      fs::path draft = folder / (".metaqnn-" + std::to_string(getpid()) + "-" +
                                 std::to_string(next++) + ".draft");
      Descriptor descriptor(
          open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
      if (descriptor < 0 && errno == EEXIST) continue;  // of one that was killed
      if (descriptor < 0) throw cannot_write(file);
      name = std::move(draft);
      return descriptor;
    }
  }

  fs::path name_;
  Descriptor descriptor_;
};

void keep_owner_and_mode(int descriptor, const struct stat& replaced, const fs::path& file) {
  constexpr mode_t kPermissions = 0777;  // never that to run as its owner
  // A user gives files to groups of his own at most, and where root is nobody, as on some network
  // disks, he gives none: the content matters more.
  const uid_t owner = geteuid() == 0 ? replaced.st_uid : static_cast<uid_t>(-1);
  if (fchown(descriptor, owner, replaced.st_gid) != 0) errno = 0;
  struct stat draft {};
  const mode_t mode = replaced.st_mode & kPermissions;
  if (fstat(descriptor, &draft) == 0 && (draft.st_mode & kPermissions) == mode) return;
  if (fchmod(descriptor, mode) != 0) throw cannot_write(file);
}

// A name is durable once its folder is. One that cannot be opened for that holds the file anyway.
void sync_folder(const fs::path& folder) {
  const Descriptor descriptor(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor >= 0) fsync(descriptor);
}

void replace(const Target& target, std::string_view content, const fs::path& file) {
  Draft draft(target, file);
  if (target.replaced) keep_owner_and_mode(draft.descriptor(), *target.replaced, file);
  write_all(draft.descriptor(), content, file);
  draft.take_place_of(target, file);
  sync_folder(folder_of(target.name));
}

}  // namespace

void write_file(const fs::path& file, std::string_view content) {
  const Target target = find_target(file);
  if (target.in_place) {
    write_in_place(target, content, file);
  } else {
    replace(target, content, file);
  }
}

void check_output(const fs::path& file) { find_target(file); }

}  // namespace metaqnn
