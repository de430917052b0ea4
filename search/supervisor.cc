#include "search/supervisor.h"

#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

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
  if (info.si_status == SIGXCPU) return "the limit on processor time (ulimit -t)";
  if (info.si_status == SIGXFSZ) return "the limit on the size of files (ulimit -f)";
  return "";
}

// Killed, but not gone yet: SIGKILL is pending, or the kernel takes the process apart.
bool is_dying(int64_t pid) {
  constexpr uint64_t kExiting = 4;  // PF_EXITING among the flags, field 9 of /proc/PID/stat
  const std::string folder = "/proc/" + std::to_string(pid);
  std::string line;
  std::getline(std::ifstream(folder + "/stat"), line);
  std::istringstream rest(line.substr(std::min(line.size(), line.rfind(')') + 1)));
  std::string skipped;
  for (int field = 3; field < 9; ++field) rest >> skipped;
  uint64_t flags = 0;
  if (rest >> flags && (flags & kExiting) != 0) return true;
  std::ifstream status(folder + "/status");
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
  return counts.in(TrialState::complete) + counts.in(TrialState::failed);
}

}  // namespace

int available_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1u, std::thread::hardware_concurrency());
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
    : options_(options), observer_(observer), study_(open_study(options.study_url)) {
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
    reported_[static_cast<size_t>(trial.number)] = trial.finished();
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
  if (!reached_limit_.empty()) {
    throw FailureError("a worker has reached " + reached_limit_ +
                       "; what was done is stored: raise the limit and run the same command again");
  }
  if (obeyed_interrupts_ > 0 && has_work()) return SearchEnd::stopped;
  if (!failed_start_.empty() && !exhausted_ && has_work()) {
    throw FailureError("every worker died before it had trained anything (" + failed_start_ +
                       "); where memory is short, use fewer workers or images, and run the same "
                       "command again");
  }
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
  for (const std::string& argument :
       {std::string("--study"), options_.study_url, std::string("--device"), device,
        std::string("--threads"), std::to_string(options_.threads), std::string("--trials"),
        std::to_string(options_.limit), std::string("--supervised"), std::to_string(getpid())})
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
  return {pid, device, failed_starts, finished};
}

// Settles in the study what a dead worker held *before* reaping it: until then the kernel keeps its
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
    const bool exited = info.si_code == CLD_EXITED;
    if (exited && info.si_status == kExhaustedStatus) exhausted_ = true;
    const bool orderly = exited && (info.si_status == 0 || info.si_status == kExhaustedStatus);
    const std::string limit = limit_reached(info);
    const bool charged = !exited && limit.empty() && obeyed_interrupts_ < 2;
    const Stage stage = orderly ? Stage::between : settle(child, how_it_died(info), charged);
    waitpid(child.pid, nullptr, 0);
    children_.erase(children_.begin() + static_cast<std::ptrdiff_t>(i));
    if (orderly || obeyed_interrupts_ > 0) continue;
    if (exited || !limit.empty()) {  // the same would happen to the next
      if (exited) child_error_ = static_cast<ExitStatus>(info.si_status);  // it has printed it
      reached_limit_ = limit;
      signal_children(SIGTERM);
      obeyed_interrupts_ = std::max(obeyed_interrupts_, 1);
    } else {
      replace(child, how_it_died(info), stage);
    }
  }
}

// What kills a worker at its start may well kill the next one too.
void Supervisor::replace(const Child& dead, const std::string& how, Stage stage) {
  if (stage != Stage::training) observer_.worker_died(how, nullptr);
  const int failed_starts = stage == Stage::starting ? dead.failed_starts + 1 : 0;
  if (failed_starts <= kRetries) {
    children_.push_back(start(dead.device, failed_starts));
  } else {
    failed_start_ = how;
    observer_.worker_given_up(static_cast<int>(children_.size()));
  }
}

Supervisor::Stage Supervisor::settle(const Child& child, const std::string& how, bool charged) {
  Stage stage = Stage::starting;
  Transaction transaction(*study_);
  const Worker self = this_process();
  for (const Worker& worker : study_->workers()) {
    if (worker.pid != child.pid || worker.boot_id != self.boot_id ||
        worker.pid_namespace != self.pid_namespace)
      continue;
    std::optional<Trial> held = study_->held_trial(worker.id);
    // Ready for trials while the study got on: it has most likely done one of them.
    if (finished_trials(study_->counts()) > child.finished) stage = Stage::between;
    if (held) {
      stage = Stage::training;
      if (obeyed_interrupts_ < 2) observer_.worker_died(how, &*held);  // else it was told to
      if (!charged) {
        study_->release_trial(held->number, held->attempts);
      } else if (held->attempts > kRetries) {
        held->state = TrialState::failed;
        held->failure = Failure::crashed;
        held->detail = how;
        study_->finish_trial(*held, worker.id);
      } else {
        study_->release_trial(held->number, held->attempts + 1);
      }
    }
    study_->remove_worker(worker.id);
  }
  transaction.commit();
  return stage;
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
  for (const Trial& trial : study_->trials(false)) {
    const auto index = static_cast<size_t>(trial.number);
    if (index >= reported_.size()) reported_.resize(index + 1);
    if (!trial.finished() || reported_[index]) continue;
    reported_[index] = true;
    observer_.trial_finished(trial);
  }
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
