#include "search/supervisor.h"

#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "base/parallel.h"
#include "search/study/host_lock.h"
#include "search/study/process_stat.h"

namespace metaqnn::search {
namespace {

using namespace std::chrono_literals;

constexpr auto kTick = 200ms;
constexpr auto kLongestDying = 10s;

std::string how_it_died(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return "exit status " + std::to_string(info.si_status);
  return "signal " + std::to_string(info.si_status) + ", " + strsignal(info.si_status);
}

// The limit whose signal ended the worker; "" for any other end.
std::string limit_reached(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return "";
  return info.si_status == SIGXCPU ? "the limit on processor time (ulimit -t)" : "";
}

// Killed, but not gone yet: SIGKILL is pending, or the kernel takes the process apart.
bool is_dying(int64_t pid) {
  constexpr uint64_t kExiting = 4;  // PF_EXITING
  if ((process_stat(pid).flags & kExiting) != 0) return true;
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.rfind("SigPnd:", 0) != 0 && line.rfind("ShdPnd:", 0) != 0) continue;
    const uint64_t signals = std::strtoull(line.c_str() + 7, nullptr, 16);
    if ((signals >> (SIGKILL - 1) & 1) != 0) return true;
  }
  return false;
}

// When a supervisor is killed its workers die a moment later, those on a GPU perhaps seconds. Their
// trials shall go first in a search that starts at once, as they would in one that starts later.
void await_dying_workers(Study& study) {
  const auto end = std::chrono::steady_clock::now() + kLongestDying;
  const auto dying = [](const Worker& worker) {
    return is_alive(worker).value_or(false) && is_dying(worker.pid);
  };
  for (const Worker& worker : study.workers()) {
    while (dying(worker) && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(10ms);
    }
  }
}

int64_t finished_trials(const Counts& counts) {
  return counts.in(TrialState::complete) + counts.in(TrialState::failed) +
         counts.in(TrialState::stopped);
}

Error with_status(int status, const Error& error) {
  return {static_cast<ExitStatus>(status), error.what()};
}

}  // namespace

ExitStatus run_supervised_worker(const std::function<SearchEnd()>& work) {
  try {
    return work() == SearchEnd::exhausted ? static_cast<ExitStatus>(kExhaustedStatus)
                                          : ExitStatus::done;
  } catch (const StudyAwayError& error) {
    throw with_status(kAwayStatus, error);
  } catch (const DeviceFault& fault) {
    throw with_status(fault.after_work() ? kLateFaultStatus : kFaultStatus, fault);
  }
}

void become_supervised_worker(pid_t supervisor) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // It may have died before the line above. (In a container it may well be process 1.)
  if (getppid() != supervisor) _exit(static_cast<int>(ExitStatus::failed));
  signal(SIGINT, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  std::ofstream("/proc/self/oom_score_adj") << 800;
}

Supervisor::Supervisor(const SupervisorOptions& options, SearchObserver& observer)
    : options_(options),
      observer_(observer),
      study_(open_study(options.study_url, Durability::power_loss, options.patience)) {
  study_->stop_waiting_when([this] { return has_new_interrupt() || obeyed_interrupts_ >= 2; });
  if (options_.threads == 0) {
    const int workers = options_.workers * static_cast<int>(options_.devices.size());
    options_.threads = std::max(1, available_cores() / workers);
  }
}

Supervisor::~Supervisor() {
  signal_children(SIGKILL);
  for (const Child& child : children_) waitpid(child.pid, nullptr, 0);
}

SearchEnd Supervisor::run() {
  study_->announce_host();
  await_dying_workers(*study_);
  release_dead_workers(*study_);
  for (const Trial& trial : study_->trials(false)) {
    reported_.resize(static_cast<size_t>(trial.number) + 1);
    reported_[static_cast<size_t>(trial.number)] =
        trial.finished() ? trial.state : TrialState::waiting;
  }
  if (!has_work()) return SearchEnd::done;
  for (const std::string& device : options_.devices) {
    for (int i = 0; i < options_.workers; ++i) children_.push_back(start(device));
  }
  while (!children_.empty()) {
    std::this_thread::sleep_for(kTick);
    obey_interrupts();
    reap();
    report();
  }
  if (child_error_ != ExitStatus::done)
    throw Error(child_error_,
                "a worker stopped with the error above; mend it and run the same command again");
  if (!failure_.empty()) throw FailureError(failure_);
  if (obeyed_interrupts_ > 0 && has_work()) return SearchEnd::stopped;
  if (!given_up_.empty() && !exhausted_ && has_work())
    throw FailureError("no worker is left: " + given_up_);
  return exhausted_ ? SearchEnd::exhausted : SearchEnd::done;
}

bool Supervisor::has_work() const {
  return options_.waiting_only
             ? has_waiting(*study_)
             : search::has_work(*study_, stored_configuration(*study_), options_.limit);
}

Supervisor::Child Supervisor::start(const std::string& device, int failed_starts) {
  std::vector<std::string> arguments{options_.program};
  arguments.insert(arguments.end(), options_.program_arguments.begin(),
                   options_.program_arguments.end());
  if (options_.waiting_only) arguments.push_back("--waiting-only");
  if (!options_.allowed_command.empty())
    arguments.insert(arguments.end(), {"--allowed-command", options_.allowed_command});
  for (const std::string& argument :
       {std::string("--study"), options_.study_url, std::string("--device"), device,
        std::string("--threads"), std::to_string(options_.threads), std::string("--trials"),
        std::to_string(options_.limit), std::string("--patience"),
        std::to_string(options_.patience.count()), std::string("--supervised"),
        std::to_string(getpid())})
    arguments.push_back(argument);
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  const int64_t finished = finished_trials(study_->counts());
  pid_t pid = 0;
  const int error =
      posix_spawn(&pid, options_.program.c_str(), nullptr, nullptr, pointers.data(), environ);
  if (error != 0) {
    throw FailureError("cannot start a worker process, " + options_.program + ": " +
                       strerror(error));
  }
  return {pid, device, failed_starts, finished, faults_[device].all};
}

Supervisor::Ending Supervisor::ending_of(const siginfo_t& info) {
  const int status = info.si_status;
  if (!limit_reached(info).empty()) return Ending::limit;
  if (info.si_code != CLD_EXITED) return Ending::death;
  if (status == 0 || status == kExhaustedStatus) return Ending::orderly;
  if (status == kAwayStatus) return Ending::away;
  return status == kFaultStatus || status == kLateFaultStatus ? Ending::fault : Ending::error;
}

// What a worker held is settled in the study *before* it is reaped: until then the kernel keeps its
// process id and start time, so that no other process takes it for dead and gives its trial back
// for free.
void Supervisor::reap() {
  for (size_t i = 0; i < children_.size();) {
    siginfo_t info{};
    const Child child = children_[i];
    if (waitid(P_PID, static_cast<id_t>(child.pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
        info.si_pid == 0) {
      ++i;
      continue;
    }
    children_.erase(children_.begin() + static_cast<std::ptrdiff_t>(i));
    follow_up(child, info);
    waitpid(child.pid, nullptr, 0);
  }
}

void Supervisor::follow_up(const Child& child, const siginfo_t& info) {
  const std::string how = how_it_died(info);
  switch (ending_of(info)) {
    case Ending::orderly:
      exhausted_ = exhausted_ || info.si_status == kExhaustedStatus;
      break;
    case Ending::away:  // what it held the other workers, or the next search, find with its death
      give_up(
          "the study's server is away, or has no connection left; what was committed is safe, "
          "run the same command again");
      break;
    case Ending::fault:
      replace_after_fault(child, info.si_status == kLateFaultStatus);
      break;
    case Ending::error:  // its own, printed by it: the same would happen to the next
      settle(child, how, Charge::nothing);
      if (obeyed_interrupts_ == 0) child_error_ = static_cast<ExitStatus>(info.si_status);
      stop_children();
      break;
    case Ending::limit:  // the next would reach it too
      settle(child, how, Charge::nothing);
      stop_for("a worker has reached " + limit_reached(info) +
               "; what was done is stored: raise the limit and run the same command again");
      break;
    case Ending::death:
      replace(child, how, settle(child, how, Charge::retry));
      break;
  }
}

// What kills a worker at its start may well kill the next one too.
void Supervisor::replace(const Child& dead, const std::string& how, Stage stage) {
  if (obeyed_interrupts_ > 0) return;
  if (stage != Stage::training) observer_.worker_died(how, nullptr);
  const int failed_starts = stage == Stage::starting ? dead.failed_starts + 1 : 0;
  if (failed_starts <= kRetries) {
    children_.push_back(start(dead.device, failed_starts));
  } else {
    give_up(
        "every one died before it had trained anything (" + how +
        "); where memory is short, use fewer workers or images, and run the same command again");
  }
}

void Supervisor::replace_after_fault(const Child& child, bool after_work) {
  DeviceFaults& device = faults_[child.device];
  const bool was_left = device.is_left();
  const bool is_new = child.faults_before == device.all;
  if (is_new && !was_left) {
    ++device.all;
    device.in_a_row = after_work ? 1 : device.in_a_row + 1;
  }
  std::string fault = held_detail(child);
  if (fault.empty()) fault = "while a worker started; its words are above";
  settle(child, fault, is_new && !device.is_left() ? Charge::retry : Charge::nothing);
  if (obeyed_interrupts_ > 0) return;
  if (!device.is_left()) {
    children_.push_back(start(child.device, child.failed_starts));
  } else {
    if (!was_left) observer_.device_left(child.device, fault);
    give_up("device " + child.device + " faults with every network (" + fault +
            "); the device may be broken, or its driver: look at the system's log");
  }
}

void Supervisor::give_up(const std::string& why) {
  given_up_ = why;
  if (obeyed_interrupts_ == 0) observer_.worker_given_up(static_cast<int>(children_.size()));
}

// Unless it was told to stop before.
void Supervisor::stop_for(const std::string& failure) {
  if (obeyed_interrupts_ == 0) failure_ = failure;
  stop_children();
}

void Supervisor::stop_children() {
  signal_children(SIGTERM);
  obeyed_interrupts_ = std::max(obeyed_interrupts_, 1);
}

// The numbers under which a worker is registered in the study.
std::vector<int64_t> Supervisor::registrations(const Child& child) {
  std::vector<int64_t> ids;
  for (const Worker& worker : study_->workers()) {
    if (worker.pid == child.pid && is_same_host(worker, this_process())) ids.push_back(worker.id);
  }
  return ids;
}

void Supervisor::find_own_workers() {
  const Worker self = this_process();
  for (const Worker& worker : study_->workers()) {
    const bool is_child = std::any_of(children_.begin(), children_.end(),
                                      [&](const Child& child) { return child.pid == worker.pid; });
    if (is_child && is_same_host(worker, self)) own_workers_.insert(worker.id);
  }
}

std::string Supervisor::held_detail(const Child& child) {
  for (const int64_t worker : registrations(child)) {
    if (const std::optional<Trial> held = study_->held_trial(worker)) return held->detail;
  }
  return "";
}

// `how`: "signal 9, Killed", or what the device said.
Supervisor::Stage Supervisor::settle(const Child& child, const std::string& how, Charge charge) {
  std::optional<Trial> held;
  Stage stage = Stage::starting;
  transact(*study_, [&](bool again) {
    const std::vector<int64_t> workers = registrations(child);
    if (again && workers.empty()) return;  // it is settled
    stage = Stage::starting;
    held.reset();
    for (const int64_t worker : workers) {
      own_workers_.insert(worker);
      // Ready for trials while the study got on: it has most likely done one of them.
      if (finished_trials(study_->counts()) > child.finished) stage = Stage::between;
      if (auto trial = study_->held_trial(worker)) {
        stage = Stage::training;
        held = trial;
        give_back(*trial, worker, how, charge);
      }
      study_->remove_worker(worker);
    }
  });
  if (held && charge == Charge::retry && obeyed_interrupts_ < 2) observer_.worker_died(how, &*held);
  return stage;
}

void Supervisor::give_back(Trial trial, int64_t worker, const std::string& how, Charge charge) {
  if (obeyed_interrupts_ >= 2 || charge == Charge::nothing) {
    study_->release_trial(trial.number, trial.attempts);
  } else if (trial.attempts <= kRetries) {
    study_->release_trial(trial.number, trial.attempts + 1);
  } else {
    trial.forget_prediction();
    trial.state = TrialState::failed;
    trial.failure = Failure::crashed;
    trial.detail = how;
    study_->finish_trial(trial, worker);
  }
}

// A study that cannot be read just now is looked at again: the workers go on without it.
void Supervisor::report() {
  try {
    report_changes();
  } catch (const FailureError&) {
  }
}

void Supervisor::report_changes() {
  const Counts counts = study_->counts();
  const int64_t finished = finished_trials(counts);
  if (finished > finished_) report_trials();
  finished_ = finished;
  observer_.tick(counts);
}

void Supervisor::report_trials() {
  find_own_workers();
  std::vector<Trial> finished;
  for (const Trial& trial : study_->trials(false)) {
    const auto index = static_cast<size_t>(trial.number);
    if (index >= reported_.size()) reported_.resize(index + 1);
    if (!trial.finished() || reported_[index] == trial.state) continue;
    reported_[index] = trial.state;
    observer_.trial_finished(trial);
    finished.push_back(trial);
  }
  std::stable_sort(finished.begin(), finished.end(),
                   [](const Trial& a, const Trial& b) { return a.finished_at < b.finished_at; });
  for (const Trial& trial : finished) watch(trial);
}

// Each worker counts too, but one that dies with its trials begins anew. Those of other machines have
// their own troubles.
void Supervisor::watch(const Trial& trial) {
  if (obeyed_interrupts_ > 0 || !own_workers_.contains(trial.worker)) return;
  try {
    streak_.add(trial);
  } catch (const FailureError& error) {
    stop_for(error.what());
  }
}

bool Supervisor::has_new_interrupt() const {
  return options_.interrupts != nullptr && *options_.interrupts > obeyed_interrupts_;
}

void Supervisor::obey_interrupts() {
  if (options_.interrupts == nullptr) return;
  const int interrupts = *options_.interrupts;
  if (interrupts >= 1 && obeyed_interrupts_ < 1) signal_children(SIGTERM);
  if (interrupts >= 2 && obeyed_interrupts_ < 2) signal_children(SIGKILL);
  obeyed_interrupts_ = std::max(obeyed_interrupts_, std::min(interrupts, 2));
}

void Supervisor::signal_children(int signal) {
  for (const Child& child : children_) kill(child.pid, signal);
}

}  // namespace metaqnn::search
