// Which network is next? What workers and ask() share: whoever wants a network of a study gets the
// one that its strategy proposes.
//
// A proposal is one transaction: what waits, expired reservations included, comes first; otherwise
// learn from the samples that are new, count finished and reserved models, walk with the epsilon
// that follows from the count. A walk onto an architecture that is known becomes a sample and
// reserves nothing; a walk onto one that failed without counting is thrown away and the next is
// drawn from the same stream; any other reserves a trial.
//
//   Proposer proposer(study, configuration, space);
//   proposer.prepare();
//   const Proposal proposal =
//       transact(study, [&](bool) { return proposer.propose({.worker = worker}); });
#pragma once

#include <atomic>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "metaqnn/search/agent/strategy.h"
#include "metaqnn/search/configuration.h"
#include "metaqnn/search/space/space.h"
#include "metaqnn/search/study/study.h"

namespace metaqnn::search {

// Whose a trial becomes: a worker's that is registered, or nobody's, reserved until the lease ends.
struct Holder {
  int64_t worker = 0;
  std::optional<double> leased_until = {};  // Unix seconds
};

// What one proposal led to.
struct Proposal {
  enum class Kind {
    trial,     // one is reserved
    known,     // a walk onto a known network, stored as a sample; or `stop` was set
    wait,      // nothing until a reserved trial finishes
    done,      // the schedule, or the limit, is reached
    exhausted  // the space has no new architecture left, or none is found
  } kind;
  Trial trial = {};  // of `trial`
};

// In a transaction: running trials of workers that are not registered any more, and reservations
// that have expired, go back to waiting; the latter have cost an attempt. Returns how many.
int release_orphans(Study& study);

class Proposer {
 public:
  // `admits`: as make_strategy() takes it. Where `stop` is set, proposals may end early.
  Proposer(Study& study, const Configuration& configuration, Space space, Admission admits = {},
           const std::atomic<bool>* stop = nullptr);
  Proposer(const Proposer&) = delete;  // the strategy points to the space
  Proposer& operator=(const Proposer&) = delete;

  // Whatever takes long, before the study is locked for propose().
  void prepare();
  // In a transaction. `limit`: of unique models in all. `promising`: a stopped trial that is to be
  // trained to its end before anything new.
  Proposal propose(const Holder& holder, int64_t limit = std::numeric_limits<int64_t>::max(),
                   std::optional<int64_t> promising = std::nullopt);

 private:
  bool is_stopped() const { return stop_ != nullptr && *stop_; }
  void begin_to_learn();
  // Whether predictions that were learned from have become results since.
  bool is_revised();
  void learn();
  Proposal walk(const Holder& holder, const Counts& counts, double epsilon);
  Trial reserve(const Holder& holder, const std::string& architecture, double epsilon);

  Study& study_;
  Configuration configuration_;
  uint64_t seed_;
  Space space_;
  int64_t space_size_;
  Admission admits_;
  const std::atomic<bool>* stop_;
  std::unique_ptr<Strategy> strategy_;
  int64_t learned_ = 0;                   // sequence of the last sample the strategy has seen
  std::optional<std::string> revisions_;  // of the study, when learning began
};

}  // namespace metaqnn::search
