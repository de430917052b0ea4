#include "search/evaluate/guarded_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <optional>
#include <sstream>
#include <system_error>

#include "base/foreign_text.h"
#include "metaqnn/base/error.h"
#include "metaqnn/search/study/study.h"
#include "search/study/process_stat.h"

namespace metaqnn::search {
namespace {

using Clock = std::chrono::steady_clock;
namespace fs = std::filesystem;

// Names the process that wanted a program: "PID START_TIME BOOT_ID PID_NAMESPACE".
constexpr std::string_view kMark = "METAQNN_WORKER";
constexpr const char* kDefaultPath = "/usr/local/bin:/usr/bin:/bin";  // where PATH is not set
constexpr int64_t kLargestPipe = 1 << 20;  // bytes, by the system's default
constexpr int kNow = 0;
constexpr int kForEver = -1;
constexpr int kLookAgain = 20;  // milliseconds, while a group ends
// After SIGKILL the kernel may need a while to take a process apart, one on a GPU seconds.
constexpr double kLongestDying = 10;

// ---- Descriptors ----

class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() { close(); }
  void close() {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
  }
  int get() const { return number_; }

 private:
  int number_;
};

[[noreturn]] void throw_no_resources(const char* what) {
  throw FailureError(std::string("evaluator.command: the system has no ") + what + " to give (" +
                     strerror(errno) + "); close other programs and run the same command again");
}

struct Pair {
  Descriptor ours, theirs;
};

Pair make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw_no_resources("pipe");
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

// Between this process and the guardian; each sees when the other has died.
Pair make_line() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
    throw_no_resources("socket");
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

// What the guardian tells.
struct Message {
  enum class Kind { started, cannot_start, ended } kind;
  int value;  // process id; errno; status as waitpid() gives it
};

void tell(int line, Message::Kind kind, int value) {
  const Message message{kind, value};
  (void)!send(line, &message, sizeof(message), MSG_NOSIGNAL);
}

// ---- After the fork ----
//
// The process may have had threads, so that only calls that are safe in a signal handler are
// allowed: all memory is prepared before.

struct Prepared {
  std::vector<const char*> programs;  // paths to try
  std::vector<char*> words, environment;
  const char* folder;
  double grace_seconds;
  int line, output, error;
};

[[noreturn]] void become(const Prepared& prepared, pid_t guardian) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != guardian) _exit(1);  // it died before the line above
  // Told by itself: it may kill the guardian before that can.
  tell(prepared.line, Message::Kind::started, getpid());
  for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  dup2(prepared.output, STDOUT_FILENO);
  dup2(prepared.error, STDERR_FILENO);
  int failure = ENOENT;
  if (chdir(prepared.folder) == 0) {
    for (const char* program : prepared.programs) {
      execve(program, prepared.words.data(), prepared.environment.data());
      if (errno != ENOENT && errno != ENOTDIR) failure = errno;
    }
  } else {
    failure = errno;
  }
  tell(prepared.line, Message::Kind::cannot_start, failure);
  _exit(1);
}

// Whatever this process had open is another's matter: a lock, or a connection that tells that it lives.
void close_all_but(std::array<int, 3> kept) {
  std::sort(kept.begin(), kept.end());
  unsigned int from = STDERR_FILENO + 1;
  const auto close_from = [&](unsigned int to) {
    if (from > to || syscall(SYS_close_range, from, to, 0) == 0) return;
    for (unsigned int number = from; number <= std::min(to, 4096U); ++number)
      close(static_cast<int>(number));
  };
  for (const int number : kept) {
    close_from(static_cast<unsigned int>(number) - 1);
    from = static_cast<unsigned int>(number) + 1;
  }
  close_from(~0U);
}

class Guardian {
 public:
  explicit Guardian(const Prepared& prepared) : prepared_(prepared) {}

  [[noreturn]] void run() {
    setsid();  // no terminal's signal reaches it
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    close_all_but({prepared_.line, prepared_.output, prepared_.error});
    const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(nothing, number);
    sigset_t children;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    signal(SIGCHLD, SIG_DFL);  // where it is ignored, nobody can be waited for
    const int deaths = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
    const pid_t self = getpid();
    // Copying a process costs a millisecond, and this one only becomes another.
    program_ = vfork();
    if (program_ == 0) become(prepared_, self);
    if (program_ < 0) {
      tell(prepared_.line, Message::Kind::cannot_start, errno);
      _exit(0);
    }
    setpgid(program_, program_);  // as it does itself, whoever is first
    close(prepared_.output);
    close(prepared_.error);
    watch(deaths);
  }

 private:
  [[noreturn]] void watch(int deaths) {
    std::array<pollfd, 2> events{pollfd{deaths, POLLIN, 0}, pollfd{prepared_.line, POLLIN, 0}};
    for (;;) {
      poll(events.data(), events.size(), is_ending_ ? kLookAgain : kForEver);
      signalfd_siginfo ignored;
      while (read(deaths, &ignored, sizeof(ignored)) > 0) {
      }
      reap();
      // A word, or the death of the process that wanted the program.
      if (events[1].revents != 0) {
        begin_to_end();
        events[1].fd = -1;
      }
      if (has_ended_ && kill(-program_, 0) != 0) _exit(0);
      press();
    }
  }

  void reap() {
    int status = 0;
    for (pid_t dead; (dead = waitpid(-1, &status, WNOHANG)) > 0;) {
      if (dead != program_) continue;
      has_ended_ = true;
      tell(prepared_.line, Message::Kind::ended, status);
      begin_to_end();
    }
  }

  void begin_to_end() {
    if (is_ending_) return;
    is_ending_ = true;
    since_ = Clock::now();
    kill(-program_, SIGTERM);
    kill(-program_, SIGCONT);  // of one that is stopped
  }

  void press() const {
    if (!is_ending_) return;
    const double seconds = std::chrono::duration<double>(Clock::now() - since_).count();
    if (seconds >= prepared_.grace_seconds) kill(-program_, SIGKILL);
    if (seconds >= prepared_.grace_seconds + kLongestDying) _exit(0);
  }

  const Prepared& prepared_;
  pid_t program_ = 0;
  bool has_ended_ = false, is_ending_ = false;
  Clock::time_point since_;
};

// ---- Before it ----

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

std::string mark_of(const Worker& worker) {
  return std::to_string(worker.pid) + " " + std::to_string(worker.start_time) + " " +
         worker.boot_id + " " + worker.pid_namespace;
}

std::vector<std::string> environment_of(const GuardedCommand& command) {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const size_t equals = text.find('=');
    if (equals != std::string_view::npos)
      variables[std::string(text.substr(0, equals))] = text.substr(equals + 1);
  }
  for (const auto& [name, value] : command.environment) variables[name] = value;
  variables[std::string(kMark)] = mark_of(this_process());
  std::vector<std::string> lines;
  for (const auto& [name, value] : variables) lines.push_back(name + "=" + value);
  return lines;
}

// Where a shell would look for it.
std::vector<std::string> candidates(const GuardedCommand& command) {
  const std::string& program = command.words.front();
  if (program.find('/') != std::string::npos) return {(command.folder / program).string()};
  std::vector<std::string> paths;
  std::istringstream folders(variable("PATH").value_or(kDefaultPath));
  for (std::string folder; std::getline(folders, folder, ':');)
    paths.push_back((command.folder / folder / program).string());
  return paths;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

[[noreturn]] void throw_cannot_start(const GuardedCommand& command, const std::string& why) {
  throw UsageError("evaluator.command: '" + shown(command.words.front()) +
                   "' cannot be run in the folder " + shown(command.folder.string(), 200) + " (" +
                   why +
                   "); give a program of the PATH, or a path from that folder to one that may "
                   "be executed");
}

// ---- The process that wants the program ----

class GuardedRun {
 public:
  GuardedRun(const GuardedCommand& command,
             const std::function<bool(Output, std::string_view)>& take)
      : command_(command), take_(take) {
    if (command.max_seconds > 0) deadline_ = Clock::now() + in_seconds(command.max_seconds);
  }
  ~GuardedRun() {
    line_.close();  // so that the guardian ends it, where it was not ended
    while (guardian_ > 0 && waitpid(guardian_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  GuardedRun(const GuardedRun&) = delete;
  GuardedRun& operator=(const GuardedRun&) = delete;

  ProcessEnd run() {
    start();
    while (!status_) {
      wait();
      hear();
      read_all();
      if (Clock::now() >= deadline_) end_it(ProcessEnd::Kind::timeout);
    }
    // What it has written before its end; others may still write.
    for (int64_t left = 1 + kLargestPipe / static_cast<int64_t>(buffer_.size());
         left > 0 && read_all(); --left) {
    }
    return end();
  }

 private:
  struct Stream {
    Output output{};
    Descriptor descriptor;
  };

  static Clock::duration in_seconds(double seconds) {
    constexpr double kLongest = 1e9;  // 30 years
    return std::chrono::duration_cast<Clock::duration>(
        std::chrono::duration<double>(std::min(seconds, kLongest)));
  }

  void start() {
    std::vector<std::string> words = command_.words, environment = environment_of(command_);
    const std::vector<std::string> paths = candidates(command_);
    const std::string folder = command_.folder.string();
    Pair line = make_line(), output = make_pipe(), error = make_pipe();
    Prepared prepared{{},
                      pointers(words),
                      pointers(environment),
                      folder.c_str(),
                      command_.grace_seconds,
                      line.theirs.get(),
                      output.theirs.get(),
                      error.theirs.get()};
    for (const std::string& path : paths) prepared.programs.push_back(path.c_str());
    // The guardian keeps them blocked: it ends by itself, or of SIGKILL.
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    guardian_ = fork();
    if (guardian_ == 0) Guardian(prepared).run();
    sigprocmask(SIG_SETMASK, &before, nullptr);
    if (guardian_ < 0) throw_no_resources("process");
    line_ = std::move(line.ours);
    streams_[0] = {Output::standard, std::move(output.ours)};
    streams_[1] = {Output::error, std::move(error.ours)};
    for (const Stream& stream : streams_) fcntl(stream.descriptor.get(), F_SETFL, O_NONBLOCK);
  }

  void wait() const {
    int milliseconds = kForEver;
    if (deadline_ != Clock::time_point::max() && !why_) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now());
      constexpr int64_t kMost = std::numeric_limits<int>::max();
      milliseconds = static_cast<int>(std::clamp<int64_t>(left.count(), kNow, kMost));
    }
    std::array<pollfd, 3> events{pollfd{line_.get(), POLLIN, 0},
                                 pollfd{streams_[0].descriptor.get(), POLLIN, 0},
                                 pollfd{streams_[1].descriptor.get(), POLLIN, 0}};
    poll(events.data(), events.size(), milliseconds);
  }

  // What the guardian tells, or that it is dead.
  void hear() {
    Message message{};
    const ssize_t size = recv(line_.get(), &message, sizeof(message), MSG_DONTWAIT);
    if (size < 0) return;
    if (size == 0) {
      if (program_ > 0) kill(-program_, SIGKILL);
      status_ = SIGKILL;
      return;
    }
    switch (message.kind) {
      case Message::Kind::started:
        program_ = message.value;
        break;
      case Message::Kind::cannot_start:
        throw_cannot_start(command_, strerror(message.value));
      case Message::Kind::ended:
        status_ = message.value;
        break;
    }
  }

  // True if there was something.
  bool read_all() {
    bool found = false;
    for (Stream& stream : streams_) found = read_one(stream) || found;
    return found;
  }

  bool read_one(Stream& stream) {
    if (stream.descriptor.get() < 0) return false;
    const ssize_t size = read(stream.descriptor.get(), buffer_.data(), buffer_.size());
    if (size == 0) stream.descriptor.close();
    if (size <= 0) return false;
    const std::string_view bytes(buffer_.data(), static_cast<size_t>(size));
    if (!why_ && !take_(stream.output, bytes)) end_it(ProcessEnd::Kind::left);
    return true;
  }

  void end_it(ProcessEnd::Kind why) {
    if (why_) return;
    why_ = why;
    const char word = 0;
    (void)!send(line_.get(), &word, sizeof(word), MSG_NOSIGNAL);
  }

  ProcessEnd end() const {
    if (why_) return {*why_};
    if (WIFSIGNALED(*status_)) return {ProcessEnd::Kind::killed, WTERMSIG(*status_)};
    return {ProcessEnd::Kind::exited, WEXITSTATUS(*status_)};
  }

  const GuardedCommand& command_;
  const std::function<bool(Output, std::string_view)>& take_;
  Clock::time_point deadline_ = Clock::time_point::max();
  pid_t guardian_ = 0, program_ = 0;
  Descriptor line_;
  std::array<Stream, 2> streams_;
  std::optional<int> status_;            // of the program, as waitpid() gives it
  std::optional<ProcessEnd::Kind> why_;  // it was told to end
  std::array<char, 65536> buffer_{};
};

// The value of a variable in the environment of a process; "" where it has none, or may not be read.
std::string variable_of(const std::string& pid, std::string_view name) {
  std::ifstream in("/proc/" + pid + "/environ", std::ios::binary);
  for (std::string entry; std::getline(in, entry, '\0');) {
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=')
      return entry.substr(name.size() + 1);
  }
  return "";
}

// Whether the process that the mark names lived on this machine and is dead.
bool is_of_the_dead(const std::string& mark, const Worker& self) {
  std::istringstream in(mark);
  Worker worker = self;
  in >> worker.pid >> worker.start_time >> worker.boot_id >> worker.pid_namespace;
  return !in.fail() && is_alive(worker) == std::optional(false);
}

}  // namespace

ProcessEnd run_guarded(const GuardedCommand& command,
                       const std::function<bool(Output, std::string_view)>& take) {
  return GuardedRun(command, take).run();
}

void check_startable(const GuardedCommand& command) {
  std::error_code ignored;
  if (!fs::is_directory(command.folder, ignored)) {
    throw UsageError("evaluator.folder: " + shown(command.folder.string(), 200) +
                     " is no folder; give the one in which the command runs");
  }
  int failure = ENOENT;
  for (const std::string& path : candidates(command)) {
    if (!fs::exists(path, ignored)) continue;
    if (!fs::is_directory(path, ignored) && access(path.c_str(), X_OK) == 0) return;
    failure = EACCES;
  }
  throw_cannot_start(command, strerror(failure));
}

void end_orphans() {
  const Worker self = this_process();
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename().string();
    pid_t pid = 0;
    const auto [end, problem] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (problem != std::errc() || end != name.data() + name.size() || pid == self.pid) continue;
    const std::string mark = variable_of(name, kMark);
    if (!mark.empty() && is_of_the_dead(mark, self)) kill(pid, SIGKILL);
  }
}

}  // namespace metaqnn::search
