// Keeps a search alive: starts its worker processes, replaces one that dies, and tells what
// happens.
//
// A worker that dies of a signal (segmentation fault, the kernel's out-of-memory killer) costs the
// trial it held one of kRetries retries; a trial that kills its workers more often fails as
// crashed. A limit of the surroundings on processor time that ends a worker ends the search, at no
// cost to the trial. A worker that dies before it has trained anything (killed for lack of memory, a
// broken driver) is replaced kRetries times; then the search goes on with those that are left. When
// the supervisor itself is killed its workers die with it, and their trials go back to waiting at no
// cost when the next search starts.
//
// A device that faults (DeviceFault) costs the trial in hand a retry too, since some networks fault
// where others do not; but one trial alone where several workers meet the same fault. It is left
// once kMostFaults faults have come one after another, with nothing trained between them; what its
// workers held goes back to waiting at no cost, and the search goes on with the other devices. Where
// no worker is left for faults the search ends with what the device said.
//
// A worker that has lost the study's server for longer than its patience is not replaced.
//
//   Supervisor supervisor(options, observer);
//   SearchEnd end = supervisor.run();
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "metaqnn/base/error.h"
#include "metaqnn/search/search.h"
#include "metaqnn/search/study/study.h"

namespace metaqnn::search {

// What a search tells while it runs. Called from the supervisor's own thread.
class SearchObserver {
 public:
  virtual ~SearchObserver() = default;
  virtual void trial_finished(const Trial&) {}
  // `held`: the trial in its hand, null for none.
  virtual void worker_died(const std::string& how, const Trial* held) { (void)how, (void)held; }
  // Nothing takes the place of the worker that ended last; `left` others go on.
  virtual void worker_given_up(int left) { (void)left; }
  virtual void device_left(const std::string& device, const std::string& fault) {
    (void)device, (void)fault;
  }
  virtual void tick(const Counts&) {}  // a few times a second
};

constexpr int kRetries = 2;
constexpr int kMostFaults = kRetries + 2;  // more than one network can bring about
// Exit statuses of a worker process that are no errors of the user's: it found nothing new; its
// study's server is away; its device faulted, before it had trained anything or later.
constexpr int kExhaustedStatus = 4, kAwayStatus = 5, kFaultStatus = 6, kLateFaultStatus = 7;

struct SupervisorOptions {
  std::string study_url;
  std::vector<std::string> devices{"cpu"};  // `workers` processes for each
  int workers = 1;
  int threads = 0;  // of each worker; 0 shares the cores that this process may use
  int64_t limit = std::numeric_limits<int64_t>::max();
  bool waiting_only = false;                   // as WorkOptions::waiting_only
  std::string allowed_command{};               // as WorkOptions::allowed_command
  std::chrono::seconds patience = kPatience;   // with the study's lock and server
  std::string program;                         // the executable that runs a worker
  std::vector<std::string> program_arguments;  // before the worker's own options
  // Set to 1 by a first interrupt (finish the trials in hand), to 2 by a second (abandon them).
  const std::atomic<int>* interrupts = nullptr;
};

class Supervisor {
 public:
  Supervisor(const SupervisorOptions& options, SearchObserver& observer);
  ~Supervisor();  // kills workers that are left
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  // Throws FailureError where no worker is left: every one died before it had trained anything,
  // lost the server, or had a device that was left; where a limit of the surroundings ended one; and
  // where too many trials in a row have failed (FailureStreak). Throws Error where a worker ends with
  // an error of its own (it has printed it), with the worker's exit status.
  SearchEnd run();

 private:
  struct Child {
    pid_t pid;
    std::string device;
    int failed_starts;  // of those before it in its place, one after another
    int64_t finished;   // trials of the study when it began
    int faults_before;  // of its device
  };

  // Of workers on one device. A fault of a worker that began before the last of these is the same
  // one, which it met too.
  struct DeviceFaults {
    int all = 0;
    int in_a_row = 0;  // the first after work, the others before any
    bool is_left() const { return in_a_row >= kMostFaults; }
  };

  // How far a worker had come: not to its first trial, without one in hand, with one.
  enum class Stage { starting, between, training };
  // How it ended: as it should, without its server, by its device, with an error of its own, by a
  // limit of the surroundings, by another signal.
  enum class Ending { orderly, away, fault, error, limit, death };
  static Ending ending_of(const siginfo_t& info);

  // What a death costs the trial in hand.
  enum class Charge { nothing, retry };

  Child start(const std::string& device, int failed_starts = 0);
  bool has_work() const;
  void reap();
  void follow_up(const Child& child, const siginfo_t& info);
  void replace(const Child& dead, const std::string& how, Stage stage);
  void replace_after_fault(const Child& child, bool after_work);
  void give_up(const std::string& why);
  void stop_for(const std::string& failure);
  void stop_children();
  std::vector<int64_t> registrations(const Child& child);
  void find_own_workers();
  std::string held_detail(const Child& child);
  Stage settle(const Child& child, const std::string& how, Charge charge);
  void give_back(Trial trial, int64_t worker, const std::string& how, Charge charge);
  void report();
  void report_changes();
  void report_trials();
  void watch(const Trial& trial);
  bool has_new_interrupt() const;
  void obey_interrupts();
  void signal_children(int signal);

  SupervisorOptions options_;
  SearchObserver& observer_;
  std::unique_ptr<Study> study_;
  std::vector<Child> children_;
  std::vector<TrialState> reported_;  // by trial number; waiting: nothing was told
  int64_t finished_ = 0;              // trials, at the last look
  int obeyed_interrupts_ = 0;
  bool exhausted_ = false;
  ExitStatus child_error_ = ExitStatus::done;
  FailureStreak streak_;
  std::string failure_;  // why the search ends before its end
  std::map<std::string, DeviceFaults> faults_;
  std::set<int64_t> own_workers_;  // by their numbers in the study
  std::string given_up_;           // why no worker took the place of the last that ended
};

// What a worker process does, and its exit status: an error that the supervisor deals with is thrown
// again under the status by which it knows it.
ExitStatus run_supervised_worker(const std::function<SearchEnd()>& work);

// In a worker process, before anything else: die with its supervisor, ignore the terminal's
// interrupt (the supervisor passes on what is meant), be the kernel's first victim when memory runs
// out.
void become_supervised_worker(pid_t supervisor);

}  // namespace metaqnn::search
