// Which models of a folder are in training, and by whom? Several processes that train into one
// folder share the work: each model has a lock, and the system drops the locks of a process that
// dies, however it dies. They are locks on single bytes of a file in the folder, "training.lock",
// which is made by the first process and removed by the last. It also holds which models could not
// be trained, so that the others do not try them too; that is forgotten when the last has left.
//
// Where the file system has no locks, or the file cannot be made, every model seems free.
//
//   ModelLocks locks("models");
//   if (const auto lock = locks.take("trial-42")) train();   // until it goes
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>

namespace metaqnn::search {

class ModelLocks {
 public:
  class Held {
   public:
    Held(const ModelLocks& locks, std::string model) : locks_(&locks), model_(std::move(model)) {}
    ~Held();
    Held(Held&& other) noexcept : locks_(other.locks_), model_(std::move(other.model_)) {
      other.locks_ = nullptr;
    }
    Held& operator=(Held&&) = delete;

   private:
    const ModelLocks* locks_;
    std::string model_;
  };

  explicit ModelLocks(const std::filesystem::path& folder);
  ~ModelLocks();
  ModelLocks(const ModelLocks&) = delete;
  ModelLocks& operator=(const ModelLocks&) = delete;

  // Nothing while another process holds it.
  std::optional<Held> take(const std::string& model) const;

  // For the other processes; `reason` as FinalModel::reason() writes it.
  void add_failure(const std::string& model, const std::string& reason) const;
  // Why a model could not be trained by any of those that are at work, this one included.
  std::optional<std::string> failure(const std::string& model) const;

 private:
  std::filesystem::path file_;
  int descriptor_ = -1;
};

}  // namespace metaqnn::search
