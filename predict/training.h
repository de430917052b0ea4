// What is a predictor fitted on?
//
//   Training training = make_training(encoding, samples, Failures::as_chance, unlabelled, {});
//
// A Training is made once and shared by all methods that are fitted on it; several threads may do
// so at once. What several fits need is found by the first and kept: the hyper-parameters of each
// kernel, the form of a prediction, and the decomposed Gram matrix of the points until
// release_systems().
#pragma once

#include <Eigen/Core>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "kernels/kernel.h"
#include "metaqnn/predict/samples.h"
#include "predict/encoding.h"
#include "predict/hyperparameters.h"
#include "predict/kernel_system.h"
#include "predict/stop.h"
#include "predict/target_scale.h"

namespace metaqnn::predict {

// Values by name, each made once: by the thread that needs it first, while others that need the same
// wait. One whose making failed is made anew.
template <typename Value>
class MadeOnce {
 public:
  using Pointer = std::shared_ptr<const Value>;

  Pointer get(const std::string& name, const std::function<Value()>& make) {
    std::unique_lock map(mutex_);
    Entry& entry = entries_[name];
    map.unlock();
    const std::lock_guard lock(entry.mutex);
    if (!entry.made) entry.made = std::make_shared<const Value>(make());
    return entry.made;
  }
  // Whoever holds one keeps it.
  void forget() {
    const std::lock_guard map(mutex_);
    for (auto& [name, entry] : entries_) {
      const std::lock_guard lock(entry.mutex);
      entry.made.reset();
    }
  }

 private:
  struct Entry {
    std::mutex mutex;
    Pointer made;
  };
  std::mutex mutex_;  // of the map
  std::map<std::string, Entry> entries_;
};

// A kernel that methods are made of, by what an encoding has to offer.
struct KernelKind {
  const char* name;
  kernels::KernelPointer (*make)(const Encoding&);
};

struct TwoParts;
struct Form;  // predict/form.h

struct Training {
  std::shared_ptr<const Encoding> encoding;
  std::vector<std::string> architectures;  // canonical, different from each other
  kernels::Points points;                  // of these
  Eigen::VectorXd targets;                 // n, in the unit of the samples
  datasets::Direction direction = datasets::Direction::maximize;
  TargetScale scale;                                  // on which methods are fitted
  std::vector<std::string> unlabelled_architectures;  // canonical, none of the others
  kernels::Points unlabelled;                         // of these; may be empty
  FitSettings settings;
  Failures failures = Failures::as_chance;
  // Where some networks failed and at least two did not, and failures are not left out; else null.
  std::shared_ptr<const TwoParts> parts;

  std::vector<Eigen::Index> rows{};  // of the whole, where it is some of its points

  // Of the whole, and so of the parts as well.
  std::shared_ptr<MadeOnce<Hyperparameters>> hyperparameters =
      std::make_shared<MadeOnce<Hyperparameters>>();
  std::shared_ptr<MadeOnce<Form>> forms;  // by the name of the kernel that chose it
  using System = std::shared_ptr<const KernelSystem>;
  std::shared_ptr<MadeOnce<System>> systems = std::make_shared<MadeOnce<System>>();

  // Chosen on the normal scores of all targets (predict/hyperparameters.h), which serve every scale
  // as well as its own (docs/methods/kernel_least_squares.md).
  const Hyperparameters& hyperparameters_of(const KernelKind& kind) const;
  // The kernel at these points under them.
  System system_of(const KernelKind& kind) const;
  // To whom settings.tell leads, if to anybody; what then would begin does not, once it shall stop.
  void tell(const std::string& what) const {
    go_on_unless(settings.stop);
    if (settings.tell) settings.tell(what);
  }
  // Forgets those, n^2 numbers each.
  void release_systems() const;
  // The same on another scale.
  Training on(Warp warp) const;
};

// `trains`: the targets are the shares of trained networks. `accuracy`: those that trained, and how
// well they did.
struct TwoParts {
  Training trains, accuracy;
  std::vector<Eigen::Index> trained;  // rows of the whole
  double chance;
};

// Whether cells are better read as they are written: dead edges and the places of nodes tell of these
// targets what is computed does not. By squared left-out residuals of kernels that nobody has tuned, on some hundreds drawn by the
// seed.
bool gains_as_written(const Encoding& computed, const Encoding& written,
                      const std::vector<std::string>& architectures, const Eigen::VectorXd& targets,
                      uint64_t seed);

// Throws UsageError for fewer than 2 samples, and where check() of them does. `reading`: none =
// all columns, and where the strings are cells leave-one-out chooses how they are read.
Training make_training(const EncodingSettings& encoding, const Samples& samples, Failures failures,
                       const std::vector<std::string>& unlabelled, const FitSettings& settings,
                       const std::optional<Reading>& reading = std::nullopt);

}  // namespace metaqnn::predict
