#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "metaqnn/search/study/study.h"
#include "search/study/host_lock.h"
#include "search/study/process_stat.h"

namespace metaqnn::search {
namespace {

std::string first_line(const std::string& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

std::string host_name() {
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  return name.data();
}

std::string pid_namespace() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/ns/pid", error).string();
}

// Also for processes that /proc hides, those of other users where it is mounted with hidepid.
bool exists(int64_t pid) { return kill(static_cast<pid_t>(pid), 0) == 0 || errno != ESRCH; }

// In a container the first process may be a supervisor itself.
bool first_process_runs_this_program() {
  std::error_code error;
  const std::filesystem::path first = std::filesystem::read_symlink("/proc/1/exe", error);
  return !error && first == std::filesystem::read_symlink("/proc/self/exe", error);
}

}  // namespace

Worker this_process() {
  Worker worker;
  worker.host = host_name();
  worker.boot_id = first_line("/proc/sys/kernel/random/boot_id");
  worker.pid_namespace = pid_namespace();
  worker.pid = getpid();
  worker.start_time = process_stat(worker.pid).start_time;
  return worker;
}

std::optional<bool> is_alive(const Worker& worker) {
  const Worker self = this_process();
  if (worker.host != self.host) return std::nullopt;
  if (worker.boot_id != self.boot_id) return false;
  if (worker.pid_namespace != self.pid_namespace) return std::nullopt;
  const ProcessStat stat = process_stat(worker.pid);
  if (stat.start_time == 0) return exists(worker.pid) ? std::nullopt : std::optional(false);
  if (stat.start_time != worker.start_time) return false;
  // A zombie counts as alive while a supervisor may still settle what it held; one left to process
  // 1 has none, unless process 1 is the supervisor.
  return stat.state != 'Z' || stat.parent != 1 || first_process_runs_this_program();
}

bool may_be_alive(Study& study, const Worker& worker) {
  if (is_same_host(worker, this_process())) return is_alive(worker).value_or(true);
  // Hosts may share a name, so what /proc says here is asked second.
  if (const std::optional<bool> present = study.is_host_present(worker)) return *present;
  return is_alive(worker).value_or(true);
}

}  // namespace metaqnn::search
