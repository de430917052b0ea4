#include "search/model_locks.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>

#include "metaqnn/base/random.h"
#include "search/study/file_lock.h"

namespace metaqnn::search {
namespace {

constexpr off_t kPresence = 0;  // the byte that every process at work shares

// Who is alone here is the first: what the file holds is of those who were killed.
bool enter(int descriptor) {
  if (lock_bytes(descriptor, F_WRLCK, kPresence, 1) && ftruncate(descriptor, 0) != 0) return false;
  return lock_bytes(descriptor, F_RDLCK, kPresence, 1);
}

off_t byte_of(const std::string& model) {
  constexpr uint64_t kBytes = uint64_t{1} << 62;
  return static_cast<off_t>(1 + stable_hash(model) % kBytes);
}

// Their reasons are one line each.
std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

}  // namespace

ModelLocks::ModelLocks(const std::filesystem::path& folder)
    : file_(folder / "training.lock"),
      descriptor_(open_and_enter(file_, O_RDWR | O_APPEND, enter)) {}

// The last who leaves locks all of the file, so that nobody enters while it is removed.
ModelLocks::~ModelLocks() {
  if (descriptor_ < 0) return;
  lock_bytes(descriptor_, F_UNLCK, 0, 0);  // or two that leave at once would wait for each other
  if (lock_bytes(descriptor_, F_WRLCK, 0, 0) && has_name(descriptor_, file_)) unlink(file_.c_str());
  close(descriptor_);
}

ModelLocks::Held::~Held() {
  if (locks_ != nullptr) lock_bytes(locks_->descriptor_, F_UNLCK, byte_of(model_), 1);
}

std::optional<ModelLocks::Held> ModelLocks::take(const std::string& model) const {
  const bool is_another =
      !lock_bytes(descriptor_, F_WRLCK, byte_of(model), 1) && (errno == EAGAIN || errno == EACCES);
  if (is_another) return std::nullopt;
  return Held(*this, model);
}

void ModelLocks::add_failure(const std::string& model, const std::string& reason) const {
  const std::string line = one_line(model + " " + reason) + "\n";
  // Where it cannot be written another process tries the model too.
  if (::write(descriptor_, line.data(), line.size()) < 0) return;
}

std::optional<std::string> ModelLocks::failure(const std::string& model) const {
  if (descriptor_ < 0) return std::nullopt;
  std::ifstream in(file_);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(model + " ")) return line.substr(model.size() + 1);
  }
  return std::nullopt;
}

}  // namespace metaqnn::search
